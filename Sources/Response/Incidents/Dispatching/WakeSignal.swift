import Synchronization
package import Timekeeping

/// Wakes one waiting task: what was signalled before the wait counts too.
package final class WakeSignal: Sendable {
    private enum State {
        case idle
        case signalled
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    package init() {}

    /// Ends the current or the next wait.
    package func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .waiting(let continuation) = state else {
                state = .signalled
                return nil
            }
            state = .idle
            return continuation
        }
        waiter?.resume()
    }

    /// Returns at the next signal, after `timeout`, or when the task is cancelled; one task waits at a time.
    package func wait(timeout: Duration?, sleeper: any Sleeper) async {
        let timer = timeout.map { timeout in
            Task {
                // Cancelled when the wait has ended otherwise.
                guard (try? await sleeper.sleep(for: timeout)) != nil else { return }
                self.signal()
            }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state -> Bool in
                    switch state {
                    case .signalled:
                        state = .idle
                        return true
                    case .idle:
                        state = .waiting(continuation)
                        return false
                    case .waiting: preconditionFailure("one task waits at a time")
                    }
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            signal()
        }
        timer?.cancel()
        await timer?.value
    }
}
