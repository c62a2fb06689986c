import Model
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// Windows answered from their first and last sample against a look at all of them.
@Suite("Windows without a scan")
struct WindowTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// The share of windows that must be answered without a look at all samples.
        var shortcutsMin: Double
        var maxBytes = 64 << 20
        var lateWindow: Int64 = -1
        var value: @Sendable (Int, Double, inout SeededGenerator) -> Double
    }

    static let shapes = [
        Shape(testDescription: "counter", shortcutsMin: 1) { _, last, random in
            last + Double(Int.random(in: 0..<60, using: &random))
        },
        Shape(testDescription: "counter of fractions", shortcutsMin: 1) { _, last, random in
            last + Double.random(in: 0..<60, using: &random)
        },
        Shape(testDescription: "counter with resets", shortcutsMin: 0.2) { index, last, random in
            index % 190 == 0 ? 0 : last + Double(Int.random(in: 0..<60, using: &random))
        },
        Shape(testDescription: "counter with markers", shortcutsMin: 0.2) { index, last, random in
            index % 210 == 3 ? Staleness.marker : (last.isNaN ? 1 : last + 1)
        },
        Shape(testDescription: "counter with NaN", shortcutsMin: 0.2) { index, last, random in
            index % 50 == 3
                ? Double(bitPattern: 0x7ff8_0000_0000_0000 | random.next() >> 20)
                : (last.isNaN ? 5 : last + 1)
        },
        Shape(testDescription: "gauge", shortcutsMin: 0) { _, _, random in
            Double(Int.random(in: -50..<1000, using: &random)) / 100
        },
        Shape(testDescription: "anything", shortcutsMin: 0) { _, _, random in
            Double(bitPattern: random.next())
        },
        Shape(testDescription: "counter in little memory", shortcutsMin: 1, maxBytes: 128 << 10) {
            _,
            last,
            random in last + Double.random(in: 0..<1, using: &random)
        },
        Shape(testDescription: "counter with late samples", shortcutsMin: 0, lateWindow: 900_000) {
            _,
            last,
            random in last + Double(Int.random(in: 0..<60, using: &random))
        },
    ]

    @Test("equals the scan, bit for bit", arguments: shapes)
    func equalsScan(_ shape: Shape) {
        var (evaluations, shortcuts) = (0, 0)
        for seed in 1...4 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let budget = MemoryBudget(maxBytes: shape.maxBytes, maxSeries: 10)
            var storage = SeriesStorage(budget: budget)
            var scratch = SampleScratch()
            let list = (0..<4).map { _ in storage.create() }
            var time: Int64 = 1_700_000_000_000
            var last = [Double](repeating: 0, count: list.count)
            for index in 1...900 {
                time += 15_000 + (seed % 2 == 0 ? Int64.random(in: 0..<40, using: &random) : 0)
                if index % 131 == 0 { time += 600_000 }
                let window = SeriesStorage.Window(
                    oldest: time - 5_400_000,
                    newest: time + 600_000,
                    lateWindow: shape.lateWindow
                )
                for series in list {
                    var at = time
                    if shape.lateWindow > 0, Int.random(in: 0..<9, using: &random) == 0 {
                        at -= Int64.random(in: 0..<600_000, using: &random)
                    }
                    last[Int(series)] = shape.value(index, last[Int(series)], &random)
                    let outcome = storage.append(
                        series,
                        time: at,
                        bits: last[Int(series)].bitPattern,
                        window: window
                    )
                    // Two of the four have start timestamps: a counter's that began anew each hour, and deltas'.
                    guard series < 2, outcome == .accepted || outcome == .revised else { continue }
                    _ = storage.note(
                        start: series == 0 ? at / 3_600_000 * 3_600_000 : at - 15_000,
                        of: series,
                        time: at
                    )
                }
                guard index % 5 == 0 else { continue }
                for series in list {
                    for _ in 0..<3 {
                        let end = time + Int64.random(in: -3_000_000...30_000, using: &random)
                        let length = Int64.random(
                            in: 1...(Bool.random(using: &random) ? 400_000 : 7_000_000),
                            using: &random
                        )
                        evaluations += 1
                        let isSame = check(
                            storage,
                            series,
                            window.oldest,
                            end - length,
                            Bool.random(using: &random) ? time : end,
                            &scratch,
                            &shortcuts
                        )
                        #expect(isSame, "seed \(seed), sample \(index)")
                    }
                }
            }
        }
        let share = Double(shortcuts) / Double(evaluations)
        print("\(shape.testDescription): \(shortcuts) of \(evaluations) windows without a scan")
        #expect(share >= shape.shortcutsMin)
    }

    private func check(
        _ storage: borrowing SeriesStorage,
        _ series: UInt32,
        _ oldest: Int64,
        _ start: Int64,
        _ end: Int64,
        _ scratch: inout SampleScratch,
        _ shortcuts: inout Int
    ) -> Bool {
        let all = storage.samples(series, after: max(start, oldest), through: end)
        storage.read(
            series,
            after: max(start, oldest),
            through: end,
            keepsMarkers: true,
            into: &scratch
        )
        guard scratch.count == all.count else { return false }
        for index in all.indices where !scratch.samples[index].isIdentical(to: all[index]) {
            return false
        }
        let newest = storage.newestSample(series, after: max(start, oldest), through: end)
        guard newest.map({ $0.isIdentical(to: all[all.count - 1]) }) ?? all.isEmpty else {
            return false
        }
        let value = storage.newestValue(series, after: max(start, oldest), through: end)
        guard value.bitPattern == (all.last?.value.bitPattern ?? Staleness.bits) else {
            return false
        }
        let samples = all.filter { !Staleness.isMarker($0.value) }
        var took = false
        for function in [WindowFunctions.rate, WindowFunctions.increase, WindowFunctions.delta] {
            guard case .extrapolated(let isCounter, let isRate) = function.shortcut else {
                return false
            }
            let wanted =
                samples.isEmpty
                ? Staleness.marker
                : function.scan(
                    samples.span,
                    SeriesWindow(
                        start: start,
                        end: end,
                        step: 0,
                        starts: storage.startTimes(series)
                    )
                )
            switch storage.extrapolated(
                series,
                oldest: oldest,
                after: start,
                through: end,
                isCounter: isCounter,
                isRate: isRate
            ) {
            case .needsScan: break
            case .value(let value, let count):
                took = true
                guard count == all.count, value.bitPattern == wanted.bitPattern else {
                    return false
                }
            }
        }
        if took { shortcuts += 1 }
        return true
    }
}
