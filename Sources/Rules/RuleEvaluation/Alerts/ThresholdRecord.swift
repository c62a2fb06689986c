package import Model
package import Timekeeping

/// How far over its thresholds one evaluation found a series.
package enum ThresholdVerdict: Int, Hashable, Comparable, Sendable, Codable {
    case clear, warn, crit

    package static func < (left: ThresholdVerdict, right: ThresholdVerdict) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What must survive a restart of one alert of a threshold rule.
package struct ThresholdRecord: Hashable, Sendable, Codable {
    /// The level at which it fires; nil when it does not.
    package var level: AlertLevel?
    /// Since when the warn condition (or the crit condition, which implies it) holds without a break.
    package var warnSince: Timestamp?
    package var critSince: Timestamp?
    /// While it fires at crit: since when the crit condition does not hold.
    package var belowCritSince: Timestamp?
    /// The slot at which the run that made it fire began.
    package var activeAt: Timestamp?
    package var firedAt: Timestamp?
    /// The last verdicts, oldest first, for `datapoints`; empty without.
    package var history: [ThresholdVerdict]
    /// The receiver was told that the state cannot be seen.
    package var isBlind: Bool

    package init() {
        history = []
        isBlind = false
    }

    /// True while time alone can change what the next evaluation does.
    package var hasRunningTimer: Bool {
        switch level {
        case nil: warnSince != nil
        case .warn: critSince != nil
        case .crit: belowCritSince != nil
        }
    }

    /// The record after `gap` in which nothing was evaluated: that time counts for no timer.
    package func skipping(_ gap: Duration) -> ThresholdRecord {
        guard gap > .zero else { return self }
        var record = self
        record.warnSince = warnSince.map { $0 + gap }
        record.critSince = critSince.map { $0 + gap }
        record.belowCritSince = belowCritSince.map { $0 + gap }
        return record
    }
}

/// One alert of a threshold rule.
package struct ThresholdAlert: Hashable, Sendable {
    package var record: ThresholdRecord
    /// The last value that was judged; nil when there was none yet.
    package var value: Double?
    package var reference: Double?
    /// What the last evaluation knew about it.
    package var condition: AlertCondition
    /// The slot of the last evaluation with data.
    package var seenAt: Timestamp
    /// Restored after a start and not seen since.
    package var isRestored: Bool

    package init(
        record: ThresholdRecord = ThresholdRecord(),
        value: Double? = nil,
        reference: Double? = nil,
        condition: AlertCondition = .ok,
        seenAt: Timestamp,
        isRestored: Bool = false
    ) {
        self.record = record
        self.value = value
        self.reference = reference
        self.condition = condition
        self.seenAt = seenAt
        self.isRestored = isRestored
    }

    package var isActive: Bool { record.level != nil || record.warnSince != nil }
}
