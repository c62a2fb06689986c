package import HTTPClient
package import Incidents
import Model
import OnCall
package import Timekeeping

/// Sends pages as events to PagerDuty (Events API v2).
///
/// The dedup key is the incident's id: PagerDuty keeps one incident for all its triggers. Only calls are sent
/// as triggers, acknowledgements and ends as what they are.
package struct PagerDutyProvider: PageProvider {
    private let url: String
    private let routingKey: String
    private let links: PageLinks
    private let settings: PagingSettings

    /// Characters of a summary that PagerDuty takes.
    private static let summaryMax = 1024
    /// Bytes of an event; over it Alertmanager drops the details first, and so do we.
    private static let eventBytesMax = 512_000

    package init(url: String, routingKey: String, links: PageLinks, settings: PagingSettings) {
        self.url = url
        self.routingKey = routingKey
        self.links = links
        self.settings = settings
    }

    package func request(
        for page: Page,
        at now: Timestamp
    ) throws(PageRefusal) -> HTTPClientRequest? {
        guard let action = action(page.kind) else { return nil }
        var body = event(page, action, details: details(page)).bytes()
        if body.count > PagerDutyProvider.eventBytesMax {
            let note = JSONBody.object([
                (
                    "note",
                    .text("left out: the event had \(body.count) bytes, PagerDuty takes 512,000")
                )
            ])
            body = event(page, action, details: note).bytes()
        }
        guard body.count <= PagerDutyProvider.eventBytesMax else {
            throw PageRefusal("the event has \(body.count) bytes even without its details")
        }
        return HTTPClientRequest(
            method: "POST",
            url: url,
            headers: [
                (name: "content-type", value: "application/json"),
                (name: "user-agent", value: "Tocsin"),
            ],
            body: body,
            timeout: settings.tryTimeout,
            replyMax: settings.replyBytesMax
        )
    }

    private func action(_ kind: Page.Kind) -> String? {
        switch kind {
        case .acknowledged: "acknowledge"
        case .resolved: "resolve"
        case .updated: nil
        case .opened, .raised, .escalated, .reopened, .reminded, .digest: "trigger"
        }
    }

    private func event(_ page: Page, _ action: String, details: JSONBody) -> JSONBody {
        let incident = page.incident
        var members: [(String, JSONBody)] = [
            ("routing_key", .text(routingKey)),
            ("event_action", .text(action)),
            ("dedup_key", .text(incident.id.text)),
        ]
        guard action == "trigger" else { return .object(members) }
        members.append(("client", .text("Tocsin")))
        members.append(("client_url", .text(links.incident(incident.id))))
        var addresses = [
            JSONBody.object([
                ("href", .text(links.incident(incident.id))),
                ("text", .text("Incident \(incident.id)")),
            ])
        ]
        if let runbook = links.runbook(incident.leadingAlert?.runbook) {
            addresses.append(.object([("href", .text(runbook)), ("text", .text("Runbook"))]))
        }
        members.append(("links", .list(addresses)))
        let labels = incident.commonLabels
        var payload: [(String, JSONBody)] = [
            ("summary", .text(summary(page))),
            ("source", .text(source(labels, incident))),
            ("severity", .text(severity(incident.priority))),
            ("timestamp", .text((incident.leadingAlert?.firedAt ?? incident.openedAt).rfc3339)),
        ]
        if !labels["service"].isEmpty { payload.append(("component", .text(labels["service"]))) }
        payload.append(("group", .text(incident.leadingAlert?.rule ?? incident.groupKey)))
        payload.append(("class", .text(incident.leadingAlert?.alertName ?? "incident")))
        payload.append(("custom_details", details))
        members.append(("payload", .object(payload)))
        return .object(members)
    }

    private func summary(_ page: Page) -> String {
        let text = PageText(page: page, links: links).title
        guard text.count > PagerDutyProvider.summaryMax else { return text }
        return text.prefix(PagerDutyProvider.summaryMax - 1) + "…"
    }

    private func source(_ labels: LabelSet, _ incident: Incident) -> String {
        for name in ["instance", "service", "job"] where !labels[name].isEmpty {
            return labels[name]
        }
        return incident.leadingAlert?.rule ?? "tocsin"
    }

    private func severity(_ priority: Priority) -> String {
        switch priority {
        case .p1: "critical"
        case .p2: "error"
        case .p3: "warning"
        case .p4: "info"
        }
    }

    private func details(_ page: Page) -> JSONBody {
        let incident = page.incident
        let leading = incident.leadingAlert
        return .object([
            ("incident", .text(incident.id.text)),
            ("priority", .text("\(incident.priority)")),
            ("level", .optional(leading?.level.rawValue)),
            ("value", leading?.value.map { .number($0) } ?? .null),
            ("unit", .optional(leading?.unit)),
            ("action", .optional(leading?.action)),
            ("runbook", .optional(leading?.runbook)),
            ("text", .text(PageText(page: page, links: links).body)),
            ("labels", .sorted(incident.commonLabels.dictionary)),
            ("alerts", .list(incident.alerts.map { .text($0.summary) })),
            ("omitted_alerts", .integer(page.omittedAlerts)),
        ])
    }
}
