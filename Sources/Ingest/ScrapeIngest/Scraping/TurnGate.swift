import Buffers
import Synchronization

/// Lets so many at once do work that blocks; others wait in line.
final class TurnGate: Sendable {
    private struct State {
        var free: Int
        var waiting = FIFO<CheckedContinuation<Void, Never>>()
    }

    private let state: Mutex<State>

    init(turns: Int) { state = Mutex(State(free: turns)) }

    /// Runs work off Swift's pool when there is a turn.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let hasTurn = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if hasTurn { continuation.resume() }
        }
        let value = await offPool(work)
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume()
        return value
    }
}
