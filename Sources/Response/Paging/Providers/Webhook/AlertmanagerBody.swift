import Incidents
import Model
import OnCall
import Timekeeping

/// A page as Alertmanager's webhook sends it, version 4 (notify/webhook and template in its sources).
///
/// Written as Go writes it: members in the order of the Go structs, maps sorted, `<`, `>` and `&` escaped, a line feed at
/// the end. Alerts bear `severity` and `priority` as labels and the incident's id, action and runbook as
/// annotations, unless the rule has set them.
struct AlertmanagerBody {
    let page: Page
    let receiver: String
    let links: PageLinks

    /// Nil for an acknowledgement, which the format does not know.
    var bytes: [UInt8]? {
        guard let reason else { return nil }
        let incident = page.incident
        let alerts = incident.alerts.map(labels)
        let common = AlertmanagerBody.common(alerts)
        let annotations = AlertmanagerBody.common(incident.alerts.map(self.annotations))
        let isFiring = incident.state != .resolved && incident.alerts.contains(where: \.isFiring)
        let body = JSONBody.object([
            ("receiver", .text(AlertmanagerBody.quoteMeta(receiver))),
            ("status", .text(isFiring ? "firing" : "resolved")),
            ("alerts", .list(incident.alerts.map(alert))),
            ("notification_reason", .text(reason)),
            ("groupLabels", .sorted(incident.groupLabels.dictionary)),
            ("commonLabels", .sorted(common)),
            ("commonAnnotations", .sorted(annotations)),
            ("routeLabels", .object([])),
            ("externalURL", .text(links.externalURL)),
            ("version", .text("4")),
            ("groupKey", .text(incident.groupKey)),
            ("truncatedAlerts", .integer(page.omittedAlerts)),
        ])
        return body.bytes(.go) + [UInt8(ascii: "\n")]
    }

    private var reason: String? {
        switch page.kind {
        case .opened, .digest, .reopened: "first notification"
        case .raised: "new alerts added"
        case .updated:
            page.incident.alerts.contains { !$0.isFiring }
                ? "some alerts resolved" : "new alerts added"
        case .escalated, .reminded: "repeat interval elapsed"
        case .resolved: "all alerts resolved"
        case .acknowledged: nil
        }
    }

    private func alert(_ alert: IncidentAlert) -> JSONBody {
        let end = alert.resolvedAt ?? page.incident.resolvedAt
        return .object([
            ("status", .text(end == nil ? "firing" : "resolved")),
            ("labels", .sorted(labels(alert))),
            ("annotations", .sorted(annotations(alert))),
            ("startsAt", .text(AlertmanagerBody.time(alert.firedAt))),
            ("endsAt", .text(end.map(AlertmanagerBody.time) ?? "0001-01-01T00:00:00Z")),
            ("generatorURL", .text(links.incident(page.incident.id))),
            ("fingerprint", .text(alert.fingerprint)),
        ])
    }

    private func labels(_ alert: IncidentAlert) -> [String: String] {
        let own = [
            "severity": alert.level == .crit ? "critical" : "warning",
            "priority": "\(alert.priority)",
        ]
        return alert.labels.dictionary.merging(own) { written, _ in written }
    }

    private func annotations(_ alert: IncidentAlert) -> [String: String] {
        var own = ["summary": alert.summary, "incident": page.incident.id.text]
        own["action"] = alert.action
        own["runbook_url"] = alert.runbook
        return alert.annotations.merging(own) { written, _ in written }
    }

    /// Go's RFC3339Nano: fractions without zeros at their end.
    private static func time(_ moment: Timestamp) -> String {
        var text = moment.rfc3339
        guard moment.milliseconds % 1000 != 0 else { return text }
        text.removeLast()
        while text.hasSuffix("0") { text.removeLast() }
        return text + "Z"
    }

    /// What all have with the same value.
    private static func common(_ maps: [[String: String]]) -> [String: String] {
        guard let first = maps.first else { return [:] }
        return first.filter { name, value in maps.allSatisfy { $0[name] == value } }
    }

    /// Go's regexp.QuoteMeta: Alertmanager gives the receiver's name as a pattern.
    private static func quoteMeta(_ text: String) -> String {
        var quoted = ""
        for character in text {
            if "\\.+*?()|[]{}^$".contains(character) { quoted += "\\" }
            quoted.append(character)
        }
        return quoted
    }
}
