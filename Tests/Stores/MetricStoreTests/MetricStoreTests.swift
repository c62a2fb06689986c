import MetricStore
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite("Metric store")
struct MetricStoreTests {
    @Test func samplesComeBackInLabelOrder() throws {
        let harness = StoreHarness()
        for pod in ["c", "a", "b"] {
            let result = harness.append(
                ["__name__": "up", "pod": pod],
                [(-2000, 1), (-1000, 0)]
            )
            #expect(result.accepted == 2)
            #expect(result.firstRefusal == nil)
        }
        let found = try harness.select([LabelMatcher("__name__", equals: "up")])
        #expect(found.map { $0.labels["pod"] } == ["a", "b", "c"])
        #expect(found.allSatisfy { $0.samples.map(\.value) == [1, 0] })
    }

    @Test func rangesAreOpenOnTheLeft() throws {
        let harness = StoreHarness()
        _ = harness.append(
            ["__name__": "m"],
            (1...100).map { (Int64($0 - 101) * 1000, Double($0)) }
        )
        let now = harness.clock.now()
        let found = try harness.store.select(
            SeriesSelection(
                matchers: [LabelMatcher("__name__", equals: "m")],
                range: TimeRange(after: now - .seconds(71), through: now - .seconds(68))
            ),
            sampleLimit: 10
        )
        #expect(found.first?.samples.map(\.value) == [31, 32, 33])
        #expect(throws: SeriesReadingError.sampleLimit(99)) {
            try harness.store.select(
                SeriesSelection(
                    matchers: [LabelMatcher("__name__", equals: "m")],
                    range: TimeRange(after: .distantPast, through: now)
                ),
                sampleLimit: 99
            )
        }
    }

    @Test func stalenessMarkersAreKeptBitForBit() throws {
        let harness = StoreHarness()
        let nan = Double(bitPattern: 0x7ff8_0000_0000_1234)
        let values = [1, Staleness.marker, -0.0, nan, .infinity, .leastNonzeroMagnitude]
        _ = harness.append(
            ["__name__": "m"],
            (0..<200).map { (Int64($0 - 300) * 1000, values[$0 % values.count]) }
        )
        let samples = try harness.samples("m")
        #expect(samples.count == 200)
        for (index, sample) in samples.enumerated() {
            #expect(sample.1.bitPattern == values[index % values.count].bitPattern)
        }
    }

    struct LateCase: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var policy: SampleBatch.LatePolicy = .reject
        var late: (Int64, Double)
        var refused: RefusalCause?
        var duplicates = 0
        var revised = 0
        var accepted = 0
    }

    static let lateCases = [
        LateCase(testDescription: "newest again, same value", late: (-1000, 100), duplicates: 1),
        LateCase(testDescription: "old again, same value", late: (-90_000, 11), duplicates: 1),
        LateCase(
            testDescription: "newest, other value",
            late: (-1000, 7),
            refused: .duplicateTimestamp
        ),
        LateCase(testDescription: "between two", late: (-1500, 7), refused: .outOfOrder),
        LateCase(testDescription: "before all", late: (-500_000, 7), refused: .outOfOrder),
        LateCase(testDescription: "out of retention", late: (-21_600_000, 7), refused: .tooOld),
        LateCase(testDescription: "in the future", late: (600_001, 7), refused: .tooFarInFuture),
        LateCase(testDescription: "at the edge of the future", late: (600_000, 7), accepted: 1),
        LateCase(
            testDescription: "upsert of the newest",
            policy: .upsert(window: .seconds(60)),
            late: (-1000, 7),
            revised: 1,
            accepted: 1
        ),
        LateCase(
            testDescription: "upsert between two",
            policy: .upsert(window: .seconds(60)),
            late: (-30_500, 7),
            accepted: 1
        ),
        LateCase(
            testDescription: "upsert of the same value",
            policy: .upsert(window: .seconds(60)),
            late: (-30_000, 71),
            duplicates: 1
        ),
        LateCase(
            testDescription: "upsert of a sealed sample",
            policy: .upsert(window: .seconds(99)),
            late: (-99_000, 7),
            revised: 1,
            accepted: 1
        ),
        LateCase(
            testDescription: "upsert before all",
            policy: .upsert(window: .seconds(3600)),
            late: (-500_000, 7),
            accepted: 1
        ),
        LateCase(
            testDescription: "upsert past the window",
            policy: .upsert(window: .seconds(60)),
            late: (-61_001, 7),
            refused: .tooOld
        ),
    ]

    @Test("late samples", arguments: lateCases) func late(_ one: LateCase) throws {
        let harness = StoreHarness()
        _ = harness.append(
            ["__name__": "m"],
            (1...100).map { (Int64($0 - 101) * 1000, Double($0)) }
        )
        let result = harness.append(["__name__": "m"], [one.late], policy: one.policy)
        #expect(result.accepted == one.accepted)
        #expect(result.revised == one.revised)
        #expect(result.duplicates == one.duplicates)
        #expect(result.refused == (one.refused.map { [$0: 1] } ?? [:]))
        #expect((result.firstRefusal == nil) == (one.refused == nil))
        let samples = try harness.samples("m")
        #expect(samples.count == 100 + one.accepted - one.revised)
        #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.0 < $1.0 })
        if one.accepted > 0 {
            #expect(samples.contains { $0.0 == one.late.0 && $0.1 == one.late.1 })
        }
    }

    @Test func refusalsAreCountedByCause() {
        let harness = StoreHarness()
        _ = harness.append(["__name__": "m"], [(0, 1), (0, 2), (-1, 3), (700_000, 4)])
        let text = harness.metrics.exposition(.text)
        for line in [
            "tocsin_store_samples_accepted_total 1",
            "tocsin_store_samples_refused_total{cause=\"duplicate_timestamp\"} 1",
            "tocsin_store_samples_refused_total{cause=\"out_of_order\"} 1",
            "tocsin_store_samples_refused_total{cause=\"too_far_in_future\"} 1",
            "tocsin_store_series 1", "tocsin_store_series_limit 500000",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }

    @Test func aSeriesIsNotMadeForRefusedSamples() {
        let harness = StoreHarness()
        let result = harness.append(["__name__": "m"], [(-30_000_000, 1), (900_000, 1)])
        #expect(result.refused == [.tooOld: 1, .tooFarInFuture: 1])
        #expect(harness.store.statistics.series == 0)
    }

    @Test func labelsCanBeAskedFor() throws {
        let harness = StoreHarness()
        for pod in ["a", "b"] {
            _ = harness.append(
                ["__name__": "up", "pod": pod],
                [(-5000, 1), (-4000, 2), (-1000, 3)]
            )
        }
        _ = harness.append(["__name__": "down", "zone": "z"], [(-5000, 1)])
        let now = harness.clock.now()
        func selection(_ name: String?, from: Int64, to: Int64) -> SeriesSelection {
            SeriesSelection(
                matchers: name.map { [LabelMatcher("__name__", equals: $0)] } ?? [],
                range: TimeRange(
                    after: now + .milliseconds(from),
                    through: now + .milliseconds(to)
                )
            )
        }
        let sets = try harness.store.labelSets(selection("up", from: -4500, to: -3500))
        #expect(sets.map { $0["pod"] } == ["a", "b"])
        #expect(try harness.store.labelSets(selection("up", from: -3500, to: -1500)).isEmpty)
        #expect(
            try harness.store.labelNames(selection(nil, from: -60_000, to: 0)) == [
                "__name__", "pod", "zone",
            ]
        )
        #expect(
            try harness.store.labelNames(selection("up", from: -60_000, to: 0)) == [
                "__name__", "pod",
            ]
        )
        #expect(
            try harness.store.labelValues("__name__", selection(nil, from: -60_000, to: 0)) == [
                "down", "up",
            ]
        )
        #expect(
            try harness.store.labelValues("__name__", selection(nil, from: -2000, to: 0)) == ["up"]
        )
        #expect(
            try harness.store.labelNames(selection(nil, from: -2000, to: 0)) == ["__name__", "pod"]
        )
        #expect(
            try harness.store.labelValues("pod", selection("up", from: -60_000, to: 0)) == [
                "a", "b",
            ]
        )
    }

    @Test("texts of the same characters and other bytes are listed apart", arguments: [1, 4])
    func labelsAreBytes(shards: Int) throws {
        let harness = StoreHarness(MetricStoreSettings(shards: shards))
        let texts = ["e\u{301}", "\u{e9}"]
        for text in texts {
            _ = harness.append(["__name__": text, text: "v"], [(0, 1)])
            _ = harness.append(["__name__": text, text: "w"], [(0, 1)])
        }
        let all = SeriesSelection(
            matchers: [],
            range: TimeRange(after: .distantPast, through: .distantFuture)
        )
        func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }
        let names = try harness.store.labelNames(all)
        #expect(bytes(names) == bytes(["__name__"] + texts))
        #expect(bytes(try harness.store.labelValues("__name__", all)) == bytes(texts))
        let tops = harness.store.statistics.topMetrics
        #expect(bytes(tops.map(\.name)).sorted { $0.lexicographicallyPrecedes($1) } == bytes(texts))
        #expect(tops.allSatisfy { $0.series == 2 })
        #expect(harness.store.statistics.labelNames == 3)
    }

    @Test func aStoppedStoreRefusesAndThrows() throws {
        let harness = StoreHarness()
        #expect(harness.append(["__name__": "m"], [(0, 1)]).accepted == 1)
        harness.store.stop()
        let result = harness.append(["__name__": "m"], [(1, 1)])
        #expect(result.refused == [.stopping: 1])
        #expect(harness.store.tryAppend(harness.batch(["__name__": "m"], [(2, 1)]))?.accepted == 0)
        #expect(throws: SeriesReadingError.stopped) { try harness.select([]) }
        harness.store.stop()
    }

    @Test func severalThreadsAppendAndReadAtOnce() async throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 3))
        let store = harness.store
        let now = harness.clock.now().milliseconds
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for step in 0..<100 {
                        var batch = SampleBatch()
                        for series in 0..<50 {
                            batch.append(
                                ["__name__": "m", "writer": "\(writer)", "series": "\(series)"],
                                samples: [
                                    Sample(Timestamp(milliseconds: now + Int64(step)), Double(step))
                                ]
                            )
                        }
                        #expect(store.append(batch).accepted == 50)
                    }
                }
            }
            for reader in 0..<2 {
                group.addTask {
                    // Few values: answered by this thread whenever a shard's own is idle.
                    let newest = ColumnRequest(
                        matchers: [LabelMatcher("writer", equals: "\(reader)")],
                        function: WindowFunctions.newest,
                        length: 1000,
                        end: now + 100
                    )
                    var seen: [LabelSet: Double] = [:]
                    for _ in 0..<400 {
                        let column = try? store.columns([newest], sampleLimit: .max)[0]
                        #expect(column != nil)
                        guard let column else { continue }
                        for (labels, value) in zip(column.table.labels, column.values)
                        where !Staleness.isMarker(value) {
                            #expect(value >= seen[labels] ?? 0)
                            seen[labels] = value
                        }
                    }
                    for _ in 0..<40 {
                        let found = try? store.select(
                            SeriesSelection(
                                matchers: [LabelMatcher("writer", equals: "\(reader)")],
                                range: TimeRange(after: .distantPast, through: .distantFuture)
                            ),
                            sampleLimit: .max
                        )
                        for series in found ?? [] {
                            let values = series.samples.map(\.value)
                            #expect(values == (0..<values.count).map(Double.init))
                        }
                        _ = store.statistics
                    }
                }
            }
        }
        let found = try harness.select([LabelMatcher("__name__", equals: "m")])
        #expect(found.count == 200)
        #expect(found.allSatisfy { $0.samples.count == 100 })
        #expect(store.statistics.samples == 20_000)
    }
}
