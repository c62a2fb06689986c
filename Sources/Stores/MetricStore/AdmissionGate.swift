import Buffers

/// Bounds what is on its way to the shards, and lets the store stop without losing it.
final class AdmissionGate: Sendable {
    private struct State {
        var isOpen = false
        var samples = 0
        var callers = 0
    }

    private let samplesMax: Int
    private let state = Monitor(State())

    init(samplesMax: Int) {
        self.samplesMax = samplesMax
    }

    func open() { state.signal { $0.isOpen = true } }

    /// Refuses newcomers and waits until everyone inside has left.
    func close() {
        state.signal { $0.isOpen = false }
        state.wait { $0.callers == 0 ? () : nil }
    }

    var isOpen: Bool { state.withLock(\.isOpen) }

    /// True when a batch would have to wait.
    var isFull: Bool { state.withLock { $0.samples >= samplesMax } }

    enum Entry {
        case entered, full, closed
    }

    /// Lets a caller with `samples` samples in; one batch is let in whatever its size.
    func enter(samples: Int, waits: Bool) -> Entry {
        func attempt(_ state: inout State) -> Entry? {
            guard state.isOpen else { return .closed }
            guard state.samples == 0 || state.samples + samples <= samplesMax else {
                return waits ? nil : .full
            }
            state.samples += samples
            state.callers += 1
            return .entered
        }
        return state.wait(attempt)
    }

    func leave(samples: Int) {
        state.signal {
            $0.samples -= samples
            $0.callers -= 1
        }
    }
}
