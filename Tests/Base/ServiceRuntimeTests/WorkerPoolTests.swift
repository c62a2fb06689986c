import Dispatch
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite struct WorkerPoolTests {
    @Test func `every accepted job runs, also those queued at the stop`() throws {
        let pool = try WorkerPool(name: "test", threads: 2, queueMax: 1000)
        let ran = Atomic(0)
        for _ in 0..<1000 {
            #expect(pool.submit { ran.wrappingAdd(1, ordering: .relaxed) })
        }
        pool.stop()
        #expect(ran.load(ordering: .relaxed) == 1000)
        #expect(!pool.submit {})
    }

    @Test func `a full queue refuses`() throws {
        let pool = try WorkerPool(name: "test", threads: 1, queueMax: 2)
        defer { pool.stop() }
        let started = DispatchSemaphore(value: 0)
        let release = DispatchSemaphore(value: 0)
        #expect(
            pool.submit {
                started.signal()
                release.wait()
            }
        )
        started.wait()
        #expect(pool.submit {})
        #expect(pool.submit {})
        #expect(pool.waiting == 2)
        #expect(!pool.submit {})
        release.signal()
    }
}
