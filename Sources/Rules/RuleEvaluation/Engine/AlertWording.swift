import Model
import Rules
import Timekeeping

/// Puts a change of an alert into one plain sentence.
struct AlertWording {
    let rule: CompiledRule

    /// Such as `P99Latency service=api: 612 ms > 500 ms for 2m`.
    func summary(_ change: AlertChange) -> String {
        let subject = subject(change.labels)
        return switch rule.definition {
        case .threshold(let threshold): "\(subject): \(predicate(change, threshold))"
        case .alerting(let alert): "\(subject): \(predicate(change, alert))"
        case .recording: subject
        }
    }

    /// The name and what tells this alert from its rule's others.
    private func subject(_ labels: LabelSet) -> String {
        let constant = Set((rule.constantLabels ?? [:]).keys).union(["alertname"])
        let own = labels.labels.filter { !constant.contains($0.name) }
            .map { "\($0.name)=\($0.value)" }
        return ([rule.name] + own).joined(separator: " ")
    }

    private func predicate(_ change: AlertChange, _ rule: ThresholdRule) -> String {
        switch change.change {
        case .fired(let level): return breach(change, level, rule) + duration(rule)
        case .levelChanged(let before, let level):
            return breach(change, level, rule) + duration(rule) + " (was \(before))"
        case .resolved:
            guard let value = change.value else { return "ended without a value" }
            let ended = rule.clear ?? rule.warn ?? rule.crit
            let text = ended.map { limit($0, rule) } ?? ""
            return rule.clear == nil
                ? "\(QuantityText.text(value, unit: rule.unit)), no longer \(text)"
                : "\(QuantityText.text(value, unit: rule.unit)), cleared by \(text)"
        case .blind(let reason): return blind(reason, change, unit: rule.unit)
        case .sighted: return sighted(change, unit: rule.unit)
        }
    }

    private func breach(_ change: AlertChange, _ level: AlertLevel, _ rule: ThresholdRule) -> String
    {
        guard let value = change.value else { return "no data" }
        let text = QuantityText.text(value, unit: rule.unit)
        guard let condition = level == .warn ? rule.warn ?? rule.crit : rule.crit ?? rule.warn
        else {
            return text
        }
        guard rule.relativeTo != nil, let reference = change.reference else {
            return "\(text) \(limit(condition, rule))"
        }
        let ratio = (value - reference) / abs(reference)
        return "\(text) is \(QuantityText.change(ratio)) on "
            + "\(QuantityText.text(reference, unit: rule.unit)), \(limit(condition, rule))"
    }

    private func limit(_ condition: ThresholdCondition, _ rule: ThresholdRule) -> String {
        let quantity =
            rule.relativeTo == nil
            ? QuantityText.text(condition.value, unit: rule.unit)
            : QuantityText.change(condition.value)
        return "\(condition.comparison.rawValue) \(quantity)"
    }

    private func duration(_ rule: ThresholdRule) -> String {
        let datapoints = rule.datapoints.map { " in \($0.needed) of \($0.of)" } ?? ""
        return datapoints + (rule.hold > .zero ? " for \(rule.hold.prometheusText)" : "")
    }

    private func predicate(_ change: AlertChange, _ rule: AlertingRule) -> String {
        let expression = AlertWording.shortened(rule.expr.text)
        switch change.change {
        case .fired, .levelChanged:
            let value = change.value.map { QuantityText.text($0, unit: nil) } ?? "true"
            let hold = rule.hold > .zero ? " for \(rule.hold.prometheusText)" : ""
            return "\(value) (\(expression))\(hold)"
        case .resolved: return "no longer true (\(expression))"
        case .blind(let reason): return blind(reason, change, unit: nil)
        case .sighted: return sighted(change, unit: nil)
        }
    }

    private func blind(_ reason: String, _ change: AlertChange, unit: String?) -> String {
        let last = change.value.map { ", last \(QuantityText.text($0, unit: unit))" } ?? ""
        return "cannot be seen (\(AlertWording.shortened(reason))); held at \(change.level)\(last)"
    }

    private func sighted(_ change: AlertChange, unit: String?) -> String {
        change.value.map { "seen again, \(QuantityText.text($0, unit: unit))" } ?? "seen again"
    }

    private static func shortened(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count <= 160 ? line : line.prefix(159) + "…"
    }
}
