import APIModel
import ArgumentParsing
import Timekeeping

/// `sloctl deploys`: what was released, newest first.
struct DeploysCommand {
    static let spec = CommandSpec(
        "deploys",
        "List what was deployed, newest first",
        discussion: """
            Deploys are reported to POST /v1/deploys by ArgoCD, by GitHub or by a pipeline's last step:

              curl --json '{"service":"web","id":"'$RUN'","outcome":"succeeded"}' $TOCSIN_URL/v1/deploys
            """,
        options: [
            OptionSpec("service", value: "NAME", "Only of this service"),
            OptionSpec("environment", value: "NAME", "Only into this environment"),
            OptionSpec("limit", value: "COUNT", "At most so many (default: 50)"),
            OptionSpec.output,
        ]
    )

    let client: APIClient
    let terminal: Terminal
    var clock: any WallClock = SystemClock()

    func run(_ invocation: Invocation) async throws(CommandFailure) {
        let query = ["service", "environment", "limit"].compactMap { name in
            invocation.value(name).map { "\(name)=\(APIClient.escaped($0))" }
        }
        let list: DeployListDocument =
            try await client.get("/v1/deploys?" + query.joined(separator: "&"))
        if invocation.value("output") == "json" { return try terminal.outputJSON(list) }
        guard !list.deploys.isEmpty else {
            return terminal.messages(
                "No deploys; report them to POST /v1/deploys, or widen --service and --environment.\n"
            )
        }
        terminal.output(DeploysCommand.text(list.deploys, at: clock.now()))
    }

    /// The table; what went wrong stands below a deploy.
    static func text(_ deploys: [DeployDocument], at now: Timestamp) -> String {
        var table = TableText(
            header: ["WHEN", "SERVICE", "ENVIRONMENT", "OUTCOME", "TOOK", "REVISION"]
        )
        for deploy in deploys {
            let (at, started) = (
                Timestamp(rfc3339: deploy.at), deploy.startedAt.flatMap { Timestamp(rfc3339: $0) }
            )
            let end = deploy.outcome == "running" ? now : at
            let took = started.flatMap { start in
                end.map { NumberText.roughDuration(max(0, ($0 - start).inSeconds)) }
            }
            table.add([
                at.map { NumberText.roughDuration((now - $0).inSeconds) + " ago" } ?? deploy.at,
                deploy.service, deploy.environment, deploy.outcome, took ?? "-",
                deploy.revision.isEmpty ? "-" : String(deploy.revision.prefix(12)),
            ])
        }
        var lines = table.text.split(separator: "\n").map(String.init)
        for (index, deploy) in deploys.enumerated().reversed() {
            let notes = [deploy.message, deploy.url].filter { !$0.isEmpty }
            if deploy.outcome == "failed", !notes.isEmpty {
                lines.insert("    " + notes.joined(separator: "  "), at: index + 2)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
