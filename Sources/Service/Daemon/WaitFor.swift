import Dispatch
import Synchronization

/// Blocks the main thread until a task has finished; never call it on a thread of Swift's pool.
func waitFor<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
) throws -> Value {
    let done = DispatchSemaphore(value: 0)
    let result = Mutex<Result<Value, any Error>?>(nil)
    Task {
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await work())
        } catch {
            outcome = .failure(error)
        }
        result.withLock { $0 = outcome }
        done.signal()
    }
    done.wait()
    guard let outcome = result.withLock({ $0 }) else {
        preconditionFailure("the signal comes after the result")
    }
    return try outcome.get()
}
