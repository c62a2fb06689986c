import Dispatch

/// Runs work that blocks on a thread of Dispatch's, so that it does not hold a thread of Swift's pool.
package func offPool<Value: Sendable>(
    _ work: @escaping @Sendable () -> Value
) async -> Value {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: work()) }
    }
}
