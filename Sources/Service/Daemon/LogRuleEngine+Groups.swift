import LogRules
import Model
import RuleEvaluation
import Rules

extension LogRuleEngine {
    /// Log rules as groups of rules, one for each file, for `rules`, `alerts` and the page.
    var groups: [GroupSnapshot] {
        var order: [String] = []
        var rules: [String: [RuleSnapshot]] = [:]
        for one in snapshot {
            let file = one.definition.location.file
            if rules[file] == nil { order.append(file) }
            rules[file, default: []].append(LogRuleEngine.rule(one))
        }
        return order.map { GroupSnapshot(logRulesOf: $0, rules: rules[$0] ?? []) }
    }

    private static func rule(_ one: LogRuleSnapshot) -> RuleSnapshot {
        let definition = one.definition
        let filter = definition.filter.text
        return RuleSnapshot(
            logRule: definition.name,
            query: definition.kind.name + (filter.isEmpty ? "" : ": \(filter)"),
            labels: definition.labels,
            annotations: definition.annotations,
            action: definition.action,
            runbook: definition.runbook,
            location: definition.location,
            alerts: one.alerts.map { alert in
                AlertSnapshot(
                    logAlert: alert.labels,
                    annotations: alert.annotations,
                    priority: definition.priority,
                    firedAt: alert.firedAt
                )
            }
        )
    }
}
