package import Model
package import Timekeeping

extension AlertSnapshot {
    /// A firing alert of a log rule.
    package init(
        logAlert labels: LabelSet,
        annotations: [String: String],
        priority: Priority,
        firedAt: Timestamp
    ) {
        self.init(
            fingerprint: labels.fingerprintText,
            labels: labels,
            annotations: annotations,
            state: .firing,
            level: .crit,
            priority: priority,
            condition: .firing,
            activeAt: firedAt,
            firedAt: firedAt
        )
    }
}

extension RuleSnapshot {
    /// A log rule, which judges each record as it comes and so has no evaluation of its own.
    package init(
        logRule name: String,
        query: String,
        labels: [String: String],
        annotations: [String: String],
        action: String?,
        runbook: String?,
        location: SourceLocation,
        alerts: [AlertSnapshot]
    ) {
        self.init(
            kind: .alerting,
            name: name,
            query: query,
            hold: .zero,
            keepFiringFor: .zero,
            labels: labels,
            annotations: annotations,
            action: action,
            runbook: runbook,
            location: location,
            queryOffset: .zero,
            health: .ok,
            state: alerts.isEmpty ? .inactive : .firing,
            evaluationTime: .zero,
            lastSampleCount: 0,
            alerts: alerts
        )
    }
}

extension GroupSnapshot {
    /// The log rules of one file.
    package init(logRulesOf file: String, rules: [RuleSnapshot]) {
        self.init(
            name: "log_rules",
            file: file,
            interval: .zero,
            limit: 0,
            isEager: true,
            evaluationTime: .zero,
            rules: rules
        )
    }
}
