import Model
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// Series that rules need for longer than the retention, against plain arrays.
@Suite("Long windows")
struct LongWindowTests {
    static let retention: Int64 = 3_600_000
    /// Samples this much older than the retention are in chunks that are thinned for certain.
    static let chunkSpan: Int64 = 72 * 15_000

    static func harness(_ needs: [RetentionNeed], maxMemoryBytes: Int = 64 << 20) -> StoreHarness {
        let harness = StoreHarness(
            MetricStoreSettings(
                shards: 2,
                retention: .milliseconds(retention),
                maxMemoryBytes: maxMemoryBytes
            )
        )
        harness.store.keep(needs)
        return harness
    }

    static func need(
        _ metric: String,
        hours: Int64,
        wholeHours: Int64 = 0,
        _ detail: RetentionNeed.Detail = []
    ) -> RetentionNeed {
        RetentionNeed(
            matchers: [LabelMatcher("__name__", equals: metric)],
            reach: .seconds(hours * 3600),
            wholeReach: .seconds(wholeHours * 3600),
            detail: detail
        )
    }

    /// The thinning rule over a whole history, as plainly as can be.
    static func mustKeep(_ raw: [Sample], _ detail: RetentionNeed.Detail) -> [Sample] {
        var kept: Set<Int> = []
        let real = raw.indices.filter { !Staleness.isMarker(raw[$0].value) }
        for index in raw.indices where Staleness.isMarker(raw[index].value) {
            kept.insert(index)
            if index + 1 < raw.count { kept.insert(index + 1) }
        }
        func minute(_ index: Int) -> Int64 { raw[index].timestamp.milliseconds / 60_000 }
        for (place, index) in real.enumerated() {
            let last = place > 0 ? real[place - 1] : nil
            if let last, minute(last) == minute(index),
                raw[index].timestamp.milliseconds - raw[last].timestamp.milliseconds < 55_000
            {
            } else {
                kept.insert(index)
            }
            guard detail.contains(.resets) else { continue }
            if raw[index].value.isNaN { kept.insert(index) }
            if let last, raw[index].value < raw[last].value { kept.formUnion([last, index]) }
        }
        if detail.contains(.extremes) {
            for group in Dictionary(grouping: real, by: minute).values {
                let values = group.filter { !raw[$0].value.isNaN }
                kept.formUnion(
                    [values.min { raw[$0].value < raw[$1].value }].compactMap(\.self)
                )
                let greatest = values.map { raw[$0].value }.max()
                kept.formUnion([values.first { raw[$0].value == greatest }].compactMap(\.self))
            }
        }
        return kept.sorted().map { raw[$0] }
    }

