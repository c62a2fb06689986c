import Model
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// Columns computed on the shards against those made of the samples themselves.
@Suite("Columns")
struct ColumnTests {
    static func randomRequest(
        _ matchers: [LabelMatcher],
        newest: Int64,
        _ random: inout SeededGenerator
    ) -> ColumnRequest {
        let function = WindowFunctions.all.randomElement(using: &random) ?? WindowFunctions.digest
        var length = Int64.random(in: 1...400_000, using: &random)
        if Int.random(in: 0..<8, using: &random) == 0 { length *= 20 }
        var end = newest
        switch Int.random(in: 0..<4, using: &random) {
        case 0: end -= Int64.random(in: 0..<4_000_000, using: &random)
        case 1: end += Int64.random(in: 0..<100_000, using: &random)
        case 2: length = length / 15_000 * 15_000 + 15_000
        default: break
        }
        var request = ColumnRequest(
            matchers: matchers,
            function: function,
            length: length,
            end: end
        )
        if Int.random(in: 0..<3, using: &random) == 0 {
            request.steps = Int.random(in: 1..<20, using: &random)
            request.step = Int64.random(in: 1..<100_000, using: &random)
        }
        if function.shortcut == .none, Int.random(in: 0..<3, using: &random) == 0 {
            request.before = Int64.random(in: 0..<100_000, using: &random)
            request.after = Int64.random(in: 0..<100_000, using: &random)
        }
        return request
    }

