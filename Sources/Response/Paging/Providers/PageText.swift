import Incidents
import Model
import OnCall
import Timekeeping

/// A page in words, for somebody who was asleep a minute ago.
struct PageText {
    let page: Page
    let links: PageLinks

    private var incident: Incident { page.incident }

    /// One line: how bad, what, and the value beside the threshold.
    var title: String {
        let mark =
            switch page.kind {
            case .acknowledged: "\(incident.priority) acknowledged"
            case .resolved: "\(incident.priority) resolved"
            case .escalated: "\(incident.priority) escalated"
            case .reopened: "\(incident.priority) is back"
            case .opened, .raised, .reminded, .digest, .updated: "\(incident.priority)"
            }
        return "[\(mark)] \(incident.summary)"
    }

    /// What, since when, what to do, and how to answer.
    var body: String {
        var lines = [title]
        if let why { lines.append(why) }
        lines.append(since)
        let alert = incident.leadingAlert
        if incident.state != .resolved {
            if let action = alert?.action { lines.append("Do: \(action)") }
            if let runbook = alert?.runbook { lines.append("Runbook: \(runbook)") }
        }
        if let blind = incident.blind { lines.append("Cannot be seen just now: \(blind)") }
        let others = incident.alerts.filter { $0.isFiring && $0.fingerprint != alert?.fingerprint }
        for other in others.prefix(5) { lines.append("Also: \(other.summary)") }
        let omitted = max(0, others.count - 5) + page.omittedAlerts
        if omitted > 0 { lines.append("And \(omitted) more.") }
        lines.append("Incident \(incident.id): \(links.incident(incident.id))")
        if page.kind.isCall { lines.append(answer) }
        return lines.joined(separator: "\n")
    }

    private var why: String? {
        switch page.kind {
        case .opened: nil
        case .raised: "It got worse."
        case .escalated: "Nobody has acknowledged it so far."
        case .reopened: "It came back after it was resolved."
        case .reminded: "Its snooze has ended."
        case .digest: "It is minor and has waited for this business day."
        case .updated: "Its alerts have changed."
        case .acknowledged: "Taken by \(incident.acknowledgedBy ?? "somebody")."
        case .resolved:
            incident.resolvedBy.map { "Closed by \($0)." } ?? "All its alerts are over."
        }
    }

    private var since: String {
        let start = incident.leadingAlert?.firedAt ?? incident.openedAt
        let text = "Since \(PageText.readable(start))"
        if let end = incident.resolvedAt {
            return text + " until \(PageText.readable(end)) (\(PageText.rough(end - start)))"
        }
        let age = page.createdAt - start
        return age < .seconds(60) ? text : text + " (\(PageText.rough(age)) ago)"
    }

    private var answer: String {
        "Acknowledge by \(PageText.readable(incident.respondBy)): sloctl incident ack \(incident.id)"
    }

    /// A time as people write it: `2026-11-24 03:12:05 UTC`.
    static func readable(_ moment: Timestamp) -> String {
        let text = Timestamp(milliseconds: moment.milliseconds / 1000 * 1000).rfc3339
        return text.replacing("T", with: " ").replacing("Z", with: " UTC")
    }

    /// A duration without what nobody needs: `14m`, `2h5m`, `3d4h`.
    static func rough(_ duration: Duration) -> String {
        let seconds = duration.milliseconds / 1000
        let unit: Int64 = seconds >= 86400 ? 3600 : seconds >= 60 ? 60 : 1
        return Duration.seconds(seconds / unit * unit).prometheusText
    }
}
