import Model
import SampleLog
import StoreTestSupport
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// What is found after the process was killed, power was lost, or files were damaged.
@Suite struct DurabilityTests {
    private static let everything = SeriesSelection(
        matchers: [],
        range: TimeRange(after: .distantPast, through: .distantFuture)
    )

    private static func durability(_ files: FaultyFiles) -> StoreDurability {
        StoreDurability(
            folder: "data/samples",
            files: files,
            commitInterval: .seconds(3600),
            segmentBytesMax: 4096
        )
    }

    @Test("everything acknowledged is there after a kill", arguments: 1...12 as ClosedRange<UInt64>)
    func killed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let settings = MetricStoreSettings(
            shards: [1, 2, 3][Int(seed % 3)],
            retention: .seconds(5400),
            aliasesPerSeriesMax: 3
        )
        let clock = ManualClock()
        var files = FaultyFiles()
        var harness = StoreHarness(
            settings,
            durability: DurabilityTests.durability(files),
            clock: clock
        )
        _ = try harness.store.waitUntilRecovered()
        var model = ArrayModel(settings: settings)
        let series: [LabelSet] = (0..<25).map {
            ["__name__": "m\($0 % 3)", "a": "\($0 % 7)", "b": "\($0)", "c": $0 % 2 == 0 ? "x" : ""]
        }
        var newest = [Int64](repeating: clock.now().milliseconds - 600_000, count: 25)
        for step in 0..<240 {
            let now = clock.now()
            let batch = ModelEqualityTests.randomBatch(
                series,
                now: now.milliseconds,
                newest: &newest,
                &random
            )
            let result = harness.store.append(batch)
            let expected = model.append(batch, now: now)
            try #require(result.accepted == expected.accepted, "step \(step)")
            try #require(result.refused == expected.refused, "step \(step)")
            if Int.random(in: 0..<40, using: &random) == 0 {
                harness.store.expire()
                model.expire(now: now)
            }
            if Int.random(in: 0..<25, using: &random) == 0 {
                files = files.afterKill()
                harness = StoreHarness(
                    settings,
                    durability: DurabilityTests.durability(files),
                    clock: clock
                )
                let recovery = try harness.store.waitUntilRecovered()
                #expect(recovery?.cuts == [])
                let found = try harness.store.select(DurabilityTests.everything, sampleLimit: .max)
                let wanted = try model.select(
                    DurabilityTests.everything,
                    now: now,
                    sampleLimit: .max
                )
                let isSame = same(found, wanted)
                try #require(isSame, "step \(step)")
            }
            clock.advance(
                by: .seconds(Int64.random(in: 0..<(step % 97 == 96 ? 9000 : 60), using: &random))
            )
            if step % 97 == 96 {
                for index in newest.indices { newest[index] = clock.now().milliseconds - 300_000 }
            }
        }
    }
}
