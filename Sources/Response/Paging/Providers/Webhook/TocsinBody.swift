import Incidents
import Model
import OnCall
import Timekeeping

/// A page in Tocsin's own webhook format, version 1.
///
/// New members may be added; those that are there keep their meaning. Times are RFC 3339 in UTC.
/// - `version`: `"1"`.
/// - `type`: `incident.` and one of opened, raised, escalated, reopened, reminded, digest (`call` is true:
///   somebody is to act), updated, acknowledged, resolved.
/// - `id`: of the message, also in `webhook-id`; the same on every try.
/// - `timestamp`, `title` (one line), `text` (a few lines for a person).
/// - `receiver`, `people`, `targets`: whom it is for; `second_channel_of`: the message whose receiver fails.
/// - `incident`: `id`, `state`, `priority`, `level`, `summary`, `action`, `runbook`, `url`, `group_key`, `labels`
///   (those that all alerts share), `opened_at`, `respond_by`, `acknowledged_at`, `acknowledged_by`,
///   `snoozed_until`, `resolved_at`, `resolved_by`, `reopenings`, `blind`, `alerts`, `omitted_alerts`.
/// - each alert: `fingerprint`, `rule`, `name`, `status` (firing or resolved), `level`, `priority`, `value`,
///   `unit`, `summary`, `labels`, `annotations`, `fired_at`, `resolved_at`, `blind`, and `lines` (`at`, `stream`, `text`) of an alert about log lines.
struct TocsinBody {
    let page: Page
    let links: PageLinks

    var bytes: [UInt8] {
        let text = PageText(page: page, links: links)
        let body = JSONBody.object([
            ("version", .text("1")),
            ("type", .text("incident.\(page.kind.rawValue)")),
            ("id", .text(page.id)),
            ("timestamp", .text(page.createdAt.rfc3339)),
            ("call", .bool(page.kind.isCall)),
            ("title", .text(text.title)),
            ("text", .text(text.body)),
            ("receiver", .text(page.receiver)),
            ("people", .list(page.people.map { .text($0) })),
            ("targets", .list(page.targets.map { .text($0) })),
            ("second_channel_of", .optional(page.secondChannelOf)),
            ("incident", incident(page.incident)),
        ])
        return body.bytes()
    }

    private func incident(_ incident: Incident) -> JSONBody {
        let leading = incident.leadingAlert
        return .object([
            ("id", .text(incident.id.text)),
            ("state", .text(incident.state.rawValue)),
            ("priority", .text("\(incident.priority)")),
            ("level", .optional(leading?.level.rawValue)),
            ("summary", .text(incident.summary)),
            ("action", .optional(leading?.action)),
            ("runbook", .optional(leading?.runbook)),
            ("url", .text(links.incident(incident.id))),
            ("group_key", .text(incident.groupKey)),
            ("labels", .sorted(incident.commonLabels.dictionary)),
            ("opened_at", .text(incident.openedAt.rfc3339)),
            ("respond_by", .text(incident.respondBy.rfc3339)),
            ("acknowledged_at", .optional(incident.acknowledgedAt?.rfc3339)),
            ("acknowledged_by", .optional(incident.acknowledgedBy)),
            ("snoozed_until", .optional(incident.snoozedUntil?.rfc3339)),
            ("resolved_at", .optional(incident.resolvedAt?.rfc3339)),
            ("resolved_by", .optional(incident.resolvedBy)),
            ("reopenings", .integer(incident.reopenings)),
            ("blind", .optional(incident.blind)),
            ("alerts", .list(incident.alerts.map(alert))),
            ("omitted_alerts", .integer(page.omittedAlerts)),
        ])
    }

    private func alert(_ alert: IncidentAlert) -> JSONBody {
        let lines = alert.lines.map { lines in
            [("lines", JSONBody.list(lines.map(line)))]
        }
        return .object(fields(alert) + (lines ?? []))
    }

    private func line(_ line: LogExcerpt) -> JSONBody {
        .object([
            ("at", .text(line.at.rfc3339)), ("stream", .text(line.stream)),
            ("text", .text(line.text)),
        ])
    }

    private func fields(_ alert: IncidentAlert) -> [(String, JSONBody)] {
        [
            ("fingerprint", .text(alert.fingerprint)),
            ("rule", .text(alert.rule)),
            ("name", .text(alert.alertName)),
            ("status", .text(alert.isFiring ? "firing" : "resolved")),
            ("level", .text(alert.level.rawValue)),
            ("priority", .text("\(alert.priority)")),
            ("value", alert.value.map { .number($0) } ?? .null),
            ("unit", .optional(alert.unit)),
            ("summary", .text(alert.summary)),
            ("labels", .sorted(alert.labels.dictionary)),
            ("annotations", .sorted(alert.annotations)),
            ("fired_at", .text(alert.firedAt.rfc3339)),
            ("resolved_at", .optional(alert.resolvedAt?.rfc3339)),
            ("blind", .optional(alert.blind)),
        ]
    }
}
