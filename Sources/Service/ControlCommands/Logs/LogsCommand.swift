import ArgumentParsing
import HTTPClient
import Timekeeping

/// `sloctl logs [TEXT...]`: searches the log rings and follows what arrives.
struct LogsCommand {
    static let spec = CommandSpec(
        "logs",
        "Search the newest log records, and follow them",
        discussion: """
            Without filters the newest records of all streams are shown, oldest first. Every filter
            must hold; TEXT is looked for in every string of a record, in any case. --where compares
            fields of the record, or of the JSON or logfmt text in it: == != >= <= > < =~ !~, joined
            by "and". The rings hold what store.logs in the settings allows, an hour by default;
            what of the asked span is gone is said on standard error.

              sloctl logs timeout --since 10m
              sloctl logs -n production -c 'web-.*' --where 'status >= 500' -f
              sloctl logs --regex 'order \\d+ failed' --format json | jq .fields
            """,
        operands: [OperandSpec("TEXT", .any, "texts that a record must hold")],
        options: [
            OptionSpec("tag", value: "PATTERN", "Only of this tag or index"),
            OptionSpec("namespace", short: "n", value: "PATTERN", "Only of this namespace"),
            OptionSpec("container", short: "c", value: "PATTERN", "Only of this container"),
            OptionSpec("pod", value: "PATTERN", "Only of this pod"),
            OptionSpec(
                "match",
                value: "SELECTOR",
                #"Streams, such as {namespace="production",container!="proxy"}"#
            ),
            OptionSpec("where", short: "w", value: "CONDITIONS", "Such as 'status >= 500'"),
            OptionSpec(
                "regex",
                short: "e",
                value: "PATTERN",
                "An RE2 expression found in a string"
            ),
            OptionSpec("without", short: "v", value: "TEXT", "Not records that hold this text"),
            OptionSpec("since", value: "DURATION", "Events of the last 10m, 1h and the like"),
            OptionSpec("start", value: "TIME", "Events from then on"),
            OptionSpec("end", value: "TIME", "Events until then"),
            OptionSpec("limit", value: "COUNT", "At most so many, the newest (100; 10 to follow)"),
            OptionSpec("oldest", "The oldest of the span in place of the newest"),
            OptionSpec("follow", short: "f", "Go on with what arrives, until Ctrl-C"),
            OptionSpec(
                "format",
                short: "o",
                value: "FORMAT",
                choices: ["text", "json"],
                "Lines for people, or a JSON object a line"
            ),
            OptionSpec("timeout", value: "DURATION", "Search at most so long (5s)"),
        ]
    )

    let client: APIClient
    let terminal: Terminal

    private typealias Parameters = [(name: String, value: String)]

    /// How long the server is asked to wait for records before it is asked again.
    private static let wait = "25s"

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let filters = try filters(invocation)
        var client = client
        client.timeout = .seconds(65)
        var first = filters + [("format", "ndjson")]
        for name in ["since", "start", "end"] {
            if let value = invocation.value(name) { first.append((name, value)) }
        }
        let isForward = invocation.has("oldest")
        let isFollowing = invocation.has("follow")
        if isFollowing, let other = ["end", "oldest"].first(where: invocation.has) {
            throw CommandFailure(
                code: .usage,
                message: "--follow goes on with what arrives; leave --\(other) out"
            )
        }
        first.append(("direction", isForward ? "forward" : "backward"))
        first.append(("limit", invocation.value("limit") ?? (isFollowing ? "10" : "100")))
        let writer = LogLineText(
            isJSON: invocation.value("format") == "json",
            terminal: terminal
        )
        let reply = try await ask(client, first)
        let lines = LogsCommand.lines(reply.body)
        for line in isForward ? lines : lines.reversed() { writer.output(line) }
        tell(reply, isEmpty: lines.isEmpty && !isFollowing)
        guard isFollowing else { return .ok }
        guard let cursor = reply.header("tocsin-logs-cursor") else {
            throw CommandFailure(
                code: .failed,
                message: "the server gave no cursor to follow from; is it of another version?"
            )
        }
        try await follow(client, filters, from: cursor, writer)
        return .ok
    }

    /// Asks again and again; the server answers when something has arrived.
    private func follow(
        _ client: APIClient,
        _ filters: Parameters,
        from start: String,
        _ writer: LogLineText
    ) async throws(CommandFailure) {
        var cursor = start
        while true {
            let asked =
                filters + [
                    ("format", "ndjson"), ("after", cursor), ("wait", LogsCommand.wait),
                    ("limit", "1000"),
                ]
            let reply = try await ask(client, asked)
            for line in LogsCommand.lines(reply.body) { writer.output(line) }
            tell(reply, isEmpty: false)
            guard let next = reply.header("tocsin-logs-cursor") else { return }
            cursor = next
        }
    }

    private func ask(
        _ client: APIClient,
        _ parameters: Parameters
    ) async throws(CommandFailure) -> HTTPClientReply {
        let query = parameters.map { "\($0.name)=\(APIClient.escaped($0.value))" }
        return try await client.reply("/v1/logs?" + query.joined(separator: "&"))
    }

    /// What is to be said about an answer.
    private func tell(_ reply: HTTPClientReply, isEmpty: Bool) {
        for header in reply.headers where header.name == "tocsin-logs-note" {
            terminal.messages("sloctl: \(header.value)\n")
        }
        guard isEmpty else { return }
        let held = reply.header("tocsin-logs-held-since").map {
            " The rings of these streams hold what arrived since \($0)."
        }
        terminal.messages("No records.\(held ?? "")\n")
    }

    private static func lines(_ body: [UInt8]) -> [String] {
        body.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Filters

    private func filters(_ invocation: Invocation) throws(CommandFailure) -> Parameters {
        var filters: Parameters = invocation.operands.map { ("contains", $0) }
        for name in ["tag", "namespace", "container"] {
            for pattern in invocation.all(name) {
                filters.append(("match", "{\(name)=~\(LogsCommand.quoted(pattern))}"))
            }
        }
        for pattern in invocation.all("pod") {
            filters.append(("where", "kubernetes.pod =~ \(LogsCommand.quoted(pattern))"))
        }
        for name in ["match", "where", "regex", "without"] {
            for value in invocation.all(name) { filters.append((name, value)) }
        }
        if let timeout = invocation.value("timeout") { filters.append(("timeout", timeout)) }
        if let wrong = filters.first(where: { $0.value.isEmpty }) {
            throw CommandFailure(code: .usage, message: "the text for \(wrong.name) is empty")
        }
        return filters
    }

    /// A text in double quotes, its own quotes and backslashes escaped.
    private static func quoted(_ text: String) -> String {
        "\""
            + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            + "\""
    }
}
