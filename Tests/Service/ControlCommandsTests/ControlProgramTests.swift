import APIModel
import ControlCommands
import Foundation
import HTTPClient
import Synchronization
import Testing

@Suite struct ControlProgramTests {
    /// Answers by path; anything else is 404, and with no answers at all nothing listens.
    struct FakeServer: HTTPSending {
        var answers: [String: (status: Int, body: String)]?

        func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
            guard let answers else {
                throw .unreachable(host: "127.0.0.1:9467", reason: "connection refused")
            }
            let path = String(request.url.dropFirst("http://127.0.0.1:9467".count))
            let answer = answers[request.method + " " + path] ?? (404, ControlProgramTests.missing)
            return HTTPClientReply(status: answer.status, body: Array(answer.body.utf8))
        }
    }

    static let missing = """
        {"title":"not found","status":404,"detail":"no SLO \\"availabilty\\"; did you mean \\"availability\\"?"}
        """

    /// Runs a command line and keeps what it printed.
    private func run(
        _ line: String,
        _ server: FakeServer,
        isInteractive: Bool = false
    ) async -> (code: ExitCode, output: String, messages: String) {
        let kept = Captured()
        let program = ControlProgram(
            environment: ["USER": "ann"],
            terminal: Terminal(
                output: { kept.append($0, toMessages: false) },
                messages: { kept.append($0, toMessages: true) },
                isInteractive: isInteractive,
                hasColor: false
            ),
            http: server
        )
        let code = await program.run(line.split(separator: " ").map(String.init))
        return (code, kept.texts.0, kept.texts.1)
    }

    private final class Captured: Sendable {
        private let state = Mutex(("", ""))

        func append(_ text: String, toMessages: Bool) {
            state.withLock {
                if toMessages { $0.1 += text } else { $0.0 += text }
            }
        }

        var texts: (String, String) { state.withLock { $0 } }
    }

    static func document(
        status: String = "WARNING",
        remaining: Double? = 0.41195,
        total: Int64 = 41_257_279
    ) -> BudgetDocument {
        BudgetDocument(
            slo: "availability",
            objective: 0.999,
            window: .init(
                type: "rolling",
                start: "2026-10-25T14:02:00Z",
                end: "2026-11-24T14:02:00Z"
            ),
            status: status,
            good: total == 0 ? 0 : 41_233_018,
            total: total,
            bad: total == 0 ? 0 : 24261,
            attained: total == 0 ? nil : 0.999412,
            budget: .init(
                totalEvents: total == 0 ? nil : 41257.279,
                consumedRatio: remaining.map { 1 - $0 },
                remainingRatio: remaining,
                remainingEvents: remaining.map { $0 < 0 ? -5000 : 16996 },
                remainingSeconds: remaining.map { $0 * 2592 }
            ),
            burn: [
                .init(window: "5m", windowSeconds: 300, rate: 0.4, threshold: nil, firing: false),
                .init(window: "1h", windowSeconds: 3600, rate: 2.1, threshold: 14.4, firing: false),
                .init(window: "6h", windowSeconds: 21600, rate: 6.4, threshold: 6, firing: true),
                .init(
                    window: "3d",
                    windowSeconds: 259_200,
                    rate: nil,
                    threshold: 1,
                    firing: false
                ),
            ],
            exhaustion: remaining.flatMap {
                $0 < 0
                    ? nil
                    : .init(
                        earliest: "2026-11-28T04:26:00Z",
                        latest: "2026-12-04T21:14:00Z",
                        basis: "6h / 1h rate"
                    )
            },
            recoveryAt: (remaining ?? 0) < 0 ? "2026-11-25T14:02:00Z" : nil,
            coverage: total == 0 ? nil : 0.998,
            daily: [
                .init(date: "2026-10-25", good: 1, total: 1, spentRatio: 0.38),
                .init(date: "2026-10-26", good: 1, total: 1, spentRatio: 0.1),
                .init(date: "2026-10-27", good: 0, total: 0, spentRatio: nil),
            ],
            measuredSince: "2026-10-01T00:00:00Z",
            asOf: "2026-11-24T14:02:00Z"
        )
    }

    private func server(_ document: BudgetDocument) throws -> FakeServer {
        let one = String(decoding: try APIJSON.encode(document), as: UTF8.self)
        return FakeServer(answers: [
            "GET /v1/slos/availability": (200, one),
            "GET /v1/slos": (200, "{\"slos\":[\(one)]}"),
        ])
    }

    @Test func theBudgetTableOnATerminal() async throws {
        let result = await run(
            "budget availability",
            try server(Self.document()),
            isInteractive: true
        )
        #expect(result.code == .ok)
        #expect(
            result.output == """
                availability   99.9% over 30d rolling   WARNING   as of 14:02:00Z   coverage 99.8%
                  attained      99.9412%    good 41,233,018 / 41,257,279   bad 24,261
                  budget left   41.2%       16,996 bad events, or 17m48s of full outage (of 43m12s)
                  burn          5m 0.4x  1h 2.1x  6h 6.4x!  3d ?   pages at 14.4x
                  exhausts      in 3.6d..10.3d (6h / 1h rate)
                  by day        █▃    worst 10-25 (-38.0% of budget)

                """
        )
    }

    @Test func aPipeGetsTheSameLinesWithoutTheSparkline() async throws {
        let result = await run("budget availability", try server(Self.document()))
        #expect(result.output.contains("  by day        worst 10-25 (-38.0% of budget)\n"))
        #expect(!result.output.contains("█"))
        #expect(!result.output.contains("\u{1b}"))
    }

    @Test func anUnknownBudgetSaysUnknown() async throws {
        let document = Self.document(status: "INSUFFICIENT_DATA", remaining: nil, total: 0)
        let result = await run("budget availability", try server(document))
        #expect(result.output.contains("INSUFFICIENT DATA"))
        #expect(result.output.contains("unknown: no events in the window"))
        #expect(!result.output.lowercased().contains("nan"))
    }

    @Test func anOverspentBudgetSaysHowMuchAndWhenItIsBack() async throws {
        let document = Self.document(status: "BREACHED", remaining: -0.12)
        let result = await run("budget availability", try server(document))
        #expect(result.output.contains("-12.0%      overspent by 5,000 events"))
        #expect(result.output.contains("recovers      in 1.0d when nothing fails any more"))
    }

    @Test func jsonIsTheContractWithEveryKey() async throws {
        let document = Self.document(status: "INSUFFICIENT_DATA", remaining: nil, total: 0)
        let result = await run("budget availability -o json", try server(document))
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        )
        #expect(object["schema"] as? String == "tocsin.budget/1")
        for key in [
            "slo", "objective", "window", "status", "good", "total", "bad", "attained", "budget",
            "burn", "exhaustion", "recovery_at", "coverage", "exclusions", "daily",
        ] {
            #expect(object[key] != nil, "\(key) is missing")
        }
        #expect(object["attained"] is NSNull)
        let budget = try #require(object["budget"] as? [String: Any])
        #expect(budget["remaining_seconds"] is NSNull)
    }

    struct Exit: CustomTestStringConvertible {
        let line: String
        let status: String
        let code: ExitCode
        var testDescription: String { "\(line) with \(status)" }
    }

    @Test(arguments: [
        Exit(line: "budget", status: "BREACHED", code: .ok),
        Exit(line: "budget --check", status: "OK", code: .ok),
        Exit(line: "budget --check", status: "WARNING", code: .warning),
        Exit(line: "budget --check", status: "BREACHED", code: .breached),
        Exit(line: "budget availability --check", status: "INSUFFICIENT_DATA", code: .unknown),
        Exit(line: "budget --fail-below 10%", status: "OK", code: .ok),
        Exit(line: "budget --fail-below 50%", status: "OK", code: .breached),
        Exit(line: "budget --fail-below lots", status: "OK", code: .usage),
        Exit(line: "budget availabilty", status: "OK", code: .usage),
        Exit(line: "budgets", status: "OK", code: .usage),
        Exit(line: "budget -o xml", status: "OK", code: .usage),
        Exit(line: "version", status: "OK", code: .ok),
        Exit(line: "rules check /nowhere.yaml", status: "OK", code: .badConfiguration),
    ])
    func exitCodesNeverOverlap(_ exit: Exit) async throws {
        let result = await run(exit.line, try server(Self.document(status: exit.status)))
        #expect(result.code == exit.code, "\(result.messages)")
    }

    @Test func anUnreachableServerIsNamedWithTheNextStep() async {
        let result = await run("budget", FakeServer(answers: nil))
        #expect(result.code == .unreachable)
        #expect(result.output.isEmpty)
        #expect(result.messages.contains("connection refused"))
        #expect(result.messages.contains("TOCSIN_URL"))
    }

    @Test func anUnknownNameComesWithASuggestion() async throws {
        let result = await run("budget availabilty", try server(Self.document()))
        #expect(result.messages.contains("did you mean \"availability\"?"))
    }

    @Test func versionNamesTheProduct() async {
        let result = await run("version", FakeServer(answers: nil))
        #expect(result.output.hasPrefix("Tocsin "))
    }
}
