import Model
import PromQL
import Rules
import Telemetry
import Timekeeping

/// One loaded rule with its state.
struct RuleRuntime {
    enum Machine {
        /// A recording rule.
        case none
        case alert(AlertStateMachine)
        case threshold(ThresholdStateMachine)
    }

    /// What is on disk of an alert.
    struct SavedMark: Equatable {
        var record: StoredAlert.Record
        var at: Timestamp
    }

    private(set) var rule: CompiledRule
    var machine: Machine
    /// Its snapshot before any evaluation, made once.
    let outline: RuleSnapshot
    /// The key's text, made once.
    let keyText: String
    /// Last expanded, of active alerts.
    var annotations: [LabelSet: [String: String]] = [:]
    var saved: [LabelSet: SavedMark] = [:]
    /// Series written by the last evaluation; those that are not written again get a staleness marker.
    var written: Set<LabelSet> = []
    /// Labels and annotations whose templates failed last time.
    var failingTemplates: Set<String> = []
    /// After its expression changed: alerts whose series the new one does not give are ended.
    var endsUnseen = false

    var health = RuleSnapshot.Health.unknown
    var lastError: String?
    var lastEvaluation: Timestamp?
    var evaluationTime = Duration.zero
    var lastSampleCount = 0

    init(_ rule: CompiledRule, limit: Int, settings: RuleEngineSettings) {
        self.rule = rule
        keyText = rule.key.text
        outline = RuleRuntime.outline(rule)
        switch rule.definition {
        case .recording: machine = .none
        case .alerting(let alert):
            machine = .alert(
                AlertStateMachine(policy: RuleRuntime.policy(alert, limit, settings))
            )
        case .threshold(let threshold):
            machine = .threshold(
                ThresholdStateMachine(
                    policy: RuleRuntime.policy(threshold, limit, settings),
                    bareLabels: RuleRuntime.bareLabels(rule)
                )
            )
        }
    }

    private static func policy(
        _ rule: AlertingRule,
        _ limit: Int,
        _ settings: RuleEngineSettings
    ) -> AlertStateMachine.Policy {
        AlertStateMachine.Policy(
            hold: rule.hold,
            keepFiringFor: rule.keepFiringFor,
            activeMax: limit > 0 ? limit : settings.alertsPerRuleMax,
            resolvedRetention: settings.resolvedRetention
        )
    }

    private static func policy(
        _ rule: ThresholdRule,
        _ limit: Int,
        _ settings: RuleEngineSettings
    ) -> ThresholdPolicy {
        ThresholdPolicy(
            rule,
            activeMax: limit > 0 ? limit : settings.alertsPerRuleMax,
            knownMax: settings.alertsPerRuleMax,
            unseenRetention: settings.unseenRetention
        )
    }

    /// The identity of an alert for a result without any series.
    private static func bareLabels(_ rule: CompiledRule) -> LabelSet {
        let labels = rule.labels.map { Label($0.name, $0.template.constant ?? "") }
        return LabelSet(labels + [Label("alertname", rule.name)])
    }

    /// Takes over the state of the same rule before a reload.
    mutating func adopt(_ old: RuleRuntime) {
        switch (machine, old.machine) {
        case (.alert(let new), .alert(var machine)):
            machine.policy = new.policy
            self.machine = .alert(machine)
        case (.threshold(let new), .threshold(var machine)):
            machine.policy = new.policy
            machine.bareLabels = new.bareLabels
            self.machine = .threshold(machine)
        case (.none, _), (.alert, _), (.threshold, _): break
        }
        annotations = old.annotations
        saved = old.saved
        written = old.written
        health = old.health
        lastError = old.lastError
        lastEvaluation = old.lastEvaluation
        evaluationTime = old.evaluationTime
        lastSampleCount = old.lastSampleCount
        endsUnseen =
            old.endsUnseen || rule.expressionText != old.rule.expressionText
    }

    /// True when the machine remembers any alert.
    var hasAlerts: Bool {
        switch machine {
        case .none: false
        case .alert(let machine): !machine.alerts.isEmpty
        case .threshold(let machine): !machine.alerts.isEmpty
        }
    }

    /// Labels of every alert the machine knows.
    var knownAlerts: [LabelSet] {
        switch machine {
        case .none: []
        case .alert(let machine): Array(machine.alerts.keys)
        case .threshold(let machine): Array(machine.alerts.keys)
        }
    }

    /// How many of its alerts are pending, firing, and firing but blind.
    var counts: (pending: Int, firing: Int, blind: Int) {
        var counts = (pending: 0, firing: 0, blind: 0)
        func count(_ isFiring: Bool, _ isBlind: Bool) {
            counts.pending += isFiring ? 0 : 1
            counts.firing += isFiring ? 1 : 0
            counts.blind += isFiring && isBlind ? 1 : 0
        }
        switch machine {
        case .none: break
        case .alert(let machine):
            for alert in machine.alerts.values where alert.record.phase != .inactive {
                count(alert.record.phase == .firing, alert.record.isBlind)
            }
        case .threshold(let machine):
            for alert in machine.alerts.values where alert.isActive {
                count(alert.record.level != nil, alert.record.isBlind)
            }
        }
        return counts
    }

    /// Ends an alert; nil when it did not fire.
    mutating func release(_ labels: LabelSet, at slot: Timestamp) -> AlertChange? {
        switch machine {
        case .none: return nil
        case .alert(var machine):
            let change = machine.release(labels, at: slot)
            self.machine = .alert(machine)
            return change
        case .threshold(var machine):
            let change = machine.release(labels, at: slot)
            self.machine = .threshold(machine)
            return change
        }
    }

    /// The transition that tells the receiver of a change.
    func transition(
        _ change: AlertChange,
        summary: String? = nil,
        at slot: Timestamp
    ) -> AlertTransition {
        var unit: String?
        var action: String?
        var runbook: String?
        if case .threshold(let threshold) = rule.definition {
            unit = threshold.unit
            action = threshold.action
            runbook = threshold.runbook
        }
        let annotations = annotations[change.labels] ?? [:]
        return AlertTransition(
            fingerprint: change.labels.fingerprintText,
            rule: "\(rule.key.group)/\(rule.name)",
            alertName: rule.name,
            labels: change.labels,
            annotations: annotations,
            change: change.change,
            priority: rule.priority(change.level, change.labels),
            // JSON has no infinities; the summary says them.
            value: change.value.flatMap { $0.isFinite ? $0 : nil },
            unit: unit,
            summary: summary ?? AlertWording(rule: rule).summary(change),
            action: action,
            runbook: runbook ?? annotations["runbook_url"],
            at: slot
        )
    }
}
