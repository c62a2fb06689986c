import Model
import Synchronization
import Telemetry

/// Writes alert states; what could not be written goes along with the next write.
final class AlertStateWriter: Sendable {
    /// Changes by what they change, so that a store that stays away does not let them pile up.
    private struct Pending {
        var saved: [StoredAlertKey: StoredAlert] = [:]
        var removed: Set<StoredAlertKey> = []
        var queued: [Int64: AlertTransition] = [:]
        var taken: Set<Int64> = []
        var lastSequence: Int64?
        var isFailing = false

        mutating func merge(_ changes: AlertStateChanges) {
            for alert in changes.saved {
                saved[alert.key] = alert
                removed.remove(alert.key)
            }
            for key in changes.removed {
                saved[key] = nil
                removed.insert(key)
            }
            for transition in changes.queued { queued[transition.sequence] = transition }
            for sequence in changes.taken {
                queued[sequence] = nil
                taken.insert(sequence)
            }
            lastSequence = changes.lastSequence ?? lastSequence
        }

        var changes: AlertStateChanges {
            var changes = AlertStateChanges()
            changes.saved = Array(saved.values)
            changes.removed = Array(removed)
            changes.queued = queued.values.sorted { $0.sequence < $1.sequence }
            changes.taken = taken.sorted()
            changes.lastSequence = lastSequence
            return changes
        }
    }

    private let store: any AlertStateStoring
    private let log: Log
    private let failures: Counter
    /// Held while the store writes: a later write of the same alert must not overtake an earlier one.
    private let pending = Mutex(Pending())

    init(_ store: any AlertStateStoring, log: Log, failures: Counter) {
        self.store = store
        self.log = log
        self.failures = failures
    }

    /// Writes `changes` and what is left from before, and returns when they are on disk or have failed.
    ///
    /// A failure is logged and counted; the caller goes on, for a page that might be repeated after a crash is better than
    /// one that is not sent.
    func write(_ changes: AlertStateChanges) {
        pending.withLock { pending in
            pending.merge(changes)
            let all = pending.changes
            guard !all.isEmpty else { return }
            do {
                try store.saveAlertStates(all)
                if pending.isFailing { log.info("alert states are saved again") }
                pending = Pending()
            } catch {
                failures.add()
                if !pending.isFailing {
                    log.error(
                        "alert states cannot be saved; a restart now would forget what has changed: \(error)"
                    )
                }
                pending.isFailing = true
            }
        }
    }
}