    @Test(
        "equal the samples' own, under random operations",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func equalTheModels(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let harness = StoreHarness(
            MetricStoreSettings(shards: [1, 2, 5][Int(seed % 3)], retention: .seconds(5400))
        )
        let reader = SelectingReader(store: harness.store)
        let series: [LabelSet] = (0..<25).map {
            ["__name__": "m\($0 % 3)", "a": "\($0 % 7)", "b": "\($0)", "c": $0 % 2 == 0 ? "x" : ""]
        }
        var newest = [Int64](repeating: harness.clock.now().milliseconds - 600_000, count: 25)
        for step in 0..<200 {
            // Series come one by one, so that plans and tables grow.
            let known = min(25, 2 + step / 4)
            let batch = ModelEqualityTests.randomBatch(
                Array(series.prefix(known)),
                now: harness.clock.now().milliseconds,
                newest: &newest,
                &random
            )
            _ = harness.store.append(batch)
            let matchers: [[LabelMatcher]] = [
                [LabelMatcher("__name__", equals: "m0")], [LabelMatcher("__name__", equals: "m1")],
                [try LabelMatcher("b", .matches, "1.*")], [],
                [LabelMatcher("__name__", equals: "m2"), try LabelMatcher("c", .notEqual, "x")],
            ]
            let requests = (0..<Int.random(in: 1..<6, using: &random)).map { _ in
                ColumnTests.randomRequest(
                    matchers.randomElement(using: &random) ?? [],
                    newest: newest.prefix(known).randomElement(using: &random) ?? 0,
                    &random
                )
            }
            let found = try harness.store.columns(requests, sampleLimit: .max)
            let wanted = try reader.columns(requests, sampleLimit: .max)
            for (number, request) in requests.enumerated() {
                let column = found[number]
                try #require(column.values.count == column.table.count * request.steps)
                let isSorted = zip(column.table.labels, column.table.labels.dropFirst())
                    .allSatisfy { $0 < $1 }
                try #require(isSorted, "step \(step)")
                let isSame = column.present == wanted[number].present
                try #require(isSame, "step \(step), request \(number): \(request)")
                let noticed = column.noticed.map { column.table.labels[$0] }
                let expected = wanted[number].noticed.map { wanted[number].table.labels[$0] }
                try #require(noticed == expected, "step \(step), request \(number)")
            }
            if step % 50 == 49 { harness.store.expire() }
            harness.clock.advance(
                by: .seconds(Int64.random(in: 0..<(step % 97 == 96 ? 9000 : 60), using: &random))
            )
            if step % 97 == 96 {
                for index in newest.indices {
                    newest[index] = harness.clock.now().milliseconds - 300_000
                }
            }
        }
    }

    @Test func bitsDoNotDependOnTheNumberOfShards() throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var answers: [[Column]] = []
            for shards in [1, 2, 3, 7, 16] {
                var random = SeededGenerator(seed: seed)
                let harness = StoreHarness(MetricStoreSettings(shards: shards))
                let series: [LabelSet] = (0..<60).map { ["__name__": "m\($0 % 5)", "i": "\($0)"] }
                var newest = [Int64](
                    repeating: harness.clock.now().milliseconds - 3_600_000,
                    count: 60
                )
                for _ in 0..<60 {
                    _ = harness.store.append(
                        ModelEqualityTests.randomBatch(
                            series,
                            now: harness.clock.now().milliseconds,
                            newest: &newest,
                            &random
                        )
                    )
                }
                let requests = try (0..<20).map { _ in
                    ColumnTests.randomRequest(
                        [try LabelMatcher("i", .matches, "[0-4]?.")],
                        newest: newest[0],
                        &random
                    )
                }
                answers.append(try harness.store.columns(requests, sampleLimit: .max))
            }
            for answer in answers.dropFirst() {
                for (column, first) in zip(answer, answers[0]) {
                    #expect(column.table.labels == first.table.labels)
                    #expect(column.values.map(\.bitPattern) == first.values.map(\.bitPattern))
                }
            }
        }
    }

    static let name = [LabelMatcher("__name__", equals: "m")]

    func newest(_ harness: StoreHarness, _ matchers: [LabelMatcher] = name) throws -> Column {
        let request = ColumnRequest(
            matchers: matchers,
            function: WindowFunctions.newest,
            length: 300_000,
            end: harness.clock.now().milliseconds
        )
        return try harness.store.columns([request], sampleLimit: .max)[0]
    }

    @Test("the table stays the same object", arguments: [1, 2, 5])
    func tableIdentity(shards: Int) throws {
        let harness = StoreHarness(
            MetricStoreSettings(shards: shards, retention: .seconds(600))
        )
        for index in stride(from: 0, to: 100, by: 2) {
            _ = harness.append(["__name__": "m", "i": "\(index)"], [(0, Double(index))])
        }
        let first = try newest(harness)
        #expect(first.table.count == 50)
        // Samples of known series and series of other metrics change nothing.
        harness.clock.advance(by: .seconds(10))
        _ = harness.append(["__name__": "m", "i": "4"], [(0, 7)])
        _ = harness.append(["__name__": "other", "i": "4"], [(0, 7)])
        _ = try harness.select(ColumnTests.name)
        let second = try newest(harness)
        #expect(second.table === first.table)
        #expect(second.values.contains(7))
        // A new series makes a new table, whose other rows keep their labels.
        _ = harness.append(["__name__": "m", "i": "5"], [(0, 5)])
        let third = try newest(harness)
        #expect(third.table !== first.table)
        #expect(third.table.count == 51)
        #expect(third.table.labels == third.table.labels.sorted())
        let place = try #require(third.table.labels.firstIndex { $0["i"] == "5" })
        #expect(third.values[place] == 5)
        #expect(try newest(harness).table === third.table)
        for index in stride(from: 7, to: 107, by: 2) {
            _ = harness.append(["__name__": "m", "i": "\(index)"], [(0, Double(index))])
        }
        let fourth = try newest(harness)
        #expect(fourth.table.count == 101)
        #expect(fourth.table.labels == fourth.table.labels.sorted())
        #expect(
            zip(fourth.table.labels, fourth.values).allSatisfy {
                $0["i"] == "4" ? $1 == 7 : Double($0["i"]) == $1
            }
        )
        // All but one series go.
        harness.clock.advance(by: .seconds(599))
        _ = harness.append(["__name__": "m", "i": "9"], [(0, 8)])
        harness.clock.advance(by: .seconds(2))
        let fifth = try newest(harness)
        #expect(fifth.table === fourth.table)
        #expect(fifth.present.count == 1)
        harness.store.expire()
        let sixth = try newest(harness)
        #expect(sixth.table.labels == [["__name__": "m", "i": "9"]])
        #expect(sixth.values == [8])
        #expect(try newest(harness).table === sixth.table)
    }

    @Test func requestsOfOneSelectorShareItsTable() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 2))
        for index in 0..<10 { _ = harness.append(["__name__": "m", "i": "\(index)"], [(0, 1)]) }
        let requests = WindowFunctions.all.map {
            ColumnRequest(
                matchers: ColumnTests.name,
                function: $0,
                length: 1000,
                end: harness.clock.now().milliseconds
            )
        }
        let columns = try harness.store.columns(requests, sampleLimit: .max)
        #expect(columns.count == requests.count)
        #expect(columns.allSatisfy { $0.table === columns[0].table })
        #expect(try harness.store.columns([], sampleLimit: 0).isEmpty)
    }

    @Test func aLargeQuestionDoesNotPushOutWhatIsAskedAllTheTime() throws {
        // An eighth of 8 MiB holds the tables of some 2,500 series.
        let harness = StoreHarness(MetricStoreSettings(shards: 2, maxMemoryBytes: 8 << 20))
        for index in 0..<5000 {
            _ = harness.append(
                ["__name__": index < 1000 ? "m" : "large", "i": "\(index)"],
                [(0, 1)]
            )
        }
        _ = try newest(harness)
        let kept = try newest(harness).table
        #expect(kept.count == 1000)
        for _ in 0..<3 {
            #expect(
                try newest(harness, [LabelMatcher("__name__", equals: "large")]).table.count == 4000
            )
        }
        for index in 0..<100 {
            _ = try newest(harness, [try LabelMatcher("i", .matches, "\(index)..?.?")])
        }
        #expect(try newest(harness).table === kept)
    }

    @Test func eachRequestHasALimitOfSamples() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 2))
        for index in 0..<10 {
            _ = harness.append(
                ["__name__": "m", "i": "\(index)"],
                (1...50).map { (Int64($0 - 51) * 1000, Double($0)) }
            )
        }
        func read(_ function: WindowFunction, steps: Int, limit: Int) throws {
            let request = ColumnRequest(
                matchers: ColumnTests.name,
                function: function,
                length: 60_000,
                end: harness.clock.now().milliseconds,
                steps: steps
            )
            _ = try harness.store.columns([request, request], sampleLimit: limit)
        }
        for function in [WindowFunctions.digest, WindowFunctions.rate] {
            try read(function, steps: 1, limit: 500)
            #expect(throws: SeriesReadingError.sampleLimit(499)) {
                try read(function, steps: 1, limit: 499)
            }
        }
        try read(WindowFunctions.newest, steps: 1, limit: 10)
        #expect(throws: SeriesReadingError.sampleLimit(9)) {
            try read(WindowFunctions.newest, steps: 1, limit: 9)
        }
        // A value for each step is held for each series, whether there is one or not.
        try read(WindowFunctions.newest, steps: 50, limit: 500)
        #expect(throws: SeriesReadingError.sampleLimit(500)) {
            try read(WindowFunctions.newest, steps: 101, limit: 500)
        }
        #expect(throws: SeriesReadingError.sampleLimit(.max)) {
            try read(WindowFunctions.newest, steps: 1 << 28, limit: .max)
        }
        harness.store.stop()
        #expect(throws: SeriesReadingError.stopped) {
            try read(WindowFunctions.newest, steps: 1, limit: 10)
        }
    }
}
