package import Timekeeping

/// How bad an incident is; P1 is the worst.
package enum Priority: Int, Hashable, Comparable, Sendable, Codable, CaseIterable,
    CustomStringConvertible
{
    case p1 = 1
    case p2, p3, p4

    /// The priority of that name, `P1` to `P4`.
    package init?(name: String) {
        guard let found = Priority.allCases.first(where: { $0.description == name }) else {
            return nil
        }
        self = found
    }

    package var description: String { "P\(rawValue)" }

    /// P1 is more urgent than P2: `.p1 < .p2`.
    package static func < (left: Priority, right: Priority) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The level of a threshold that is crossed; a plain Prometheus alert is `crit`, or `warn` by its severity label.
package enum AlertLevel: String, Hashable, Comparable, Sendable, Codable {
    case warn, crit

    package static func < (left: AlertLevel, right: AlertLevel) -> Bool {
        left == .warn && right == .crit
    }
}

/// What the evaluator knows about one alert right now.
package enum AlertCondition: String, Hashable, Sendable, Codable {
    case ok
    case pending
    case firing
    /// The source has nothing to say; the alert keeps its state by its policy.
    case noData = "no_data"
    /// The expected samples are not there yet.
    case late
    /// The evaluation or its source failed.
    case error
}

/// One change of one alert, from the rules to the incidents: all that Response needs to know.
package struct AlertTransition: Hashable, Sendable, Codable {
    package enum Change: Hashable, Sendable, Codable {
        /// The alert fires at this level; it did not before.
        case fired(AlertLevel)
        /// A firing alert went from one level to the other.
        case levelChanged(from: AlertLevel, to: AlertLevel)
        /// The condition has gone, or its clear threshold is met.
        case resolved
        /// The alert fires, but its state can no longer be seen; it is held. The text says why.
        case blind(String)
        /// The alert can be seen again.
        case sighted
    }

    /// What the alert is: 16 hexadecimal digits over its identity labels.
    ///
    /// The same for both levels and over
    /// restarts: the dedup key of the incident.
    package var fingerprint: String
    /// Group and alert name, `app/P99Latency`.
    package var rule: String
    package var alertName: String
    /// Identity labels, `alertname` included, level and value not.
    package var labels: LabelSet
    package var annotations: [String: String]
    package var change: Change
    /// The priority at the new level; on resolve the one it had.
    package var priority: Priority
    /// The value that was judged, in `unit`; nil when there is none.
    package var value: Double?
    package var unit: String?
    /// The condition in words: `P99Latency service=api: 612 ms > 500 ms for 2m`.
    package var summary: String
    /// What to do, from the rule; nil when it says nothing.
    package var action: String?
    /// A path or address; nil when the rule names none.
    package var runbook: String?
    /// The evaluation's time, not the wall clock's.
    package var at: Timestamp
    /// Rises by one with each transition of this alert, kept over restarts.
    ///
    /// Handing over the same number again after a crash changes nothing. 0: not numbered; then the same
    /// change at the same time counts as a repetition.
    package var sequence: Int64
    /// The last log lines that made the alert fire, oldest first; nil when it is not about log lines.
    package var lines: [LogExcerpt]?

    package init(
        fingerprint: String,
        rule: String,
        alertName: String,
        labels: LabelSet,
        annotations: [String: String],
        change: Change,
        priority: Priority,
        value: Double?,
        unit: String?,
        summary: String,
        action: String?,
        runbook: String?,
        at: Timestamp,
        sequence: Int64 = 0
    ) {
        self.fingerprint = fingerprint
        self.rule = rule
        self.alertName = alertName
        self.labels = labels
        self.annotations = annotations
        self.change = change
        self.priority = priority
        self.value = value
        self.unit = unit
        self.summary = summary
        self.action = action
        self.runbook = runbook
        self.at = at
        self.sequence = sequence
    }
}
