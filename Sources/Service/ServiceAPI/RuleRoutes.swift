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
            let page = try RuleGroupPage(parameters).of(
                groups().compactMap(filter.admitted)
            )
            return PrometheusReply.success { writer in
                writer.object { writer in
                    writer.key("groups")
                    writer.array { writer in
                        for group in page.groups {
                            writer.group(group, showsAlerts: filter.showsAlerts)
                        }
                    }
                    if let next = page.next { writer.field("groupNextToken", next) }
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

/// Which part of the groups a call wants: `group_limit` of them, from the one that `group_next_token` stands for on.
private struct RuleGroupPage {
    /// Nil: all.
    private let limit: Int?
    private let token: String

    init(_ parameters: QueryParameters) throws(PrometheusFailure) {
        token = parameters.first("group_next_token") ?? ""
        guard let text = parameters.first("group_limit"), !text.isEmpty else {
            guard token.isEmpty else {
                throw .parameter(
                    "group_next_token",
                    "group_limit needs to be present in order to paginate over the groups"
                )
            }
            limit = nil
            return
        }
        guard let limit = Int(text) else {
            throw .parameter(
                "group_limit",
                "group_limit needs to be a valid number: \(LabelSet.quoted(text))"
            )
        }
        guard limit > 0 else {
            throw .parameter("group_limit", "group_limit needs to be greater than 0")
        }
        self.limit = limit
    }

    /// - Throws: When no group has the token any more.
    func of(
        _ groups: [GroupSnapshot]
    ) throws(PrometheusFailure) -> (groups: ArraySlice<GroupSnapshot>, next: String?) {
        guard let limit else { return (groups[...], nil) }
        var start = 0
        if !token.isEmpty {
            guard let found = groups.firstIndex(where: { RuleGroupPage.token($0) == token }) else {
                throw PrometheusFailure(
                    type: .badData,
                    message: "invalid group_next_token '\(token)'. were rule groups changed?"
                )
            }
            start = found
        }
        let page = groups[start...].prefix(limit)
        return (
            page, page.endIndex < groups.count ? RuleGroupPage.token(groups[page.endIndex]) : nil
        )
    }

    /// What stands for a group as long as its file and name stay.
    private static func token(_ group: GroupSnapshot) -> String {
        LabelSet([Label("file", group.file), Label("group", group.name)]).fingerprintText
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

    /// The group with the rules that are wanted; nil when there are none.
    func admitted(_ group: GroupSnapshot) -> GroupSnapshot? {
        guard groups.isEmpty || groups.contains(group.name),
            files.isEmpty || files.contains(group.file)
        else { return nil }
        var group = group
        group.rules = group.rules.filter(admits)
        return group.rules.isEmpty ? nil : group
    }

    private func admits(_ rule: RuleSnapshot) -> Bool {
        (names.isEmpty || names.contains(rule.name))
            && (type.isEmpty || (type == "record") == (rule.kind == .recording))
            && (matchers.isEmpty
                || matchers.contains { $0.allSatisfy { $0.matches(rule.labels[$0.name] ?? "") } })
    }
}

extension JSONWriter {
    fileprivate mutating func group(_ group: GroupSnapshot, showsAlerts: Bool) {
        object { writer in
            writer.field("name", group.name)
            writer.field("file", group.file)
            writer.key("rules")
            writer.array { writer in
                for rule in group.rules { writer.rule(rule, showsAlerts: showsAlerts) }
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
