import APIModel
import ArgumentParsing
import PromQLSyntax

/// Commands that only read: objectives, alerts, sources, deploys, deliveries.
struct ReadingCommands {
    static let specs = [
        CommandSpec(
            "slo",
            "Look at the loaded objectives",
            subcommands: [CommandSpec("list", "List objectives with target, window and status")]
        ),
        CommandSpec("alerts", "List pending and firing alerts"),
        SourcesCommand.spec,
        DeploysCommand.spec,
        CommandSpec(
            "notify",
            "Look at what was sent",
            subcommands: [CommandSpec("deliveries", "List messages with every try to deliver them")]
        ),
    ]

    let client: APIClient
    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        switch invocation.path.first {
        case "slo": try await objectives()
        case "alerts": try await alerts()
        case "sources": try await SourcesCommand(client: client, terminal: terminal).run(invocation)
        case "deploys": try await DeploysCommand(client: client, terminal: terminal).run(invocation)
        case "notify": try await deliveries()
        default: preconditionFailure("the parser knows the commands")
        }
        return .ok
    }

    private func objectives() async throws(CommandFailure) {
        let list: SLOListDocument = try await client.get("/v1/slos")
        guard !list.slos.isEmpty else {
            return terminal.messages("No objectives are loaded; add slos: to a rule file.\n")
        }
        var table = TableText(header: ["NAME", "OBJECTIVE", "WINDOW", "STATUS", "BUDGET LEFT"])
        for slo in list.slos {
            table.add([
                slo.slo, NumberText.shortPercent(slo.objective), slo.window.type, slo.status,
                NumberText.percent(slo.budget.remainingRatio, decimals: 1),
            ])
        }
        terminal.output(table.text)
    }

    private func alerts() async throws(CommandFailure) {
        let reply: PrometheusReply<AlertsPayload> = try await client.get("/api/v1/alerts")
        guard let alerts = reply.data?.alerts, !alerts.isEmpty else {
            return terminal.messages("No alerts.\n")
        }
        var table = TableText(header: ["ALERT", "STATE", "SINCE", "VALUE", "LABELS"])
        for alert in alerts {
            let labels = alert.labels.filter { $0.key != "alertname" }
                .sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            table.add([
                alert.labels["alertname"] ?? "", alert.state, alert.activeAt ?? "",
                Double(alert.value).map { PromQLNumber.text($0) } ?? NumberText.unknown,
                labels.joined(separator: " "),
            ])
        }
        terminal.output(table.text)
    }

    private func deliveries() async throws(CommandFailure) {
        let list: DeliveryListDocument = try await client.get("/v1/deliveries")
        guard !list.deliveries.isEmpty else {
            return terminal.messages("Nothing was sent yet.\n")
        }
        var table = TableText(
            header: ["CREATED", "INCIDENT", "RECEIVER", "KIND", "STATE", "TRIES", "LAST"]
        )
        for delivery in list.deliveries {
            table.add([
                delivery.createdAt, delivery.incident, delivery.receiver, delivery.kind,
                delivery.state, "\(delivery.tries.count)",
                delivery.reason ?? delivery.tries.last?.outcome ?? "",
            ])
        }
        terminal.output(table.text)
    }
}
