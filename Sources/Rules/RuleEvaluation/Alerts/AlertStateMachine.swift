package import Model
import Rules
package import Timekeeping

/// The alerts of one Prometheus alerting rule: inactive, pending, firing.
///
/// As Prometheus 3 does it, with these differences, all so that a blind or bounded evaluator never
/// resolves: a failed query is told to the receiver (`blind`) and the state frozen; a limit refuses new
/// alerts and leaves the known ones alone; a firing alert stays firing when a reload lengthens `for`.
///
/// - Source: Prometheus `rules/alerting.go`.
package struct AlertStateMachine: Hashable, Sendable {
    /// What the rule and its group say.
    package struct Policy: Hashable, Sendable {
        /// How long the condition holds before the alert fires: the rule's `for`.
        package var hold: Duration
        package var keepFiringFor: Duration
        /// Pending and firing alerts the rule may have; more are refused.
        package var activeMax: Int
        /// How long a resolved alert is remembered.
        package var resolvedRetention: Duration

        package init(
            hold: Duration = .zero,
            keepFiringFor: Duration = .zero,
            activeMax: Int = 10000,
            resolvedRetention: Duration = .seconds(15 * 60)
        ) {
            self.hold = hold
            self.keepFiringFor = keepFiringFor
            self.activeMax = activeMax
            self.resolvedRetention = resolvedRetention
        }
    }

    /// May be replaced at any time (a reload); alerts keep their state.
    package var policy: Policy
    /// By identity labels; resolved ones stay for a while.
    package private(set) var alerts: [LabelSet: ActiveAlert] = [:]

    package init(policy: Policy) {
        self.policy = policy
    }

    /// Takes the result of the evaluation at `slot`.
    ///
    /// - Parameters:
    ///   - outcome: Results under identity labels; a NaN value is a value, as in Prometheus.
    ///   - slot: The evaluation time, not before the last one's except after a clock step.
    /// - Returns: What changed, and what was refused.
    package mutating func advance(_ outcome: RuleOutcome, at slot: Timestamp) -> AlertStep {
        var step = AlertStep()
        switch outcome {
        case .failed(let reason):
            freeze(.error, reason, &step)
        case .results(let observations, let absence):
            var present: Set<LabelSet> = []
            for observation in observations where !present.insert(observation.labels).inserted {
                step.error = AlertStep.duplicateIdentity
                freeze(.error, AlertStep.duplicateIdentity, &step)
                step.sortChanges()
                return step
            }
            admit(observations, at: slot, &step)
            for labels in Array(alerts.keys) {
                if present.contains(labels) {
                    see(labels, at: slot, &step)
                } else {
                    miss(labels, absence, at: slot, &step)
                }
            }
        }
        step.sortChanges()
        return step
    }

    private mutating func admit(
        _ observations: [RuleObservation],
        at slot: Timestamp,
        _ step: inout AlertStep
    ) {
        var active = alerts.values.count { $0.record.phase != .inactive }
        for observation in observations {
            if alerts[observation.labels].map({ $0.record.phase != .inactive }) ?? false {
                alerts[observation.labels]?.value = observation.value
            } else if active < policy.activeMax {
                active += 1
                alerts[observation.labels] = ActiveAlert(
                    record: AlertRecord(pendingSince: slot),
                    value: observation.value,
                    condition: .pending
                )
            } else {
                step.refused += 1
            }
        }
    }

    private mutating func see(_ labels: LabelSet, at slot: Timestamp, _ step: inout AlertStep) {
        // Absent for a refused newcomer whose resolved predecessor is still remembered.
        guard var alert = alerts[labels], alert.record.phase != .inactive else { return }
        alert.record.keepFiringSince = nil
        alert.isRestored = false
        alert.record.activeAt = min(alert.record.activeAt, slot)
        if alert.record.phase == .firing, alert.record.isBlind {
            alert.record.isBlind = false
            step.changes.append(change(labels, alert, .sighted))
        }
        if alert.record.phase == .pending, slot - alert.record.activeAt >= policy.hold {
            alert.record.phase = .firing
            alert.record.firedAt = slot
            step.changes.append(
                change(labels, alert, .fired(AlertSeverity.level(of: labels)))
            )
        }
        alert.condition = alert.record.phase == .firing ? .firing : .pending
        alerts[labels] = alert
    }

    private mutating func miss(
        _ labels: LabelSet,
        _ absence: Absence,
        at slot: Timestamp,
        _ step: inout AlertStep
    ) {
        guard var alert = alerts[labels] else { return }
        if alert.record.phase == .inactive {
            if let resolved = alert.record.resolvedAt, slot - resolved > policy.resolvedRetention {
                alerts[labels] = nil
            }
            return
        }
        switch absence {
        case .awaited where alert.isRestored: alerts[labels]?.condition = .late
        case .unseen(let condition, let reason): blind(labels, condition, reason, &step)
        case .judged where alert.record.phase == .pending,
            .awaited where alert.record.phase == .pending:
            alerts[labels] = nil
        case .judged, .awaited:
            if policy.keepFiringFor > .zero {
                let since = min(alert.record.keepFiringSince ?? slot, slot)
                alert.record.keepFiringSince = since
                if slot - since < policy.keepFiringFor {
                    if alert.record.isBlind {
                        alert.record.isBlind = false
                        step.changes.append(change(labels, alert, .sighted))
                    }
                    alert.condition = .firing
                    alerts[labels] = alert
                    return
                }
            }
            alert.record.phase = .inactive
            alert.record.resolvedAt = slot
            alert.record.isBlind = false
            alert.condition = .ok
            alerts[labels] = alert
            step.changes.append(change(labels, alert, .resolved))
        }
    }

    private mutating func freeze(
        _ condition: AlertCondition,
        _ reason: String,
        _ step: inout AlertStep
    ) {
        for (labels, alert) in alerts where alert.record.phase != .inactive {
            blind(labels, condition, reason, &step)
        }
    }

    private mutating func blind(
        _ labels: LabelSet,
        _ condition: AlertCondition,
        _ reason: String,
        _ step: inout AlertStep
    ) {
        guard var alert = alerts[labels] else { return }
        alert.condition = condition
        if alert.record.phase == .firing, !alert.record.isBlind {
            alert.record.isBlind = true
            step.changes.append(change(labels, alert, .blind(reason)))
        }
        alerts[labels] = alert
    }

    private func change(
        _ labels: LabelSet,
        _ alert: ActiveAlert,
        _ change: AlertTransition.Change
    ) -> AlertChange {
        AlertChange(
            labels: labels,
            change: change,
            level: AlertSeverity.level(of: labels),
            value: alert.value
        )
    }
}

extension AlertStateMachine {
    /// Puts a saved alert back; evaluations go on from there.
    package mutating func restore(_ labels: LabelSet, _ record: AlertRecord, value: Double?) {
        alerts[labels] = ActiveAlert(
            record: record,
            value: value,
            condition: record.phase == .inactive ? .ok : .late,
            isRestored: true
        )
    }

    /// Ends an alert by a person's word or because its rule is gone; nil when it does not fire.
    package mutating func release(_ labels: LabelSet, at slot: Timestamp) -> AlertChange? {
        guard let alert = alerts.removeValue(forKey: labels), alert.record.phase == .firing else {
            return nil
        }
        return change(labels, alert, .resolved)
    }
}
