package import Model
package import Timekeeping

/// Which alert of which rule: the key of a saved state.
package struct StoredAlertKey: Hashable, Sendable, Codable {
    /// `RuleKey.text`: file, group, kind, name, labels and place among equals.
    package var rule: String
    /// `LabelSet.fingerprintText` of the identity labels.
    package var fingerprint: String

    package init(rule: String, fingerprint: String) {
        self.rule = rule
        self.fingerprint = fingerprint
    }
}

/// One alert as it is saved; encodes to JSON.
package struct StoredAlert: Hashable, Sendable, Codable {
    package enum Record: Hashable, Sendable, Codable {
        case alert(AlertRecord)
        case threshold(ThresholdRecord)
    }

    package var key: StoredAlertKey
    package var labels: LabelSet
    package var record: Record
    /// As last expanded, for a change that comes when the series is gone.
    package var annotations: [String: String]
    /// The last value as text (`612.5`, `inf`, for JSON has no infinities); nil when there was none.
    package var value: String?
    /// Group and alert name, for an alert whose rule is gone: `app/P99Latency`.
    package var rule: String
    package var alertName: String
    package var priority: Priority
    /// The rule's expression; alerts of another expression's series do not stay for ever.
    package var expression: String
    /// The slot of the evaluation that this state is from.
    package var at: Timestamp

    package init(
        key: StoredAlertKey,
        labels: LabelSet,
        record: Record,
        annotations: [String: String],
        value: String?,
        rule: String,
        alertName: String,
        priority: Priority,
        expression: String,
        at: Timestamp
    ) {
        self.key = key
        self.labels = labels
        self.record = record
        self.annotations = annotations
        self.value = value
        self.rule = rule
        self.alertName = alertName
        self.priority = priority
        self.expression = expression
        self.at = at
    }
}

/// Everything that was saved.
package struct StoredAlertStates: Sendable {
    package var alerts: [StoredAlert]
    /// Transitions that the receiver has not yet taken over, by `sequence`.
    package var queue: [AlertTransition]
    /// The highest `sequence` ever given to a transition; 0 for a new store.
    package var lastSequence: Int64

    package init(
        alerts: [StoredAlert] = [],
        queue: [AlertTransition] = [],
        lastSequence: Int64 = 0
    ) {
        self.alerts = alerts
        self.queue = queue
        self.lastSequence = lastSequence
    }
}

/// What to write, in one transaction.
package struct AlertStateChanges: Sendable {
    /// Replace what is saved under their keys.
    package var saved: [StoredAlert] = []
    package var removed: [StoredAlertKey] = []
    /// To be kept by their `sequence` until they are `taken`; one that is there already is replaced.
    package var queued: [AlertTransition] = []
    /// Sequences the receiver has taken over, or that were merged into a later one.
    package var taken: [Int64] = []
    /// The new `lastSequence`; nil: as before.
    package var lastSequence: Int64?

    package init() {}

    package var isEmpty: Bool {
        saved.isEmpty && removed.isEmpty && queued.isEmpty && taken.isEmpty && lastSequence == nil
    }
}

/// Keeps alert states over restarts.
package protocol AlertStateStoring: Sendable {
    /// Everything saved so far.
    func loadAlertStates() throws -> StoredAlertStates

    /// Writes all of `changes` or nothing, and returns when they are on disk. Blocks; called from the engine's
    /// threads, never from two at once.
    func saveAlertStates(_ changes: AlertStateChanges) throws
}