    struct Shape: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var need: RetentionNeed
        /// True when what is held must be what the rule keeps and no more.
        var isExact = true
        var interval: @Sendable (inout SeededGenerator) -> Int64 = { _ in 15_000 }
        var value: @Sendable (Int, Double, inout SeededGenerator) -> Double
    }

    static let shapes = [
        Shape(testDescription: "counter", need: need("m", hours: 5, .resets)) { _, last, random in
            last + Double(Int.random(in: 0..<60, using: &random))
        },
        Shape(testDescription: "counter with resets", need: need("m", hours: 5, .resets)) {
            index,
            last,
            random in index % 37 == 0 ? 0 : last + Double(Int.random(in: 0..<9, using: &random))
        },
        Shape(testDescription: "counter with markers", need: need("m", hours: 5, .resets)) {
            index,
            last,
            random in
            index % 41 < 2 ? Staleness.marker : (last.isNaN ? 1 : last + 1)
        },
        Shape(
            testDescription: "counter with NaN, unevenly",
            need: need("m", hours: 5, .resets),
            isExact: false,
            interval: { Int64.random(in: 1...70_000, using: &$0) }
        ) { index, last, random in
            index % 23 == 3 ? .nan : (last.isNaN || index % 29 == 0 ? 2 : last + 1)
        },
        Shape(testDescription: "gauge", need: need("m", hours: 5)) { _, _, random in
            Double(Int.random(in: -50..<1000, using: &random)) / 100
        },
        Shape(
            testDescription: "gauge with extremes",
            need: need("m", hours: 5, .extremes),
            isExact: false
        ) { _, _, random in Double(Int.random(in: -9..<9, using: &random)) },
        Shape(
            testDescription: "anything, for everything",
            need: need("m", hours: 5, [.extremes, .resets]),
            isExact: false,
            interval: { Int64.random(in: 1...40_000, using: &$0) }
        ) { _, _, random in
            Int.random(in: 0..<19, using: &random) == 0
                ? Staleness.marker : Double.random(in: 0..<1, using: &random)
        },
        Shape(
            testDescription: "by the minute, some seconds off",
            need: need("m", hours: 5, .resets),
            interval: { 60_000 + Int64.random(in: -3000...3000, using: &$0) }
        ) { _, last, _ in last + 1 },
    ]

    /// Samples over ten hours, swept now and then; what was sent, by series.
    static func fill(_ harness: StoreHarness, _ shape: Shape, seed: UInt64) throws -> [[Sample]] {
        var random = SeededGenerator(seed: seed)
        var raw = [[Sample]](repeating: [], count: 3)
        var last = [Double](repeating: 0, count: 3)
        let end = harness.clock.now() + .seconds(10 * 3600)
        var nextSweep = harness.clock.now()
        while harness.clock.now() < end {
            var batch = SampleBatch()
            let now = harness.clock.now()
            for index in raw.indices {
                let sent = raw[index].count
                last[index] = shape.value(sent + index * 7, last[index], &random)
                let time = now + .milliseconds(index)
                raw[index].append(Sample(time, last[index]))
                batch.append(
                    ["__name__": index < 2 ? "m" : "other", "i": "\(index)"],
                    samples: raw[index].suffix(1)
                )
            }
            try #require(harness.store.append(batch).accepted == raw.count)
            if now >= nextSweep {
                harness.store.expire()
                nextSweep = now + .seconds(Int64.random(in: 60..<3000, using: &random))
            }
            harness.clock.advance(by: .milliseconds(shape.interval(&random)))
        }
        harness.store.expire()
        return raw
    }

    @Test("hold what the rule keeps", arguments: shapes)
    func holdWhatTheRuleKeeps(_ shape: Shape) throws {
        for seed in 1...2 as ClosedRange<UInt64> {
            let harness = LongWindowTests.harness([shape.need])
            let raw = try LongWindowTests.fill(harness, shape, seed: seed)
            let oldest = harness.clock.now() - .milliseconds(LongWindowTests.retention)
            let bound = harness.clock.now() - shape.need.reach - LongWindows.slack
            let thin = oldest - .milliseconds(LongWindowTests.chunkSpan)
            for index in 0..<2 {
                let found = try harness.select([LabelMatcher("i", equals: "\(index)")])
                let held = try #require(found.first).samples
                let wanted = LongWindowTests.mustKeep(raw[index], shape.need.detail)
                let times = Set(held.map(\.timestamp))
                // All that the rule keeps, all that is not out of retention, nothing that was never sent.
                for sample in wanted where sample.timestamp > bound {
                    try #require(times.contains(sample.timestamp), "seed \(seed): \(sample)")
                }
                let recent = raw[index].filter { $0.timestamp > oldest }
                #expect(held.suffix(recent.count).map(\.timestamp) == recent.map(\.timestamp))
                var sent = raw[index][...]
                for sample in held {
                    sent = sent.drop { $0.timestamp < sample.timestamp }
                    try #require(sent.first?.isIdentical(to: sample) == true)
                }
                #expect(held.allSatisfy { $0.timestamp > bound })
                let (old, oldWanted) = (
                    held.filter { $0.timestamp <= thin }.count,
                    wanted.filter { $0.timestamp > bound && $0.timestamp <= thin }.count
                )
                // Where chunks meet, a sample or two more may stay.
                let spare = shape.isExact ? 0 : raw[index].count / 12
                #expect(oldWanted <= old && old <= oldWanted + spare, "seed \(seed)")
                #expect(oldWanted > 100)
            }
            let other = try harness.samples("other")
            #expect(other.allSatisfy { $0.0 > -LongWindowTests.retention })
            let statistics = harness.store.statistics
            #expect(statistics.longWindows.series == 2)
            // Chunks that are not out of retention as a whole hide some.
            let visible = try harness.select([]).reduce(0) { $0 + $1.samples.count }
            #expect(visible <= statistics.samples && statistics.samples < visible + 3 * 96)
        }
    }

    @Test("columns equal the scan over what is held", arguments: shapes)
    func columnsEqualTheScan(_ shape: Shape) throws {
        let harness = LongWindowTests.harness([shape.need])
        _ = try LongWindowTests.fill(harness, shape, seed: 5)
        var random = SeededGenerator(seed: 6)
        let reader = SelectingReader(store: harness.store)
        let now = harness.clock.now().milliseconds
        for round in 0..<60 {
            let requests = WindowFunctions.all.map { function in
                ColumnRequest(
                    matchers: [LabelMatcher("__name__", equals: round % 9 == 0 ? "other" : "m")],
                    function: function,
                    length: Int64.random(in: 60_000...21_600_000, using: &random),
                    end: now - Int64.random(in: 0..<14_400_000, using: &random) * Int64(round % 2)
                )
            }
            let found = try harness.store.columns(requests, sampleLimit: .max)
            let wanted = try reader.columns(requests, sampleLimit: .max)
            for number in requests.indices {
                let isSame = found[number].present == wanted[number].present
                try #require(isSame, "round \(round), request \(requests[number])")
            }
        }
    }

    private static func same(_ left: [Sample], _ right: [Sample]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0.isIdentical(to: $1) }
    }

    // MARK: What answers are worth

    private static func value(
        _ store: some SeriesReading,
        _ function: WindowFunction,
        hours: Double,
        end: Int64
    ) throws -> Double? {
        let column = try store.columns(
            [
                ColumnRequest(
                    matchers: [LabelMatcher("i", equals: "0")],
                    function: function,
                    length: Int64(hours * 3_600_000),
                    end: end
                )
            ],
            sampleLimit: .max
        )
        return column[0].present.values.first.map { Double(bitPattern: $0[0]) }
    }

    @Test("an even counter's increase is off by a minute in the window at most")
    func increasesAreBounded() throws {
        let shape = Shape(testDescription: "", need: LongWindowTests.need("m", hours: 5, .resets)) {
            index,
            last,
            _ in index % 97 == 0 ? 0 : last + 3
        }
        let thin = LongWindowTests.harness([shape.need])
        _ = try LongWindowTests.fill(thin, shape, seed: 1)
        let whole = StoreHarness(MetricStoreSettings(shards: 1, retention: .seconds(86400)))
        _ = try LongWindowTests.fill(whole, shape, seed: 1)
        let now = thin.clock.now().milliseconds
        #expect(thin.clock.now() == whole.clock.now())
        var worst = 0.0
        for hours in [1.5, 2, 3, 4, 4.9] {
            for second in 0..<60 {
                let end = now - Int64(second) * 1000
                let found = try LongWindowTests.value(
                    thin.store,
                    WindowFunctions.increase,
                    hours: hours,
                    end: end
                )
                let wanted = try LongWindowTests.value(
                    whole.store,
                    WindowFunctions.increase,
                    hours: hours,
                    end: end
                )
                let (a, b) = (try #require(found), try #require(wanted))
                let bound = b * 60 / (hours * 3600)
                #expect(abs(a - b) <= bound, "\(hours) h: \(a) against \(b)")
                worst = max(worst, abs(a - b) / bound)
            }
        }
        print("increase over thinned samples: at worst \(worst) of the bound of 60 s / window")
    }

    @Test func extremesAreExactOverWholeMinutes() throws {
        let shape = Shape(testDescription: "", need: LongWindowTests.need("m", hours: 5, .extremes))
        {
            _,
            _,
            random in Double.random(in: 0..<1, using: &random)
        }
        let harness = LongWindowTests.harness([shape.need])
        let raw = try LongWindowTests.fill(harness, shape, seed: 4)[0]
        let held = try #require(try harness.select([LabelMatcher("i", equals: "0")]).first).samples
        let now = harness.clock.now().milliseconds
        for minutes in stride(from: 70, to: 290, by: 11) as StrideTo<Int64> {
            let start = (now - minutes * 60_000) / 60_000 * 60_000
            func values(_ samples: [Sample]) -> [Double] {
                samples.filter { $0.timestamp.milliseconds >= start }.map(\.value)
            }
            #expect(values(held).max() == values(raw).max())
            #expect(values(held).min() == values(raw).min())
        }
    }

    @Test func whatIsSampledByTheMinuteStaysAsItIs() throws {
        for minutes in [1, 5, 60] as [Int64] {
            let shape = Shape(
                testDescription: "",
                need: LongWindowTests.need("m", hours: 5),
                interval: { _ in minutes * 60_000 }
            ) { index, _, _ in Double(index) }
            let harness = LongWindowTests.harness([shape.need])
            let raw = try LongWindowTests.fill(harness, shape, seed: 1)[0]
            let bound = harness.clock.now() - shape.need.reach - LongWindows.slack
            let held = try harness.select([LabelMatcher("i", equals: "0")]).first?.samples ?? []
            let isSame = LongWindowTests.same(held, raw.filter { $0.timestamp > bound })
            #expect(isSame)
        }
    }

    @Test func everySampleStaysWhereEveryOneCounts() throws {
        let shape = Shape(
            testDescription: "",
            need: LongWindowTests.need("m", hours: 5, wholeHours: 3)
        ) { index, _, _ in Double(index) }
        let harness = LongWindowTests.harness([shape.need])
        let raw = try LongWindowTests.fill(harness, shape, seed: 1)[0]
        let whole = harness.clock.now() - .seconds(3 * 3600)
        let held = try harness.select([LabelMatcher("i", equals: "0")]).first?.samples ?? []
        let isSame = LongWindowTests.same(
            held.filter { $0.timestamp > whole },
            raw.filter { $0.timestamp > whole }
        )
        #expect(isSame)
        #expect(held.count { $0.timestamp <= whole } < 200)
    }

    // MARK: Needs that come and go

    @Test func needsThatEndGiveTheirMemoryBack() throws {
        let harness = LongWindowTests.harness([LongWindowTests.need("m", hours: 5)])
        let shape = LongWindowTests.shapes[4]
        _ = try LongWindowTests.fill(harness, shape, seed: 1)
        let before = harness.store.statistics
        #expect(try harness.samples("m").contains { $0.0 < -4 * 3_600_000 })
        // Narrower needs: what is too old for them goes.
        harness.store.keep([LongWindowTests.need("m", hours: 3)])
        harness.store.expire()
        let narrow = try harness.samples("m")
        #expect(narrow.allSatisfy { $0.0 > -3 * 3_600_000 - 300_000 })
        #expect(narrow.contains { $0.0 < -2 * 3_600_000 })
        harness.store.keep([])
        #expect(try harness.samples("m").allSatisfy { $0.0 > -LongWindowTests.retention })
        harness.store.expire()
        let after = harness.store.statistics
        #expect(after.longWindows.series == 0)
        #expect(after.samples < before.samples)
    }

    @Test func newSeriesAndThoseThatWereThereAreNeededAlike() throws {
        let harness = LongWindowTests.harness([])
        func counts() -> Int { harness.store.statistics.longWindows.series }
        #expect(harness.append(["__name__": "m", "i": "1"], [(0, 1)]).accepted == 1)
        #expect(harness.append(["__name__": "n", "i": "1"], [(0, 1)]).accepted == 1)
        #expect(counts() == 0)
        let nameless = RetentionNeed(
            matchers: [try LabelMatcher("i", .matches, "[2-4]")],
            reach: .seconds(2 * 3600)
        )
        let covered = RetentionNeed(matchers: [], reach: .seconds(600))
        harness.store.keep([LongWindowTests.need("m", hours: 2), nameless, covered])
        #expect(counts() == 1)
        for index in 1...5 {
            _ = harness.append(["__name__": "m", "i": "\(index)"], [(1, 1)])
            _ = harness.append(["__name__": "n", "i": "\(index)"], [(1, 1)])
        }
        #expect(counts() == 5 + 3)
        harness.store.keep([nameless])
        #expect(counts() == 6)
    }

    @Test func seriesThatEndedStayUntilTheWindowHasPassed() throws {
        let harness = LongWindowTests.harness([LongWindowTests.need("m", hours: 5)])
        let samples = (0..<200).map { (Int64($0) * 15_000 - 3_000_000, Double($0)) }
        #expect(harness.append(["__name__": "m"], samples).accepted == 200)
        #expect(harness.append(["__name__": "n"], samples).accepted == 200)
        harness.clock.advance(by: .seconds(2 * 3600))
        harness.store.expire()
        #expect(harness.store.statistics.series == 1)
        let held = try harness.samples("m")
        #expect(held.count > 49 && held.count < 60)
        // The newest sample is that of the head, whatever was thinned.
        #expect(held.last?.1 == 199)
        // And the series may go on.
        #expect(harness.append(["__name__": "m"], [(0, 7)]).accepted == 1)
        #expect(try harness.samples("m").count == held.count + 1)
        harness.clock.advance(by: .seconds(5 * 3600 + 301))
        harness.store.expire()
        let statistics = harness.store.statistics
        #expect(statistics.series == 0 && statistics.samples == 0)
        #expect(statistics.longWindows.series == 0)
    }

    @Test func nothingIsKeptBeyondTheLimit() throws {
        let harness = StoreHarness(
            MetricStoreSettings(
                retention: .milliseconds(LongWindowTests.retention),
                longWindowMax: .seconds(2 * 3600)
            )
        )
        harness.store.keep([LongWindowTests.need("m", hours: 24)])
        _ = try LongWindowTests.fill(harness, LongWindowTests.shapes[4], seed: 1)
        let times = try harness.samples("m").map(\.0)
        #expect(times.allSatisfy { $0 > -2 * 3_600_000 - 300_000 })
        #expect(times.contains { $0 < -2 * 3_600_000 + 60_000 })
    }

    // MARK: Memory

    @Test func whatIsBeyondTheRetentionIsGivenUpFirst() throws {
        var random = SeededGenerator(seed: 3)
        var storage = SeriesStorage(budget: MemoryBudget(maxBytes: 2 << 20, maxSeries: 4000))
        let needed = (0..<100).map { _ in storage.create() }
        let hour: Int64 = 3_600_000
        for series in needed {
            storage.require(series, RetentionClass(wholeExtra: 0, extra: 9 * hour, detail: []))
        }
        var time: Int64 = 1_700_000_000_000
        func append(_ list: [UInt32]) {
            let window = SeriesStorage.Window(oldest: time - hour, newest: time, lateWindow: -1)
            for series in list {
                let bits = Double.random(in: 0..<1, using: &random).bitPattern
                #expect(storage.append(series, time: time, bits: bits, window: window) == .accepted)
            }
        }
        for _ in 0..<1200 {
            time += 15_000
            append(needed)
            for series in needed { _ = storage.expire(series, oldest: time - hour) }
        }
        #expect(storage.thinnedSamples > 10_000)
        #expect(storage.givenUpSamples == 0 && storage.evictedSamples == 0)
        func beyond() -> Int {
            needed.reduce(0) {
                $0 + storage.samples($1, after: time - 9 * hour, through: time - hour).count
            }
        }
        #expect(beyond() > 20_000)
        // Others come, and need more than there is left.
        let others = (0..<800).map { _ in storage.create() }
        var steps = 0
        while storage.evictedSamples == 0, steps < 1000 {
            time += 15_000
            append(others)
            for series in needed { _ = storage.expire(series, oldest: time - hour) }
            steps += 1
        }
        #expect(storage.evictedSamples > 0 && storage.givenUpSamples > 20_000)
        // Only the newest are left: they are in no chunk.
        #expect(beyond() <= needed.count * SeriesHead.ringMax)
    }

    @Test func aShortageGivesUpWhatIsBeyondTheRetentionBeforeTheNextSweep() {
        var random = SeededGenerator(seed: 4)
        var storage = SeriesStorage(budget: MemoryBudget(maxBytes: 1 << 20, maxSeries: 4000))
        let hour: Int64 = 3_600_000
        let list = (0..<400).map { _ in storage.create() }
        for series in list.prefix(50) {
            storage.require(series, RetentionClass(wholeExtra: 0, extra: 9 * hour, detail: []))
        }
        var time: Int64 = 1_700_000_000_000
        for _ in 0..<700 {
            time += 15_000
            let window = SeriesStorage.Window(oldest: time - hour, newest: time, lateWindow: -1)
            for series in time < 1_700_006_000_000 ? list.prefix(50) : list[50...] {
                let bits = Double.random(in: 0..<1, using: &random).bitPattern
                _ = storage.append(series, time: time, bits: bits, window: window)
            }
        }
        #expect(storage.givenUpSamples > 0)
    }

    @Test func threeDaysOfACounterTakeSoMuch() throws {
        let budget = MemoryBudget(maxBytes: 64 << 20, maxSeries: 100)
        var storage = SeriesStorage(budget: budget)
        var random = SeededGenerator(seed: 1)
        let list = (0..<10).map { _ in storage.create() }
        let hour: Int64 = 3_600_000
        for series in list {
            storage.require(
                series,
                RetentionClass(wholeExtra: 0, extra: 66 * hour, detail: .resets)
            )
        }
        var time: Int64 = 1_700_000_000_000
        var values = [Double](repeating: 0, count: list.count)
        for step in 0..<(75 * 240) {
            time += 15_000
            let window = SeriesStorage.Window(oldest: time - 6 * hour, newest: time, lateWindow: -1)
            for (index, series) in list.enumerated() {
                values[index] += Double(Int.random(in: 0..<60, using: &random))
                let at = time - Int64.random(in: 0..<4, using: &random)
                _ = storage.append(
                    series,
                    time: at,
                    bits: values[index].bitPattern,
                    window: SeriesStorage.Window(
                        oldest: window.oldest,
                        newest: .max,
                        lateWindow: -1
                    )
                )
                if step % 40 == 0 { _ = storage.expire(series, oldest: window.oldest) }
            }
        }
        let bytes = storage.slab.liveBytes / list.count
        let samples = storage.sampleCount / list.count
        print("3 days of a counter at 15 s: \(bytes) bytes a series, \(samples) samples")
        // Six hours of all samples, 66 hours of one a minute.
        #expect(samples > 1440 + 66 * 60 && samples < 1440 + 67 * 60 + 200)
        #expect(bytes < 16_000)
    }
}
