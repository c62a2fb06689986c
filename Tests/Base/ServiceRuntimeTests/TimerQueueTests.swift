import TestSupport
import Testing

@testable import ServiceRuntime

@Suite struct TimerQueueTests {
    @Test func `timers fire by deadline, equal ones in the order they were set`() {
        var queue = TimerQueue()
        var fired: [String] = []
        for (name, at) in [("c", 30), ("a", 10), ("b1", 20), ("b2", 20)] as [(String, UInt64)] {
            _ = queue.add(at: MonotonicInstant(nanoseconds: at)) { fired.append(name) }
        }
        let early = queue.takeDue(at: MonotonicInstant(nanoseconds: 9))
        #expect(early == nil)
        while let action = queue.takeDue(at: MonotonicInstant(nanoseconds: 20)) { action() }
        #expect(fired == ["a", "b1", "b2"])
        let next = queue.nextDeadline()
        #expect(next == MonotonicInstant(nanoseconds: 30))
        #expect(queue.count == 1)
    }

    @Test func `a cancelled timer does not fire and cancels once`() {
        var queue = TimerQueue()
        let timer = queue.add(at: MonotonicInstant(nanoseconds: 5)) {
            Issue.record("fired after it was cancelled")
        }
        let first = queue.cancel(timer)
        let second = queue.cancel(timer)
        let next = queue.nextDeadline()
        let due = queue.takeDue(at: MonotonicInstant(nanoseconds: 100))
        #expect(first && !second)
        #expect(next == nil)
        #expect(due == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any mix of adding, cancelling and firing equals a sorted list`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = TimerQueue()
        var model: [(at: UInt64, order: Int, id: TimerID)] = []
        var fired: [Int] = []
        var expected: [Int] = []
        for order in 0..<2000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let at = UInt64.random(in: 0..<500, using: &random)
                let id = queue.add(at: MonotonicInstant(nanoseconds: at)) { fired.append(order) }
                model.append((at, order, id))
            case 2:
                guard let victim = model.indices.randomElement(using: &random) else { continue }
                let cancelled = queue.cancel(model.remove(at: victim).id)
                #expect(cancelled)
            default:
                let now = UInt64.random(in: 0..<500, using: &random)
                while let action = queue.takeDue(at: MonotonicInstant(nanoseconds: now)) {
                    action()
                }
                let due = model.filter { $0.at <= now }.sorted {
                    ($0.at, $0.order) < ($1.at, $1.order)
                }
                expected += due.map(\.order)
                model.removeAll { $0.at <= now }
            }
            #expect(queue.count == model.count)
        }
        #expect(fired == expected)
    }
}
