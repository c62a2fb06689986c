import Synchronization

/// Whether the service can take work yet, told to whoever asks.
package final class ServiceReadiness: Sendable {
    private enum Phase {
        case starting, ready, stopping
    }

    private let phase = Mutex(Phase.starting)

    package init() {}

    /// Nil when ready; otherwise what is still missing.
    package var missing: String? {
        switch phase.withLock({ $0 }) {
        case .starting: "starting"
        case .ready: nil
        case .stopping: "stopping"
        }
    }

    /// True once the service takes no more work.
    package var isStopping: Bool { phase.withLock { $0 } == .stopping }

    /// Takes work from now on.
    package func becomeReady() { phase.withLock { $0 = .ready } }

    /// Takes no more work; what runs should end.
    package func stop() { phase.withLock { $0 = .stopping } }
}
