import ControlCommands
import Testing

@Suite struct LogsCommandTests {
    private static let lines = [
        #"{"time":"2023-11-14T22:13:22Z","arrived":"2023-11-14T22:13:22Z","tag":"kube","#
            + #""namespace":"shop","container":"web","fields":{"log":"{\"level\":\"ERROR\"}\n"}}"#,
        #"{"time":"2023-11-14T22:13:21Z","arrived":"2023-11-14T22:13:21Z","tag":"kube","#
            + #""namespace":"","container":"","fields":{"log":"a\nb\u001b[2J","level":"warning"}}"#,
        #"{"time":"2023-11-14T22:13:20Z","arrived":"2023-11-14T22:13:20Z","tag":"sys","#
            + #""namespace":"","container":"","fields":{"ident":"cron job","pid":7,"kubernetes":{}}}"#,
    ]
    private static let answer = lines.map { $0 + "\n" }.joined()

    private static func server(_ query: String, _ body: String = answer) -> CommandRun.Server {
        CommandRun.Server(answers: ["GET /v1/logs?\(query)": (200, body)])
    }

    @Test func linesAreForPeopleAndOldestFirst() async {
        let server = Self.server("format=ndjson&direction=backward&limit=100")
        let run = await CommandRun(["logs"], server: server)
        #expect(
            run.output == """
                2023-11-14T22:13:20Z sys  ident="cron job" pid=7
                2023-11-14T22:13:21Z kube  a
                    b\\x1b[2J
                2023-11-14T22:13:22Z shop/web  {"level":"ERROR"}

                """
        )
        #expect(run.messages.isEmpty)
        #expect(run.code == .ok)
    }

    @Test func coloursAreForTerminals() async {
        let server = Self.server("format=ndjson&direction=backward&limit=100")
        let run = await CommandRun(["logs"], server: server, hasColor: true)
        #expect(run.output.contains("\u{1b}[33ma\n    b\\x1b[2J\u{1b}[0m\n"))
        #expect(run.output.contains("\u{1b}[31m{\"level\":\"ERROR\"}\u{1b}[0m\n"))
    }

    @Test func jsonLinesAreAsTheServerSentThem() async {
        let server = Self.server("format=ndjson&direction=forward&limit=3")
        let run = await CommandRun(
            ["logs", "--oldest", "--limit", "3", "-o", "json"],
            server: server
        )
        #expect(run.output == Self.answer)
    }

    @Test func filtersAreParameters() async {
        let server = Self.server(
            "contains=timeout&contains=two%20words&match=%7Bnamespace%3D~%22shop%22%7D"
                + "&match=%7Bcontainer%3D~%22web-.%2A%22%7D"
                + "&where=kubernetes.pod%20%3D~%20%22web-%5C%5Cd%22&where=status%20%3E%3D%20500"
                + "&regex=%5Cd&without=ok&timeout=20s&format=ndjson&since=10m&direction=backward&limit=100",
            ""
        )
        let run = await CommandRun(
            [
                "logs", "timeout", "two words", "-n", "shop", "-c", "web-.*", "--pod", #"web-\d"#,
                "-w", "status >= 500", "-e", #"\d"#, "-v", "ok", "--timeout", "20s", "--since",
                "10m",
            ],
            server: server
        )
        #expect(run.code == .ok, "\(run.messages)")
        #expect(run.output.isEmpty)
        #expect(run.messages == "No records.\n")
    }

    @Test func whatCannotBeIsSaid() async {
        let follow = await CommandRun(["logs", "-f", "--end", "now"], server: Self.server(""))
        #expect(follow.code == .usage)
        #expect(follow.messages.contains("leave --end out"))
        let away = await CommandRun(["logs"])
        #expect(away.code == .unreachable)
        let wrong = await CommandRun(
            ["logs", "--limit", "0"],
            server: CommandRun.Server(answers: [
                "GET /v1/logs?format=ndjson&direction=backward&limit=0": (
                    400,
                    #"{"title":"bad request","status":400,"detail":"limit must be a whole number"}"#
                )
            ])
        )
        #expect(wrong.code == .usage)
        #expect(wrong.messages == "sloctl: limit must be a whole number\n")
    }
}
