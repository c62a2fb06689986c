import TestSupport
import Testing

@testable import LogRules

@Suite struct EventWindowTests {
    /// The window against a list that is sorted and cut anew each time.
    @Test(arguments: 1...10 as ClosedRange<UInt64>) func equalsASortedList(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var window = EventWindow()
        var list: [(at: Int64, value: Double?)] = []
        var removed = 0.0
        var left = 0.0
        for _ in 0..<2000 {
            let at = Int64.random(in: 0..<5000, using: &random) + Int64(list.count)
            let value =
                Int.random(in: 0..<5, using: &random) == 0
                ? nil : Double(Int.random(in: 1..<9, using: &random))
            window.add(
                EventWindow.Entry(at: at, value: value),
                timeframe: 1000,
                entriesMax: .max
            ) { removed += $0.sum }
            list.append((at, value))
            list.sort { $0.at < $1.at }
            let newest = list[list.count - 1].at
            left += list.filter { newest - $0.at >= 1000 }.reduce(0) { $0 + ($1.value ?? 0) }
            list.removeAll { newest - $0.at >= 1000 }
            let values = list.compactMap(\.value)
            #expect(window.sum == values.reduce(0, +))
            #expect(window.values == values.count)
            #expect(window.newest == newest)
            #expect(window.oldest == list.first?.at)
            #expect(window.least == values.min())
            #expect(window.most == values.max())
            #expect(removed == left)
        }
    }

    @Test func isBounded() {
        var window = EventWindow()
        for at in 0..<1000 as Range<Int64> {
            window.add(EventWindow.Entry(at: at, value: 1), timeframe: 1 << 40, entriesMax: 10)
            #expect(window.count <= 10)
        }
        #expect(window.sum == 1000, "no event is lost")
    }
}
