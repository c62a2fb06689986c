import Dispatch

/// Runs what blocks on a thread of Dispatch's, so that Swift's cooperative pool keeps its threads.
enum OffPool {
    /// Returns what `work` returns, once it has.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: work()) }
        }
    }
}
