import Model
import OnCall
import Timekeeping

@testable import Incidents

/// A policy and alerts for tests, on a Tuesday at noon in UTC.
enum Story {
    static let start = Timestamp(year: 2026, month: 11, day: 24, hour: 12)

    static let team = """
        receivers:
          - {name: phone, webhook: {url: "http://127.0.0.1:1/"}}
          - {name: mail, webhook: {url: "http://127.0.0.1:2/"}}
          - {name: chat, webhook: {url: "http://127.0.0.1:3/"}}
        people:
          - {name: ann, time_zone: UTC, contact: [phone, mail]}
          - {name: bob, time_zone: UTC, contact: [mail]}
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
        escalation:
          - name: default
            steps: [{notify: schedule/primary}, {after: 30m, notify: person/bob}]
            repeat: 1
        priorities:
          P1: {escalation: default}
          P2: {escalation: default}
          P3: {escalation: default, hours: waking}
          P4: {escalation: digest}
        """

    static let grouped = team + "\nroutes: {receiver: chat, group_by: [alertname]}\n"

    static func policy(_ text: String = team) throws -> OnCallPolicy {
        try OnCallFile.load(Array(text.utf8), file: "oncall.yaml")
    }

    static func minutes(_ count: Int) -> Timestamp { start + .seconds(count * 60) }

    static func alert(
        _ change: AlertTransition.Change,
        _ priority: Priority = .p2,
        name: String = "Latency",
        service: String = "api",
        at: Timestamp = start,
        sequence: Int64 = 0
    ) -> AlertTransition {
        let labels: LabelSet = ["alertname": name, "service": service]
        return AlertTransition(
            fingerprint: labels.fingerprintText,
            rule: "app/\(name)",
            alertName: name,
            labels: labels,
            annotations: ["summary": "slow"],
            change: change,
            priority: priority,
            value: 612,
            unit: "ms",
            summary: "\(name) service=\(service)",
            action: "Scale, investigate",
            runbook: "runbooks/latency.md",
            at: at,
            sequence: sequence
        )
    }
}

extension IncidentAction {
    /// One line for transcripts.
    var line: String {
        switch self {
        case .record(let event):
            "\(event.kind.rawValue): \(event.text)" + (event.by.map { " (\($0))" } ?? "")
        case .send(let page):
            "-> \(page.receiver) \(page.kind.rawValue)"
                + (page.people.isEmpty ? "" : " for \(page.people.joined(separator: ","))")
                + (page.fallbacks.isEmpty ? "" : ", else \(page.fallbacks.joined(separator: ","))")
        case .withdraw(let reason): "withdraw: \(reason)"
        }
    }
}
