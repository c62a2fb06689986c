import Model
import PromQLSyntax
import Timekeeping

/// A threshold as the alerts that Prometheus needs for it.
struct ThresholdExport {
    struct Level {
        var expression: String
        var labels: [String: String]
        var annotations: [String: String]
        /// What Prometheus does otherwise; nil when it does the same.
        var comment: String?
    }

    private let rule: ThresholdRule
    private let groupLabels: [String: String]
    private let interval: Duration

    init(_ rule: ThresholdRule, in group: RuleGroup, interval: Duration) {
        self.rule = rule
        groupLabels = group.labels
        self.interval = interval
    }

    /// The worse level last.
    var alerts: [Level] {
        let levels = [
            ("warning", rule.warn, rule.warnPriority), ("critical", rule.crit, rule.critPriority),
        ]
        return levels.compactMap { severity, condition, priority in
            condition.map { level(severity, $0, priority) }
        }
    }

    private func level(
        _ severity: String,
        _ condition: ThresholdCondition,
        _ priority: Priority
    ) -> Level {
        var labels = groupLabels.merging(rule.labels) { _, own in own }
        labels["severity"] = severity
        labels["priority"] = priority.description
        var annotations = rule.annotations
        if annotations["summary"] == nil {
            annotations["summary"] = "\(rule.alert): {{ $value }}, threshold \(condition.text)"
        }
        if let action = rule.action { annotations["action"] = annotations["action"] ?? action }
        if let runbook = rule.runbook {
            annotations["runbook_url"] = annotations["runbook_url"] ?? runbook
        }
        return Level(
            expression: expression(severity, condition, labels),
            labels: labels,
            annotations: annotations,
            comment: comment
        )
    }

    private var comment: String? {
        switch rule.missing {
        case .hold: "While there is no value Tocsin holds the state; Prometheus resolves the alert."
        case .breach:
            "Prometheus cannot tell which series are missing; Tocsin takes that for the worst level."
        case .ok: nil
        }
    }

    /// What is judged: the expression, or its change against the past.
    private var judged: String {
        let text = ThresholdExport.canonical(rule.expr.text)
        guard let past = rule.relativeTo else { return "(\(text))" }
        let step = max(interval.milliseconds, past.window.milliseconds / 30, 1)
        let window = "[\(past.window.prometheusText):\(Duration.milliseconds(step).prometheusText)]"
        let offset = past.offset > .zero ? " offset \(past.offset.prometheusText)" : ""
        return "((\(text)) / avg_over_time((\(text))\(window)\(offset)) - 1)"
    }

    private func expression(
        _ severity: String,
        _ condition: ThresholdCondition,
        _ labels: [String: String]
    ) -> String {
        let value = PromQLNumber.text(condition.value)
        var text = "\(judged) \(condition.comparison.rawValue) \(value)"
        if let datapoints = rule.datapoints {
            let window = interval * datapoints.of
            text =
                "sum_over_time((\(judged) \(condition.comparison.rawValue) bool \(value))"
                + "[\(window.prometheusText):\(interval.prometheusText)]) >= \(datapoints.needed)"
        }
        guard let clear = rule.clear else { return text }
        // While it fires, it goes on as long as the clear condition does not hold.
        let own = (labels.keys + ["alertname", "alertstate"]).sorted().joined(separator: ", ")
        let limit = "\(clear.comparison.rawValue) \(PromQLNumber.text(clear.value))"
        return "\(text) or (\(judged) unless \(judged) \(limit)) and ignoring (\(own)) "
            + "ALERTS{alertname=\(LabelSet.quoted(rule.alert)), alertstate=\"firing\", "
            + "severity=\"\(severity)\"}"
    }

    /// The expression on one line without its comments; as it is when it does not parse.
    private static func canonical(_ text: String) -> String {
        (try? PromQLParser.parse(text))?.printed ?? text
    }
}
