import Model
import Rules

extension RuleRuntime {
    /// The rule as it stands.
    var snapshot: RuleSnapshot {
        var snapshot = outline
        snapshot.health = health
        snapshot.lastError = lastError
        snapshot.lastEvaluation = lastEvaluation
        snapshot.evaluationTime = evaluationTime
        snapshot.lastSampleCount = lastSampleCount
        snapshot.alerts = alertSnapshots
        if snapshot.alerts.contains(where: { $0.state == .firing }) {
            snapshot.state = .firing
        } else if !snapshot.alerts.isEmpty {
            snapshot.state = .pending
        } else if lastEvaluation != nil {
            snapshot.state = .inactive
        }
        return snapshot
    }

    /// The rule before its first evaluation: what does not change while it is loaded.
    static func outline(_ rule: CompiledRule) -> RuleSnapshot {
        var outline = RuleSnapshot(
            kind: .recording,
            name: rule.name,
            query: rule.expressionText,
            hold: .zero,
            keepFiringFor: .zero,
            labels: rule.key.labels,
            annotations: Dictionary(
                rule.annotations.map { ($0.name, $0.template.text) },
                uniquingKeysWith: { first, _ in first }
            ),
            location: rule.definition.location,
            queryOffset: rule.offset,
            health: .unknown,
            state: .unknown,
            evaluationTime: .zero,
            lastSampleCount: 0,
            alerts: []
        )
        switch rule.definition {
        case .recording: break
        case .alerting(let alert):
            outline.kind = .alerting
            outline.hold = alert.hold
            outline.keepFiringFor = alert.keepFiringFor
        case .threshold(let threshold):
            outline.kind = .threshold
            outline.hold = threshold.hold
            outline.warn = threshold.warn?.text
            outline.crit = threshold.crit?.text
            outline.clear = threshold.clear?.text
            outline.unit = threshold.unit
            outline.action = threshold.action
            outline.runbook = threshold.runbook
        }
        return outline
    }

    private var alertSnapshots: [AlertSnapshot] {
        let alerts: [AlertSnapshot] =
            switch machine {
            case .none: []
            case .alert(let machine):
                machine.alerts.compactMap { labels, alert in
                    guard alert.record.phase != .inactive else { return nil }
                    return snapshot(labels, alert)
                }
            case .threshold(let machine):
                machine.alerts.compactMap { labels, alert in
                    alert.isActive ? snapshot(labels, alert) : nil
                }
            }
        return alerts.count > 1 ? alerts.sorted { $0.labels < $1.labels } : alerts
    }

    private func snapshot(_ labels: LabelSet, _ alert: ActiveAlert) -> AlertSnapshot {
        let level = AlertSeverity.level(of: labels)
        return AlertSnapshot(
            fingerprint: labels.fingerprintText,
            labels: labels,
            annotations: annotations[labels] ?? [:],
            state: alert.record.phase == .firing ? .firing : .pending,
            level: level,
            priority: rule.priority(level, labels),
            condition: alert.condition,
            activeAt: alert.record.activeAt,
            firedAt: alert.record.firedAt,
            keepFiringSince: alert.record.keepFiringSince,
            value: alert.value
        )
    }

    private func snapshot(_ labels: LabelSet, _ alert: ThresholdAlert) -> AlertSnapshot {
        let level = StoredAlert.Record.threshold(alert.record).level(labels)
        return AlertSnapshot(
            fingerprint: labels.fingerprintText,
            labels: labels,
            annotations: annotations[labels] ?? [:],
            state: alert.record.level == nil ? .pending : .firing,
            level: level,
            priority: rule.priority(level, labels),
            condition: alert.condition,
            activeAt: alert.record.activeAt ?? alert.record.warnSince,
            firedAt: alert.record.firedAt,
            value: alert.value,
            reference: alert.reference
        )
    }
}
