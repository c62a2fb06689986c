import Model
import Rules
import Timekeeping

extension RuleRuntime {
    /// What must be written so that a restart goes on from here.
    ///
    /// An alert whose timer runs is also saved every `timerSaveInterval`, so that a restart knows since when nothing
    /// was evaluated.
    mutating func unsaved(_ settings: RuleEngineSettings, at slot: Timestamp) -> AlertStateChanges {
        var changes = AlertStateChanges()
        var current: Set<LabelSet> = []
        for (labels, record, value) in records {
            current.insert(labels)
            let mark = saved[labels]
            let isDue =
                record.hasRunningTimer
                && (mark.map { slot - $0.at >= settings.timerSaveInterval || slot < $0.at } ?? true)
            guard mark?.record != record || isDue else { continue }
            saved[labels] = SavedMark(record: record, at: slot)
            changes.saved.append(stored(labels, record, value, at: slot))
        }
        guard saved.count > current.count else { return changes }
        for labels in saved.keys where !current.contains(labels) {
            changes.removed.append(key(labels))
        }
        saved = saved.filter { current.contains($0.key) }
        return changes
    }

    func key(_ labels: LabelSet) -> StoredAlertKey {
        StoredAlertKey(rule: keyText, fingerprint: labels.fingerprintText)
    }

    private var records: [(LabelSet, StoredAlert.Record, Double?)] {
        switch machine {
        case .none: []
        case .alert(let machine):
            machine.alerts.map { ($0.key, .alert($0.value.record), $0.value.value) }
        case .threshold(let machine):
            machine.alerts.map { ($0.key, .threshold($0.value.record), $0.value.value) }
        }
    }

    private func stored(
        _ labels: LabelSet,
        _ record: StoredAlert.Record,
        _ value: Double?,
        at slot: Timestamp
    ) -> StoredAlert {
        StoredAlert(
            key: key(labels),
            labels: labels,
            record: record,
            annotations: annotations[labels] ?? [:],
            value: value.map { "\($0)" },
            rule: "\(rule.key.group)/\(rule.name)",
            alertName: rule.name,
            priority: rule.priority(record.level(labels), labels),
            expression: rule.expressionText,
            at: slot
        )
    }

    /// Puts saved alerts back, as they were at the last evaluation.
    ///
    /// - Parameters:
    ///   - alerts: Of this rule.
    ///   - next: The slot of the group's next evaluation; the time since the saved slot, less an interval, was not
    ///     evaluated.
    ///   - interval: The group's.
    mutating func restore(_ alerts: [StoredAlert], next: Timestamp, interval: Duration) {
        for alert in alerts {
            let gap = max(.zero, next - alert.at - interval)
            let value = alert.value.flatMap { Double($0) }
            switch (machine, alert.record) {
            case (.alert(var machine), .alert(let record)):
                machine.restore(alert.labels, record.skipping(gap), value: value)
                self.machine = .alert(machine)
            case (.threshold(var machine), .threshold(let record)):
                machine.restore(alert.labels, record.skipping(gap), value: value, at: next)
                self.machine = .threshold(machine)
            case (.none, _), (.alert, _), (.threshold, _): continue
            }
            annotations[alert.labels] = alert.annotations
            saved[alert.labels] = SavedMark(record: alert.record, at: alert.at)
            endsUnseen = endsUnseen || alert.expression != rule.expressionText
        }
        // The series they were last written as, so that these end when the alerts do.
        for (labels, state, level, activeAt) in activeAlerts {
            written.formUnion(AlertSeries.samples(labels, state, level, activeAt).map(\.0))
        }
    }
}

extension StoredAlert.Record {
    var hasRunningTimer: Bool {
        switch self {
        case .alert(let record): record.hasRunningTimer
        case .threshold(let record): record.hasRunningTimer
        }
    }

    /// The level it fires at, else the one it would.
    func level(_ labels: LabelSet) -> AlertLevel {
        switch self {
        case .alert: AlertSeverity.level(of: labels)
        case .threshold(let record): record.level ?? (record.critSince == nil ? .warn : .crit)
        }
    }

    var isFiring: Bool {
        switch self {
        case .alert(let record): record.phase == .firing
        case .threshold(let record): record.level != nil
        }
    }
}
