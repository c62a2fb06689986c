import Foundation

/// Runs each piece of a task on a thread of its own.
///
/// A test that blocks, on a socket or a semaphore, would otherwise hold one of the few threads that all tasks
/// share, and starve the tasks it waits for.
package final class BlockingExecutor: TaskExecutor {
    package static let shared = BlockingExecutor()

    private init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        Thread.detachNewThread { [self] in
            // The runtime enqueues a job once, and it is run here once.
            unsafe unowned.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
