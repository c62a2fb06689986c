package import Model
package import Timekeeping

/// An alert as its incident knows it.
package struct IncidentAlert: Hashable, Sendable, Codable {
    package var fingerprint: String
    package var rule: String
    package var alertName: String
    package var labels: LabelSet
    package var annotations: [String: String]
    package var level: AlertLevel
    package var priority: Priority
    package var value: Double?
    package var unit: String?
    package var summary: String
    package var action: String?
    package var runbook: String?
    /// When it fired, by the evaluation's time.
    package var firedAt: Timestamp
    package var updatedAt: Timestamp
    /// Nil while it fires.
    package var resolvedAt: Timestamp?
    /// Why its state cannot be seen just now; nil when it can.
    package var blind: String?
    /// The last log lines that made it fire, oldest first; nil when it is not about log lines.
    package var lines: [LogExcerpt]?

    package var isFiring: Bool { resolvedAt == nil }

    /// The alert of a transition that says it fires.
    init(_ transition: AlertTransition, level: AlertLevel) {
        fingerprint = transition.fingerprint
        rule = transition.rule
        alertName = transition.alertName
        labels = transition.labels
        annotations = transition.annotations
        self.level = level
        priority = transition.priority
        // JSON has no infinities.
        value = transition.value.flatMap { $0.isFinite ? $0 : nil }
        unit = transition.unit
        summary = transition.summary
        action = transition.action
        runbook = transition.runbook
        firedAt = transition.at
        updatedAt = transition.at
        lines = transition.lines
    }

    /// Takes over what a later transition says; when it fired stays.
    mutating func update(_ transition: AlertTransition, level: AlertLevel) {
        let (since, before) = (firedAt, lines)
        self = IncidentAlert(transition, level: level)
        firedAt = since
        lines = lines ?? before
    }
}
