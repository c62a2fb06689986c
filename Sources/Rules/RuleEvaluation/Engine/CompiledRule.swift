import Model
import Rules
import Timekeeping

/// A rule that is parsed and ready to be evaluated.
struct CompiledRule: Sendable {
    enum Definition: Sendable {
        case recording(RecordingRule)
        case alerting(AlertingRule)
        case threshold(ThresholdRule)

        var location: SourceLocation {
            switch self {
            case .recording(let rule): rule.location
            case .alerting(let rule): rule.location
            case .threshold(let rule): rule.location
            }
        }
    }

    var key: RuleKey
    var definition: Definition
    var expression: any EvaluableExpression
    /// The past that a threshold compares with.
    var reference: (any EvaluableExpression)?
    /// The metrics it reads; nil when a selector names none.
    var metricNames: Set<String>?
    /// How much earlier than its slot it is judged.
    var offset: Duration
    /// True when `offset` is there for samples that settle.
    var isSettled: Bool
    /// With the group's labels; the rule's own win.
    var labels: [NamedTemplate]
    /// `labels` when they are the same for every series.
    var constantLabels: [String: String]?
    var annotations: [NamedTemplate]
    var constantAnnotations: [String: String]?

    var name: String { key.name }

    var expressionText: String {
        switch definition {
        case .recording(let rule): rule.expr.text
        case .alerting(let rule): rule.expr.text
        case .threshold(let rule): rule.expr.text
        }
    }

    /// The priority of an alert at a level.
    func priority(_ level: AlertLevel, _ labels: LabelSet) -> Priority {
        guard case .threshold(let rule) = definition else {
            return AlertSeverity.priority(of: labels)
        }
        return level == .warn ? rule.warnPriority : rule.critPriority
    }
}

/// A group whose rules are ready.
struct CompiledGroup: Sendable {
    var name: String
    var file: String
    var interval: Duration
    /// 0: none was set.
    var limit: Int
    var isEager: Bool
    /// In file order.
    var rules: [CompiledRule]
    /// What an evaluation of the group reads.
    let reads: [Read]
    /// The metrics that its recording rules write.
    let recordedNames: Set<String>

    struct Read: Sendable {
        var expression: any EvaluableExpression
        var offset: Duration
        var waitsForSlots: Bool
    }

    init(
        name: String,
        file: String,
        interval: Duration,
        limit: Int,
        isEager: Bool,
        rules: [CompiledRule]
    ) {
        self.name = name
        self.file = file
        self.interval = interval
        self.limit = limit
        self.isEager = isEager
        self.rules = rules
        reads = rules.flatMap { rule in
            [rule.expression, rule.reference].compactMap(\.self).map {
                Read(
                    expression: $0,
                    offset: rule.offset,
                    waitsForSlots: rule.waitsForSlots
                )
            }
        }
        recordedNames = Set(
            rules.compactMap { rule in
                if case .recording = rule.definition { rule.name } else { nil }
            }
        )
    }

    /// `file;name`: Prometheus's label for a group.
    var label: String { "\(file);\(name)" }
}

extension CompiledRule {
    /// True for a rule that is not evaluated between slots: it counts evaluations, or its samples settle first.
    var waitsForSlots: Bool {
        if case .threshold(let rule) = definition, rule.datapoints != nil { return true }
        return isSettled
    }
}
