import Buffers
import Testing

@Suite("Monitor and threads")
struct MonitorTests {
    @Test func aWaiterSeesTheChangeItWaitsFor() {
        let monitor = Monitor(0)
        let thread = OwnedThread(name: "counter") {
            for _ in 0..<1000 { monitor.signal { $0 += 1 } }
        }
        let seen = monitor.wait { $0 >= 1000 ? $0 : nil }
        #expect(seen == 1000)
        thread.join()
    }

    @Test func waitingEndsWithTheTime() {
        let monitor = Monitor(0)
        #expect(monitor.wait(milliseconds: 1) { $0 > 0 ? $0 : nil } == nil)
        monitor.signal { $0 = 5 }
        #expect(monitor.wait(milliseconds: 60_000) { $0 > 0 ? $0 : nil } == 5)
    }

    @Test func threadsTakeTurns() {
        let monitor = Monitor([Int]())
        let threads = (0..<4).map { number in
            OwnedThread(name: "turn-\(number)") {
                for round in 0..<50 {
                    monitor.wait { $0.count == round * 4 + number ? () : nil }
                    monitor.signal { $0.append(number) }
                }
            }
        }
        for thread in threads { thread.join() }
        let order = monitor.withLock { $0 }
        #expect(order == (0..<200).map { $0 % 4 })
    }

    @Test func errorsPassThroughTheLock() {
        struct Refusal: Error {}
        let monitor = Monitor(1)
        #expect(throws: Refusal.self) { try monitor.withLock { _ in throw Refusal() } }
        #expect(monitor.withLock { $0 } == 1)
    }
}
