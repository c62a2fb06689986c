import Foundation

/// Runs what blocks on a thread of its own, so that Swift's cooperative pool keeps its threads.
enum OffPool {
    /// Returns what `work` returns, once it has.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: work()) }
        }
    }
}
