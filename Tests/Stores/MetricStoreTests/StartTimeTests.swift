import MetricStore
import Model
import StoreTestSupport
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Start timestamps in the store: what is kept, what limits them, that others have none.
@Suite struct StartTimeTests {
    private static let labels: LabelSet = ["__name__": "m"]

    /// Samples a second apart up to now, with starts in ms from now.
    private func batch(_ harness: StoreHarness, starts: [Int64]) -> SampleBatch {
        let now = harness.clock.now().milliseconds
        var batch = harness.batch(
            StartTimeTests.labels,
            starts.indices.map { (Int64($0 - starts.count + 1) * 1000, Double($0)) }
        )
        batch.starts = starts.map { $0 + now }
        return batch
    }

    private func starts(_ harness: StoreHarness) throws -> [Int64] {
        let now = harness.clock.now().milliseconds
        return try harness.select([LabelMatcher("__name__", equals: "m")]).flatMap { one in
            one.samples.map { sample in
                let start = one.starts?[sample.timestamp.milliseconds] ?? 0
                return start == 0 ? 0 : start - now
            }
        }
    }

    @Test func samplesWithoutHaveNone() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 1))
        _ = harness.append(StartTimeTests.labels, [(-1000, 1), (0, 2)])
        let found = try harness.select([])
        #expect(found.allSatisfy { $0.starts == nil })
    }

    @Test func aBatchWithoutStartsEndsARun() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 1))
        _ = harness.store.append(batch(harness, starts: [-90_000, -90_000]))
        harness.clock.advance(by: .seconds(1))
        _ = harness.append(StartTimeTests.labels, [(0, 3)])
        #expect(try starts(harness) == [-91_000, -91_000, 0])
    }

    @Test func runsOfOneSeriesHaveALimit() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 1, startRunsMax: 3))
        _ = harness.store.append(
            batch(harness, starts: [-61_000, -62_000, -63_000, -64_000, -65_000])
        )
        #expect(try starts(harness) == [0, 0, -63_000, -64_000, -65_000])
        #expect(
            harness.metrics.exposition(.text).contains(
                "tocsin_store_start_times_forgotten_total{limit=\"start_runs_max\"} 2\n"
            )
        )
    }

    @Test func whatExpiresTakesItsStartsAlong() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 1, retention: .seconds(3600)))
        _ = harness.store.append(batch(harness, starts: [-10_000, -1500, -500]))
        harness.clock.advance(by: .seconds(4000))
        harness.store.expire()
        _ = harness.append(StartTimeTests.labels, [(0, 1)])
        let found = try harness.select([])
        #expect(found.map(\.samples.count) == [1])
        #expect(found[0].starts == nil)
    }

    @Test func memoryOfStartsCounts() throws {
        // Deltas have a run a sample, and so little memory is soon full of them.
        let harness = StoreHarness(
            MetricStoreSettings(shards: 1, maxMemoryBytes: 1 << 20, startRunsMax: 4096)
        )
        let now = harness.clock.now().milliseconds
        for step in 0..<500 as Range<Int64> {
            var batch = SampleBatch()
            for index in 0..<200 {
                let time = now + step * 1000
                batch.append(
                    ["__name__": "m", "i": "\(index)"],
                    samples: [Sample(Timestamp(milliseconds: time), 1)]
                )
                batch.starts.append(time - 1000)
            }
            _ = harness.store.append(batch)
        }
        let found = try harness.select([])
        #expect(found.count == 200)
        #expect(
            found.allSatisfy { ($0.samples.last?.timestamp.milliseconds ?? 0) == now + 499_000 }
        )
        #expect(harness.store.statistics.bytes <= 2 << 20)
        #expect(
            !harness.metrics.exposition(.text).contains(
                "tocsin_store_start_times_forgotten_total{limit=\"max_memory\"} 0\n"
            )
        )
    }

    @Test func startsMoveWithTheNumberOfShards() throws {
        let files = FaultyFiles()
        let clock = ManualClock()
        var expected: [SeriesSamples] = []
        for shards in [1, 3, 2] {
            let harness = StoreHarness(
                MetricStoreSettings(shards: shards),
                durability: DurabilityTests.durability(files),
                clock: clock
            )
            _ = try harness.store.waitUntilRecovered()
            if shards == 1 {
                for index in 0..<20 {
                    var batch = harness.batch(
                        ["__name__": "m", "i": "\(index)"],
                        [(-2000, 1), (-1000, 2), (0, 3)]
                    )
                    if index % 2 == 0 { batch.starts = batch.timestamps.map { $0 - 500 } }
                    _ = harness.store.append(batch)
                }
                expected = try harness.select([])
            }
            let found = try harness.select([])
            #expect(found.count == 20)
            let isSame = same(found, expected)
            #expect(isSame)
            #expect(found.count { $0.starts != nil } == 10)
            harness.store.stop()
        }
    }
}
