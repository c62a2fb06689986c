package import Model
import Rules
package import Timekeeping

/// The alerts of one threshold rule: each is one alert with the levels none, warn and crit.
///
/// - A level is reached when its condition has held for `for`; being over crit also counts for warn. From
///   warn to crit the alert changes in place.
/// - With `datapoints: M of N` a condition holds while at least M of the last N judged evaluations were over it.
/// - Down from crit to warn it goes when the crit condition has failed for `for` (so a value that swings
///   around crit does not make the level swing), and at once to none when no condition holds and `clear` (if
///   there is one) does. Between `clear` and warn it goes on firing.
/// - A missing or NaN value, or a missing reference, is no data. `hold`: the state stands still, a firing alert
///   is told to be blind, time still counts for `for`, but only an evaluation with data can fire or resolve.
///   `ok` counts as a value below everything, `breach` as one over everything; so that `breach` can notice
///   a series that goes, the rule remembers each it ever saw, and judges a result that is empty from the start
///   under the rule's own labels.
/// - A failed query or source freezes everything, whatever the policy.
package struct ThresholdStateMachine: Hashable, Sendable {
    /// May be replaced at any time (a reload); alerts keep their state.
    package var policy: ThresholdPolicy
    /// The rule's own labels with `alertname`: the alert of a result that has no series at all.
    package var bareLabels: LabelSet
    /// By identity labels; quiet ones only when there is something to remember.
    package private(set) var alerts: [LabelSet: ThresholdAlert] = [:]

    package init(policy: ThresholdPolicy, bareLabels: LabelSet) {
        self.policy = policy
        self.bareLabels = bareLabels
    }

    /// Takes the result of the evaluation at `slot`.
    ///
    /// - Parameters:
    ///   - outcome: Results under identity labels.
    ///   - slot: The evaluation time, not before the last one's except after a clock step.
    /// - Returns: What changed, and what was refused.
    package mutating func advance(_ outcome: RuleOutcome, at slot: Timestamp) -> AlertStep {
        var step = AlertStep()
        switch outcome {
        case .failed(let reason):
            freeze(reason, &step)
        case .results(let observations, let absence):
            var present: Set<LabelSet> = []
            for observation in observations where !present.insert(observation.labels).inserted {
                step.error = AlertStep.duplicateIdentity
                freeze(AlertStep.duplicateIdentity, &step)
                step.sortChanges()
                return step
            }
            var active = alerts.values.count(where: \.isActive)
            for observation in observations {
                if let judged = policy.judged(observation) {
                    judge(
                        observation.labels,
                        policy.verdict(judged),
                        clears: policy.clears(judged),
                        data: observation,
                        at: slot,
                        &active,
                        &step
                    )
                } else {
                    miss(observation.labels, absence, at: slot, &active, &step)
                }
            }
            for labels in Array(alerts.keys) where !present.contains(labels) {
                if labels == bareLabels, !present.isEmpty {
                    judge(labels, .clear, clears: true, data: nil, at: slot, &active, &step)
                    alerts[labels] = nil
                } else {
                    miss(labels, absence, at: slot, &active, &step)
                }
            }
            if present.isEmpty, alerts.isEmpty, policy.missing == .breach {
                miss(bareLabels, absence, at: slot, &active, &step)
            }
        }
        step.sortChanges()
        return step
    }

    private mutating func miss(
        _ labels: LabelSet,
        _ absence: Absence,
        at slot: Timestamp,
        _ active: inout Int,
        _ step: inout AlertStep
    ) {
        switch absence {
        case .awaited where alerts[labels]?.isRestored ?? (policy.missing == .breach):
            alerts[labels]?.condition = .late
        case .unseen(let condition, let reason): hold(labels, condition, reason, &step)
        case .judged, .awaited:
            switch policy.missing {
            case .hold:
                if let alert = alerts[labels], alert.record.level == nil,
                    slot - alert.seenAt > policy.unseenRetention
                {
                    alerts[labels] = nil
                } else {
                    hold(labels, .noData, "no data", &step)
                }
            case .ok: judge(labels, .clear, clears: true, data: nil, at: slot, &active, &step)
            case .breach:
                judge(labels, policy.worst, clears: false, data: nil, at: slot, &active, &step)
            }
        }
    }

    private mutating func freeze(_ reason: String, _ step: inout AlertStep) {
        for labels in Array(alerts.keys) { hold(labels, .error, reason, &step) }
    }

    private mutating func hold(
        _ labels: LabelSet,
        _ condition: AlertCondition,
        _ reason: String,
        _ step: inout AlertStep
    ) {
        guard var alert = alerts[labels] else { return }
        alert.condition = condition
        if let level = alert.record.level, !alert.record.isBlind {
            alert.record.isBlind = true
            step.changes.append(change(labels, alert, .blind(reason), level))
        }
        alerts[labels] = alert
    }

    /// Judges one alert with a verdict; `data` is nil when the verdict stands for missing data.
    private mutating func judge(
        _ labels: LabelSet,
        _ verdict: ThresholdVerdict,
        clears: Bool,
        data: RuleObservation?,
        at slot: Timestamp,
        _ active: inout Int,
        _ step: inout AlertStep
    ) {
        let known = alerts[labels]
        guard known != nil || verdict > .clear || policy.missing == .breach else { return }
        if known == nil, alerts.count >= policy.knownMax {
            step.refused += 1
            return
        }
        var alert = known ?? ThresholdAlert(seenAt: slot)
        let wasActive = alert.isActive
        alert.note(verdict, policy, at: slot)
        guard wasActive || !alert.isActive || active < policy.activeMax else {
            step.refused += 1
            return
        }
        if let data {
            alert.value = data.value
            alert.reference = data.reference
            alert.seenAt = slot
            alert.isRestored = false
        }
        settle(labels, &alert, clears: clears, at: slot, &step)
        if alert.isActive != wasActive { active += wasActive ? -1 : 1 }
        alert.condition =
            data == nil && policy.missing == .breach
            ? .noData : alert.record.level != nil ? .firing : alert.isActive ? .pending : .ok
        let isWorthKeeping =
            alert.isActive || policy.missing == .breach
            || alert.record.history.contains { $0 > .clear }
        alerts[labels] = isWorthKeeping ? alert : nil
    }

    /// Brings the level in line with the conditions as noted.
    private func settle(
        _ labels: LabelSet,
        _ alert: inout ThresholdAlert,
        clears: Bool,
        at slot: Timestamp,
        _ step: inout AlertStep
    ) {
        let reached = alert.record.reached(policy.hold, at: slot)
        guard let level = alert.record.level else {
            guard let reached else { return }
            alert.record.level = reached
            alert.record.activeAt = alert.record.warnSince
            alert.record.firedAt = slot
            step.changes.append(change(labels, alert, .fired(reached), reached))
            return
        }
        if alert.record.warnSince == nil, clears {
            step.changes.append(change(labels, alert, .resolved, level))
            alert.record.end()
            return
        }
        if alert.record.isBlind {
            alert.record.isBlind = false
            step.changes.append(change(labels, alert, .sighted, level))
        }
        let next = alert.record.next(level, reached, policy, at: slot)
        if next != level {
            alert.record.level = next
            step.changes.append(
                change(labels, alert, .levelChanged(from: level, to: next), next)
            )
        }
    }

    private func change(
        _ labels: LabelSet,
        _ alert: ThresholdAlert,
        _ change: AlertTransition.Change,
        _ level: AlertLevel
    ) -> AlertChange {
        AlertChange(
            labels: labels,
            change: change,
            level: level,
            value: alert.value,
            reference: alert.reference
        )
    }
}

