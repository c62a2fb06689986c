import Model
import PromQLSyntax
import Timekeeping

/// Writes rules as plain Prometheus rules, for a Prometheus to evaluate.
///
/// Recording rules and alerts stay as they are, labels of their group written out. A threshold becomes an alert for each of
/// its levels, told apart by `severity` and `priority`; while the worse one fires, so does the other, and Alertmanager's
/// `inhibit_rules` keep it quiet. What Prometheus cannot do is said in a comment: that a missing value holds the
/// state, and objectives.
package enum PrometheusRuleExport {
    /// The text of one rule file.
    ///
    /// - Parameters:
    ///   - rules: What to write.
    ///   - interval: Of groups that do not say.
    /// - Returns: YAML that `promtool check rules` accepts.
    package static func yaml(_ rules: RuleSet, interval: Duration = .seconds(15)) -> String {
        var text = "groups:\n"
        var names: Set<String> = []
        for group in rules.groups {
            let exported = self.rules(of: group, interval: group.interval ?? interval)
            for slo in group.slos {
                text += "  # Objective \(comment(slo.name)) is not exported: Prometheus has none.\n"
            }
            guard !exported.isEmpty else { continue }
            var name = group.name
            var number = 2
            // Names are unique within a file, and several files become one.
            while !names.insert(name).inserted {
                name = "\(group.name) \(number)"
                number += 1
            }
            text += "  - name: \(quoted(name))\n"
            if let interval = group.interval {
                text += "    interval: \(interval.prometheusText)\n"
            }
            if let offset = group.queryOffset {
                text += "    query_offset: \(offset.prometheusText)\n"
            }
            if group.limit > 0 { text += "    limit: \(group.limit)\n" }
            text += "    rules:\n" + exported.joined()
        }
        return text == "groups:\n" ? "groups: []\n" : text
    }

    private static func rules(of group: RuleGroup, interval: Duration) -> [String] {
        let plain = group.rules.map { rule in
            switch rule {
            case .recording(let rule):
                "      - record: \(quoted(rule.record))\n        expr: \(quoted(rule.expr.text))\n"
                    + map("labels", merged(group.labels, rule.labels))
            case .alerting(let rule):
                alert(
                    rule.alert,
                    rule.expr.text,
                    hold: rule.hold,
                    keepFiringFor: rule.keepFiringFor,
                    labels: merged(group.labels, rule.labels),
                    annotations: rule.annotations
                )
            }
        }
        return plain
            + group.thresholds.flatMap { rule in
                ThresholdExport(rule, in: group, interval: interval).alerts.map { level in
                    (level.comment.map { "      # \(comment($0))\n" } ?? "")
                        + alert(
                            rule.alert,
                            level.expression,
                            hold: rule.hold,
                            keepFiringFor: .zero,
                            labels: level.labels,
                            annotations: level.annotations
                        )
                }
            }
    }

    private static func alert(
        _ name: String,
        _ expression: String,
        hold: Duration,
        keepFiringFor: Duration,
        labels: [String: String],
        annotations: [String: String]
    ) -> String {
        var text = "      - alert: \(quoted(name))\n        expr: \(quoted(expression))\n"
        if hold > .zero { text += "        for: \(hold.prometheusText)\n" }
        if keepFiringFor > .zero {
            text += "        keep_firing_for: \(keepFiringFor.prometheusText)\n"
        }
        return text + map("labels", labels) + map("annotations", annotations)
    }

    private static func merged(
        _ labels: [String: String],
        _ own: [String: String]
    ) -> [String: String] {
        labels.merging(own) { _, own in own }
    }

    private static func map(_ key: String, _ pairs: [String: String]) -> String {
        guard !pairs.isEmpty else { return "" }
        return pairs.sorted { $0.key < $1.key }.reduce(into: "        \(key):\n") { text, pair in
            text += "          \(quoted(pair.key)): \(quoted(pair.value))\n"
        }
    }

    /// A double-quoted scalar; YAML reads JSON's escapes.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7f...0xa0).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func comment(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
