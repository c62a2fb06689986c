import Buffers
import TestSupport
import Testing

@Suite("FIFO")
struct FIFOTests {
    @Test("equals an array", arguments: 1...4 as ClosedRange<UInt64>)
    func equalsArray(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = FIFO<Int>()
        var model: [Int] = []
        for step in 0..<5000 {
            // Grows and shrinks in turns, so that the ring wraps around at many sizes.
            if Int.random(in: 0..<100, using: &random) < (step / 500 % 2 == 0 ? 65 : 35) {
                queue.append(step)
                model.append(step)
            } else {
                let expected = model.isEmpty ? nil : model.removeFirst()
                #expect(queue.popFirst() == expected)
            }
            #expect(queue.count == model.count)
            #expect(queue.isEmpty == model.isEmpty)
        }
        while let next = queue.popFirst() { #expect(next == model.removeFirst()) }
        #expect(model.isEmpty)
    }

    @Test func takenElementsAreReleased() {
        final class Token {}
        var queue = FIFO<Token>()
        weak var token: Token?
        do {
            let made = Token()
            token = made
            queue.append(made)
        }
        #expect(token != nil)
        _ = queue.popFirst()
        #expect(token == nil)
    }
}