extension ThresholdStateMachine {
    /// Puts a saved alert back; evaluations go on from there.
    package mutating func restore(
        _ labels: LabelSet,
        _ record: ThresholdRecord,
        value: Double?,
        at moment: Timestamp
    ) {
        alerts[labels] = ThresholdAlert(
            record: record,
            value: value,
            condition: record.level == nil && record.warnSince == nil ? .ok : .late,
            seenAt: moment,
            isRestored: true
        )
    }

    /// Ends an alert by a person's word or because its rule is gone; nil when it does not fire.
    package mutating func release(_ labels: LabelSet, at slot: Timestamp) -> AlertChange? {
        guard let alert = alerts.removeValue(forKey: labels), let level = alert.record.level else {
            return nil
        }
        return change(labels, alert, .resolved, level)
    }
}

extension ThresholdAlert {
    /// Enters a verdict: history, and since when each condition holds.
    fileprivate mutating func note(
        _ verdict: ThresholdVerdict,
        _ policy: ThresholdPolicy,
        at slot: Timestamp
    ) {
        let overWarn: Bool
        let overCrit: Bool
        if let datapoints = policy.datapoints {
            record.history.append(verdict)
            record.history.removeFirst(max(0, record.history.count - datapoints.of))
            overWarn = record.history.count { $0 >= .warn } >= datapoints.needed
            overCrit = record.history.count { $0 >= .crit } >= datapoints.needed
        } else {
            record.history = []
            overWarn = verdict >= .warn
            overCrit = verdict >= .crit
        }
        record.warnSince = overWarn ? min(record.warnSince ?? slot, slot) : nil
        record.critSince = overCrit ? min(record.critSince ?? slot, slot) : nil
    }
}

extension ThresholdRecord {
    /// The highest level whose condition has held for `hold`.
    fileprivate func reached(_ hold: Duration, at slot: Timestamp) -> AlertLevel? {
        if let critSince, slot - critSince >= hold { return .crit }
        if let warnSince, slot - warnSince >= hold { return .warn }
        return nil
    }

    /// The level of an alert that goes on firing.
    fileprivate mutating func next(
        _ level: AlertLevel,
        _ reached: AlertLevel?,
        _ policy: ThresholdPolicy,
        at slot: Timestamp
    ) -> AlertLevel {
        switch level {
        case .warn: return reached == .crit ? .crit : .warn
        case .crit:
            guard critSince == nil, policy.warn != nil else {
                belowCritSince = nil
                return .crit
            }
            let since = min(belowCritSince ?? slot, slot)
            belowCritSince = since
            guard slot - since >= policy.hold else { return .crit }
            belowCritSince = nil
            return .warn
        }
    }

    fileprivate mutating func end() {
        level = nil
        belowCritSince = nil
        activeAt = nil
        firedAt = nil
        isBlind = false
    }
}
