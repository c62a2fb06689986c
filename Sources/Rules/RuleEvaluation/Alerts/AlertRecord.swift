package import Model
package import Timekeeping

/// What must survive a restart of one alert of a Prometheus alerting rule.
package struct AlertRecord: Hashable, Sendable, Codable {
    package enum Phase: String, Hashable, Sendable, Codable {
        /// Resolved, and remembered for a while.
        case inactive
        case pending
        case firing
    }

    package var phase: Phase
    /// The slot at which the condition was first seen to hold.
    package var activeAt: Timestamp
    package var firedAt: Timestamp?
    package var resolvedAt: Timestamp?
    /// The first slot without the condition, while `keep_firing_for` runs.
    package var keepFiringSince: Timestamp?
    /// The receiver was told that the state cannot be seen.
    package var isBlind: Bool

    package init(pendingSince slot: Timestamp) {
        phase = .pending
        activeAt = slot
        isBlind = false
    }

    /// True while time alone can change what the next evaluation does.
    package var hasRunningTimer: Bool { phase == .pending || keepFiringSince != nil }

    /// The record after `gap` in which nothing was evaluated: that time counts neither for `for` nor against
    /// `keep_firing_for`.
    package func skipping(_ gap: Duration) -> AlertRecord {
        guard gap > .zero else { return self }
        var record = self
        if phase == .pending { record.activeAt = activeAt + gap }
        record.keepFiringSince = keepFiringSince.map { $0 + gap }
        return record
    }
}

/// One alert of a Prometheus alerting rule.
package struct ActiveAlert: Hashable, Sendable {
    package var record: AlertRecord
    /// The value of the last evaluation that saw the condition; nil after a restart until it is seen.
    package var value: Double?
    /// What the last evaluation knew about it.
    package var condition: AlertCondition
    /// Restored after a start and not seen since.
    package var isRestored: Bool

    package init(
        record: AlertRecord,
        value: Double? = nil,
        condition: AlertCondition,
        isRestored: Bool = false
    ) {
        self.record = record
        self.value = value
        self.condition = condition
        self.isRestored = isRestored
    }
}
