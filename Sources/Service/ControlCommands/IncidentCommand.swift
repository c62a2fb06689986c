import APIModel
import ArgumentParsing
import Timekeeping

/// `sloctl incident ...`: what is wrong, and what somebody does about it.
struct IncidentCommand {
    static let spec = CommandSpec(
        "incident",
        "List incidents and act on them",
        subcommands: [
            CommandSpec(
                "list",
                "List incidents that are not resolved",
                options: [
                    OptionSpec("all", "Resolved ones too"),
                    OptionSpec.output,
                ]
            ),
            CommandSpec(
                "get",
                "Show one incident with its timeline",
                operands: [OperandSpec("ID", .one, "the incident's id")],
                options: [
                    OptionSpec.output
                ]
            ),
            action("ack", "Take an incident: stops its escalation"),
            action("resolve", "Close an incident"),
            CommandSpec(
                "snooze",
                "Be quiet about an incident for a while",
                operands: [
                    OperandSpec("ID", .one, "the incident's id"),
                    OperandSpec("DURATION", .one, "how long, such as 30m"),
                ],
                options: [by]
            ),
            CommandSpec(
                "note",
                "Write into an incident's timeline",
                operands: [
                    OperandSpec("ID", .one, "the incident's id"),
                    OperandSpec("TEXT", .one, "the note"),
                ],
                options: [by]
            ),
        ]
    )

    private static let by = OptionSpec("by", value: "NAME", "Who acts (default: $USER)")

    private static func action(_ name: String, _ summary: String) -> CommandSpec {
        CommandSpec(
            name,
            summary,
            operands: [OperandSpec("ID", .one, "the incident's id")],
            options: [by]
        )
    }

    let client: APIClient
    let terminal: Terminal
    let user: String

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let id = invocation.operands.first.map(APIClient.escaped) ?? ""
        let by = invocation.value("by") ?? user
        switch invocation.path.last {
        case "list": try await list(invocation)
        case "get":
            let incident: IncidentDocument = try await client.get("/v1/incidents/\(id)")
            if invocation.value("output") == "json" {
                try terminal.outputJSON(incident)
            } else {
                terminal.output(describe(incident))
            }
        case "ack": try await act(id, "ack", IncidentActionDocument(by: by))
        case "resolve": try await act(id, "resolve", IncidentActionDocument(by: by))
        case "note":
            try await act(
                id,
                "note",
                IncidentActionDocument(by: by, text: invocation.operands.last)
            )
        case "snooze":
            let text = invocation.operands.last ?? ""
            guard let span = Duration(prometheus: text), span > .zero else {
                throw CommandFailure(
                    code: .usage,
                    message: "\"\(text)\" is not a duration; write it as 30m or 2h"
                )
            }
            try await act(
                id,
                "snooze",
                IncidentActionDocument(by: by, seconds: Int(span.milliseconds / 1000))
            )
        default: preconditionFailure("the parser knows the subcommands")
        }
        return .ok
    }

    private func list(_ invocation: Invocation) async throws(CommandFailure) {
        let path = "/v1/incidents" + (invocation.has("all") ? "?all=true" : "")
        let list: IncidentListDocument = try await client.get(path)
        if invocation.value("output") == "json" { return try terminal.outputJSON(list) }
        guard !list.incidents.isEmpty else {
            return terminal.messages("No incidents.\n")
        }
        var table = TableText(header: ["ID", "PRIORITY", "STATE", "OPENED", "SUMMARY"])
        for incident in list.incidents {
            table.add([
                incident.id, incident.priority, incident.state, incident.openedAt,
                incident.summary,
            ])
        }
        terminal.output(table.text)
    }

    private func act(
        _ id: String,
        _ action: String,
        _ body: IncidentActionDocument
    ) async throws(CommandFailure) {
        let incident: IncidentDocument = try await client.post(
            "/v1/incidents/\(id)/\(action)",
            body
        )
        terminal.output("\(incident.id) \(incident.state)\n")
    }

    private func describe(_ incident: IncidentDocument) -> String {
        var text = terminal.colored("\(incident.id)  \(incident.priority)", .bold)
        text += "  \(incident.state)\n  \(incident.summary)\n"
        func line(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            text += "  \(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(value)\n"
        }
        line("opened", incident.openedAt)
        line("respond by", incident.respondBy)
        line(
            "taken",
            incident.acknowledgedBy.map { "by \($0) at \(incident.acknowledgedAt ?? "")" }
        )
        line("snoozed until", incident.snoozedUntil)
        line("resolved", incident.resolvedAt)
        line("cannot see", incident.blind)
        line("action", incident.action)
        line("runbook", incident.runbook)
        let labels = incident.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        line("labels", labels.joined(separator: " "))
        for logged in incident.lines ?? [] {
            let body = LogLineText.plain(logged.text)
            text += "  \(logged.at)  \(LogLineText.plain(logged.stream))  \(body)\n"
        }
        for event in incident.timeline {
            text += "  \(event.at)  \(event.kind)  \(event.text)"
            text += event.by.map { "  (\($0))\n" } ?? "\n"
        }
        return text
    }
}
