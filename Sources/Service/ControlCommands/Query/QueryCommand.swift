import APIModel
import ArgumentParsing
import Timekeeping

/// `sloctl query EXPRESSION`: evaluates PromQL now, at a time, or over a span.
struct QueryCommand {
    static let spec = CommandSpec(
        "query",
        "Evaluate a PromQL expression",
        discussion: """
            Without --start the expression is evaluated once: now, or --at a time. TIME is RFC 3339,
            seconds since 1970, now, or a while ago as -1h. Warnings and infos go to standard error.

              sloctl query 'sum by (status) (rate(http_requests_total[5m]))'
              sloctl query --at -1h up
              sloctl query --start -6h --step 5m -o csv 'sum(up)' > up.csv
            """,
        operands: [OperandSpec("EXPRESSION", .one, "a PromQL expression")],
        options: [
            OptionSpec(
                "output",
                short: "o",
                value: "FORMAT",
                choices: ["table", "json", "csv"],
                "How to print"
            ),
            OptionSpec("at", value: "TIME", "Evaluate as of then (default: now)"),
            OptionSpec("start", value: "TIME", "Evaluate from then on, once a step"),
            OptionSpec("end", value: "TIME", "With --start: until then (default: now)"),
            OptionSpec(
                "step",
                value: "DURATION",
                "With --start: how far apart (default: 100 steps, at least 1s each)"
            ),
            OptionSpec("limit", value: "COUNT", "At most so many series"),
            OptionSpec("timeout", value: "DURATION", "Give up after so long (default: 2m at most)"),
        ]
    )

    let client: APIClient
    let terminal: Terminal
    let clock: any WallClock

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        var form = [(name: "query", value: invocation.operands.first ?? "")]
        if let limit = invocation.value("limit") { form.append(("limit", limit)) }
        var client = client
        if let text = invocation.value("timeout") {
            form.append(("timeout", text))
            client.timeout = try QueryCommand.duration("timeout", text) + .seconds(5)
        } else {
            client.timeout = .seconds(125)
        }
        let path = try address(invocation, &form)
        let bytes = try await client.postForm(path, form)
        if invocation.value("output") == "json" {
            terminal.output(String(decoding: bytes, as: UTF8.self) + "\n")
            return .ok
        }
        let reply = try client.decode(bytes, path, PrometheusReply<InstantQueryPayload>.self)
        for warning in (reply.warnings ?? []) + (reply.infos ?? []) {
            terminal.messages("\(warning)\n")
        }
        guard let data = reply.data else {
            throw CommandFailure(code: .failed, message: "the server gave no data")
        }
        let answer = QueryAnswer(data.result)
        if invocation.value("output") == "csv" {
            terminal.output(answer.csv)
        } else if answer.series.isEmpty {
            terminal.messages("No series.\n")
        } else {
            terminal.output(answer.table(terminal))
        }
        return .ok
    }

    /// The API's path, its times added to the form.
    private func address(
        _ invocation: Invocation,
        _ form: inout [(name: String, value: String)]
    ) throws(CommandFailure) -> String {
        guard let startText = invocation.value("start") else {
            for name in ["end", "step"] where invocation.has(name) {
                throw CommandFailure(code: .usage, message: "--\(name) needs --start")
            }
            if let at = invocation.value("at") {
                form.append(("time", QueryCommand.seconds(try moment("at", at))))
            }
            return "/api/v1/query"
        }
        guard !invocation.has("at") else {
            throw CommandFailure(code: .usage, message: "give --at or --start, not both")
        }
        let start = try moment("start", startText)
        let end = try invocation.value("end").map { text throws(CommandFailure) in
            try moment("end", text)
        }
        let last = end ?? clock.now()
        guard start <= last else {
            throw CommandFailure(code: .usage, message: "--start is after --end; swap them")
        }
        var step = Duration.milliseconds(max(1000, (last - start).milliseconds / 100_000 * 1000))
        if let text = invocation.value("step") { step = try QueryCommand.duration("step", text) }
        form.append(("start", QueryCommand.seconds(start)))
        form.append(("end", QueryCommand.seconds(last)))
        form.append(("step", step.prometheusText))
        return "/api/v1/query_range"
    }

    private func moment(_ option: String, _ text: String) throws(CommandFailure) -> Timestamp {
        if text == "now" { return clock.now() }
        if text.hasPrefix("-"), let span = Duration(prometheus: String(text.dropFirst())) {
            return clock.now() - span
        }
        if let seconds = Double(text), seconds.magnitude < 1e11 {
            return Timestamp(seconds: seconds)
        }
        guard let moment = Timestamp(rfc3339: text) else {
            throw CommandFailure(
                code: .usage,
                message:
                    "--\(option) needs a time such as 2026-11-24T14:02:00Z, 1700000000, now or "
                    + "-1h, not \"\(text)\""
            )
        }
        return moment
    }

    private static func duration(
        _ option: String,
        _ text: String
    ) throws(CommandFailure) -> Duration {
        guard let span = Duration(prometheus: text), span > .zero else {
            throw CommandFailure(
                code: .usage,
                message: "--\(option) needs a duration such as 30s, not \"\(text)\""
            )
        }
        return span
    }

    private static func seconds(_ moment: Timestamp) -> String {
        let size = moment.milliseconds.magnitude
        let fraction = String(size % 1000)
        return (moment.milliseconds < 0 ? "-" : "") + "\(size / 1000)."
            + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
