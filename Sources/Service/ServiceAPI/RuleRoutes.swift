package import HTTPServer
import Model
import PromQLSyntax
package import RuleEvaluation
import Timekeeping

/// `/api/v1/rules` and `/api/v1/alerts`, as Prometheus gives them.
///
/// A threshold is an alerting rule whose query names its expression; its levels stand beside, under keys that
/// Prometheus's clients pass over.
package struct RuleRoutes: Sendable {
    private let groups: @Sendable () -> [GroupSnapshot]

    /// - Parameter groups: Every group as of its last evaluation.
    package init(groups: @escaping @Sendable () -> [GroupSnapshot]) {
        self.groups = groups
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/api/v1/rules", .blocking(rules)),
            HTTPRoute("GET", "/api/v1/alerts", .blocking(alerts)),
        ]
    }

    /// Pending and firing alerts, for the status page.
    var alertRows: [StatusPage.AlertRow] {
        groups().flatMap { $0.rules }.flatMap { rule in
            rule.alerts.map { alert in
                StatusPage.AlertRow(
                    name: rule.name,
                    state: alert.state.rawValue,
                    labels: alert.labels.labels.filter { $0.name != "alertname" }
                        .map { "\($0.name)=\($0.value)" }.joined(separator: " "),
                    value: alert.value.map { QuantityText.text($0, unit: rule.unit) } ?? "unknown",
                    since: (alert.firedAt ?? alert.activeAt)?.rfc3339 ?? ""
                )
            }
        }
    }

    @Sendable private func rules(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let type = parameters.first("type") ?? ""
            guard ["", "alert", "record"].contains(type) else {
                throw .parameter("type", "not supported value \"\(type)\"")
            }
            let filter = RuleFilter(
                type: type,
                names: Set(parameters.all("rule_name[]")),
                groups: Set(parameters.all("rule_group[]")),
                files: Set(parameters.all("file[]")),
                matchers: try parameters.selectors(),
                showsAlerts: !(try parameters.flag("exclude_alerts"))
            )
            return PrometheusReply.success { writer in
                writer.object { writer in
                    writer.key("groups")
                    writer.array { writer in
                        for group in groups() { writer.group(group, filter) }
                    }
                }
            }
        }
    }

    @Sendable private func alerts(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.success { writer in
            writer.object { writer in
                writer.key("alerts")
                writer.array { writer in
                    for rule in groups().flatMap(\.rules) {
                        for alert in rule.alerts { writer.alert(alert) }
                    }
                }
            }
        }
    }
}

/// Which rules a call wants.
private struct RuleFilter {
    var type: String
    var names: Set<String>
    var groups: Set<String>
    var files: Set<String>
    /// On the rule's own labels; one set of them must hold.
    var matchers: [[LabelMatcher]]
    var showsAlerts: Bool

    func admits(_ group: GroupSnapshot) -> Bool {
        (groups.isEmpty || groups.contains(group.name))
            && (files.isEmpty || files.contains(group.file))
    }

    func admits(_ rule: RuleSnapshot) -> Bool {
        (names.isEmpty || names.contains(rule.name))
            && (type.isEmpty || (type == "record") == (rule.kind == .recording))
            && (matchers.isEmpty
                || matchers.contains { $0.allSatisfy { $0.matches(rule.labels[$0.name] ?? "") } })
    }
}

extension JSONWriter {
    fileprivate mutating func group(_ group: GroupSnapshot, _ filter: RuleFilter) {
        let rules = group.rules.filter(filter.admits)
        guard filter.admits(group), !rules.isEmpty else { return }
        object { writer in
            writer.field("name", group.name)
            writer.field("file", group.file)
            writer.key("rules")
            writer.array { writer in
                for rule in rules { writer.rule(rule, showsAlerts: filter.showsAlerts) }
            }
            writer.field("interval", raw: group.interval.jsonSeconds)
            writer.field("limit", raw: "\(group.limit)")
            writer.field("evaluationTime", raw: group.evaluationTime.jsonSeconds)
            writer.field("lastEvaluation", group.lastEvaluation.rfc3339OrZero)
        }
    }

    private mutating func rule(_ rule: RuleSnapshot, showsAlerts: Bool) {
        object { writer in
            if rule.kind != .recording { writer.field("state", rule.state.rawValue) }
            writer.field("name", rule.name)
            writer.field("query", rule.query)
            if rule.kind != .recording {
                writer.field("duration", raw: rule.hold.jsonSeconds)
                writer.field("keepFiringFor", raw: rule.keepFiringFor.jsonSeconds)
            }
            writer.key("labels")
            writer.map(rule.labels.sorted { $0.key < $1.key })
            if rule.kind != .recording {
                writer.key("annotations")
                writer.map(rule.annotations.sorted { $0.key < $1.key })
                writer.key("alerts")
                writer.array { writer in
                    guard showsAlerts else { return }
                    for alert in rule.alerts { writer.alert(alert) }
                }
                let levels = [
                    ("warn", rule.warn), ("crit", rule.crit), ("clear", rule.clear),
                    ("unit", rule.unit), ("action", rule.action), ("runbook", rule.runbook),
                ]
                for (name, value) in levels { if let value { writer.field(name, value) } }
            }
            writer.field("health", rule.health == .unknown ? "unknown" : rule.health.rawValue)
            if let error = rule.lastError { writer.field("lastError", error) }
            writer.field("evaluationTime", raw: rule.evaluationTime.jsonSeconds)
            writer.field("lastEvaluation", rule.lastEvaluation.rfc3339OrZero)
            writer.field("type", rule.kind == .recording ? "recording" : "alerting")
        }
    }

    fileprivate mutating func alert(_ alert: AlertSnapshot) {
        object { writer in
            writer.key("labels")
            writer.labels(alert.labels)
            writer.key("annotations")
            writer.map(alert.annotations.sorted { $0.key < $1.key })
            writer.field("state", alert.state.rawValue)
            if let active = alert.activeAt { writer.field("activeAt", active.rfc3339) }
            if let since = alert.keepFiringSince { writer.field("keepFiringSince", since.rfc3339) }
            // An unknown value is an empty text, never a number that was not measured.
            writer.field("value", alert.value.map(SampleText.exponent) ?? "")
            writer.field("level", alert.level.rawValue)
            writer.field("priority", alert.priority.description)
            writer.field("condition", alert.condition.rawValue)
        }
    }
}

extension Duration {
    /// Seconds as a JSON number.
    fileprivate var jsonSeconds: String { PromQLNumber.text(inSeconds) }
}

extension Timestamp? {
    /// Go's zero time for what has not happened yet, as Prometheus writes it.
    fileprivate var rfc3339OrZero: String { self?.rfc3339 ?? "0001-01-01T00:00:00Z" }
}
