import Synchronization
package import Timekeeping

/// Wakes the tasks that wait for records to arrive.
package final class ArrivalSignal: Sendable {
    private struct State {
        var newest: UInt64 = 0
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Tells that records up to `sequence` are there.
    func note(_ sequence: UInt64) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.newest = max(state.newest, sequence)
            guard !state.waiting.isEmpty else { return [] }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns when a record behind `sequence` has arrived, after `timeout`, or when the task is cancelled.
    package func wait(
        past sequence: UInt64,
        timeout: Duration,
        sleeper: any Sleeper
    ) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            // Cancelled when the wait has ended otherwise.
            guard (try? await sleeper.sleep(for: timeout)) != nil else { return }
            self.end(id)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state -> Bool in
                    guard state.newest <= sequence, !Task.isCancelled else { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            end(id)
        }
        timer.cancel()
    }

    private func end(_ id: Int) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
