import Dispatch
import Synchronization

/// A few threads for work that may block, behind one bounded queue.
package final class WorkerPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var first = 0
        var stopping = false

        var waiting: Int { jobs.count - first }

        mutating func drop() {
            jobs = []
            first = 0
        }

        mutating func take() -> (@Sendable () -> Void)? {
            guard first < jobs.count else { return nil }
            let job = jobs[first]
            first += 1
            if first == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                first = 0
            } else if first > 256 {
                jobs.removeFirst(first)
                first = 0
            }
            return job
        }
    }

    /// Jobs that may wait; one more is refused.
    package let queueMax: Int
    private let state = Mutex(State())
    /// One signal for each job, and one for each thread when it is time to stop.
    private let available = DispatchSemaphore(value: 0)
    private let threads = Mutex<[ServiceThread]>([])

    /// Starts the threads; `name` becomes theirs.
    package init(name: String, threads count: Int, queueMax: Int) throws(SystemCallError) {
        precondition(count > 0 && queueMax > 0, "a pool has a thread and room for a job")
        self.queueMax = queueMax
        for _ in 0..<count {
            let thread = try ServiceThread(name: name) { self.work() }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Queues a job; false when the queue is full or the pool stops, and the job will not run.
    package func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let accepted = state.withLock { state in
            guard !state.stopping, state.waiting < queueMax else { return false }
            state.jobs.append(job)
            return true
        }
        if accepted { available.signal() }
        return accepted
    }

    /// Jobs that wait for a thread.
    package var waiting: Int { state.withLock { $0.waiting } }

    /// Takes no more, finishes or drops what is queued, and returns when the threads have ended.
    package func stop(runQueued: Bool = true) {
        state.withLock { state in
            state.stopping = true
            if !runQueued { state.drop() }
        }
        let ending = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for _ in ending { available.signal() }
        for thread in ending { thread.join() }
    }

    private func work() {
        while true {
            available.wait()
            // A signal without a job: the queue was dropped, or it is time to end.
            guard let job = state.withLock({ $0.take() }) else { return }
            job()
        }
    }
}
