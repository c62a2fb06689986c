import Dispatch
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite struct EventLoopTests {
    @Test func `jobs of one thread run in order on the loop's thread`() throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        let seen = Mutex<[Int]>([])
        for index in 0..<1000 {
            let accepted = loop.execute {
                #expect(loop.isCurrent)
                seen.withLock { $0.append(index) }
            }
            #expect(accepted)
        }
        loop.stop()
        #expect(seen.withLock { $0 } == Array(0..<1000))
        #expect(!loop.execute {})
    }

    @Test func `jobs from several threads all run`() throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        let ran = Atomic(0)
        let threads = try (0..<4).map { _ in
            try ServiceThread(name: "feeder") {
                for _ in 0..<5000 {
                    loop.execute { ran.wrappingAdd(1, ordering: .relaxed) }
                }
            }
        }
        for thread in threads { thread.join() }
        loop.stop()
        #expect(ran.load(ordering: .relaxed) == 20000)
    }

    @Test func `a timer set from a job fires without another wake-up`() throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        defer { loop.stop() }
        let fired = DispatchSemaphore(value: 0)
        let order = Mutex<[Int]>([])
        loop.execute {
            let now = MonotonicInstant.now()
            loop.schedule(at: now + .milliseconds(20)) {
                #expect(MonotonicInstant.now() >= now + .milliseconds(20))
                order.withLock { $0.append(2) }
                fired.signal()
            }
            loop.schedule(at: now + .milliseconds(5)) { order.withLock { $0.append(1) } }
            loop.cancel(loop.schedule(at: now) { order.withLock { $0.append(0) } })
        }
        #expect(fired.wait(timeout: .now() + 10) == .success)
        #expect(order.withLock { $0 } == [1, 2])
    }

    @Test func `calls meant for the loop's thread trap elsewhere`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop(name: "test")
            loop.schedule(at: .now()) {}
        }
    }

    @Test func `stopping twice and before the start does nothing`() throws {
        let loop = try EventLoop(name: "test")
        loop.stop()
        loop.stop()
    }
}
