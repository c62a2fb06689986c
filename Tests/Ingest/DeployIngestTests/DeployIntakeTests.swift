import Cryptography
import DeployIngest
import Foundation
import HTTPServer
import Ingest
import Model
import StateStore
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct DeployIntakeTests {
    /// What is let in, the newest sample of each series.
    final class Door: SampleAdmitting {
        private let batches = Mutex<[SampleBatch]>([])

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            batches.withLock { $0.append(batch) }
            return .admitted(AppendResult())
        }

        /// The samples of the last batch.
        var last: [String] { batches.withLock { $0.last?.texts.sorted() ?? [] } }
    }

    let clock = ManualClock(Timestamp(year: 2026, month: 11, day: 24, hour: 12))
    let door = Door()
    let folder = NSTemporaryDirectory() + "tocsin-deploys-" + UUID().uuidString
    let sources: SourceRegistry
    let store: StateStore

    init() throws {
        sources = SourceRegistry(clock: clock, metrics: MetricsRegistry())
        store = try StateStore(path: folder + "/state.db")
    }

    func intake(_ change: (inout DeploySettings) -> Void = { _ in }) -> DeployIntake {
        var settings = DeploySettings()
        change(&settings)
        return DeployIntake(
            settings: settings,
            store: store,
            admission: door,
            sources: sources,
            clock: clock
        )
    }

    func request(_ body: String, _ headers: [(String, String)] = []) -> HTTPRequest {
        HTTPRequest(
            method: "POST",
            path: "/v1/deploys",
            headers: headers,
            body: Array(body.utf8),
            remote: "10.0.0.7:5000"
        )
    }

    func report(_ id: String, _ outcome: String, _ more: String = "") -> HTTPRequest {
        request(#"{"service":"web","id":"\#(id)","outcome":"\#(outcome)"\#(more)}"#)
    }

    static func reason(_ answer: DeployAnswer) -> String {
        guard case .refused(let status, let reason) = answer else { return "\(answer)" }
        return "\(status) \(reason)"
    }

    // MARK: What is kept

    @Test func failuresInARowAreCountedUntilOneSucceeds() throws {
        let intake = intake()
        for (id, outcome) in [
            ("1", "succeeded"), ("2", "failed"), ("3", "error"), ("4", "running"),
        ] {
            clock.advance(by: .seconds(60))
            #expect(intake.take(report(id, outcome)) == .recorded)
        }
        clock.advance(by: .seconds(30))
        intake.tick()
        #expect(
            door.last
                == [
                    #"deploy_consecutive_failures{environment="production", service="web"} 2.0"#,
                    #"deploy_last_finished_timestamp_seconds{environment="production", service="web"} 1795521780.0"#,
                    #"deploy_running_seconds{environment="production", service="web"} 30.0"#,
                    #"deploys_total{environment="production", outcome="failed", service="web"} 2.0"#,
                    #"deploys_total{environment="production", outcome="succeeded", service="web"} 1.0"#,
                ].map { $0 + " @\(clock.now().milliseconds)" }
        )
        #expect(intake.take(report("4", "Succeeded")) == .recorded)
        #expect(
            door.last.contains {
                $0.hasPrefix("deploy_consecutive_failures{") && $0.contains("} 0.0 ")
            }
        )
        #expect(
            door.last.contains { $0.hasPrefix("deploy_running_seconds{") && $0.contains("} 0.0 ") }
        )
    }

    @Test func whatIsSentAgainOrOutOfOrderCountsOnce() throws {
        let intake = intake()
        #expect(intake.take(report("1", "failed")) == .recorded)
        #expect(intake.take(report("1", "failed")) == .known)
        #expect(intake.take(report("1", "running")) == .known)
        #expect(try store.standings().first?.failed == 1)
        // Its outcome is mended later, but not by news from before.
        let early = #","finished_at":"2026-11-23T00:00:00Z""#
        #expect(intake.take(report("1", "succeeded", early)) == .known)
        clock.advance(by: .seconds(5))
        #expect(intake.take(report("1", "succeeded")) == .recorded)
        let standing = try #require(try store.standings().first)
        #expect(standing.succeeded == 1)
        #expect(standing.failed == 1)
        #expect(standing.consecutiveFailures == 0)
    }

    @Test func standingsSurviveARestart() throws {
        #expect(intake().take(report("1", "failed", #","revision":"abc""#)) == .recorded)
        let before = try store.standings()
        try store.close()
        let again = try StateStore(path: folder + "/state.db")
        #expect(try again.standings() == before)
        #expect(
            try again.deploys(service: "web", environment: nil, limit: 9).map(\.revision) == ["abc"]
        )
        #expect(try again.deploys(service: "api", environment: nil, limit: 9).isEmpty)
    }

    @Test func theOldestGoAndCountsStay() throws {
        let intake = intake { $0.kept = 3 }
        for number in 1...5 {
            clock.advance(by: .seconds(1))
            #expect(intake.take(report("\(number)", "succeeded")) == .recorded)
        }
        #expect(
            try store.deploys(service: nil, environment: nil, limit: 9).map(\.id) == [
                "5", "4", "3",
            ]
        )
        #expect(try store.standings().first?.succeeded == 5)
    }

    @Test func onePairTooManyIsRefusedAndTheOthersGoOn() throws {
        let intake = intake { $0.standingsMax = 1 }
        #expect(intake.take(report("1", "succeeded")) == .recorded)
        let other = request(#"{"service":"api","id":"1","outcome":"failed"}"#)
        #expect(Self.reason(intake.take(other)).hasPrefix("422 1 pairs of service and environment"))
        #expect(try store.standings().map(\.service) == ["web"])
        #expect(try store.deploys(service: "api", environment: nil, limit: 9).isEmpty)
        #expect(intake.take(report("2", "failed")) == .recorded)
        #expect(
            sources.statuses.first { $0.name == "deploys" }?.refused == ["too_many_services": 1]
        )
    }

    /// Reports of a few releases, doubled and shuffled: the same state, whatever the order.
    @Test(arguments: 0..<40)
    func theOrderOfReportsDoesNotMatter(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let start = clock.now()
        var reports: [Deploy] = []
        var ended: [(at: Timestamp, outcome: Deploy.Outcome)] = []
        for id in 0..<6 {
            // Ends are all at different times.
            let began = start + .seconds(id * 1000)
            let outcome: Deploy.Outcome = Bool.random(using: &random) ? .failed : .succeeded
            let end = began + .seconds(Int.random(in: 1...900, using: &random))
            ended.append((end, outcome))
            for (outcome, at) in [(.running, began), (outcome, end)]
                as [(Deploy.Outcome, Timestamp)]
            {
                let deploy = Deploy(
                    id: "\(id)",
                    service: "web",
                    environment: "production",
                    outcome: outcome,
                    at: at,
                    startedAt: began
                )
                reports += [deploy, deploy]
            }
        }
        reports.shuffle(using: &random)
        for report in reports { _ = try store.record(report, kept: 100, standingsMax: 9) }
        let standing = try #require(try store.standings().first)
        #expect(standing.failed == ended.count { $0.outcome == .failed })
        #expect(standing.succeeded == ended.count { $0.outcome == .succeeded })
        let inARow = ended.reversed().prefix { $0.outcome == .failed }.count
        #expect(standing.consecutiveFailures == inARow)
        #expect(standing.runningSince == nil)
        #expect(standing.lastFinishedAt == ended.last?.at)
    }

    // MARK: Who sends it

    static let hook = #"""
        {"action":"created","deployment":{"id":42,"sha":"9fceb02d0ae598e95dc970b74767f19372d61af8",
         "ref":"main","task":"deploy","environment":"production","created_at":"2026-11-24T10:00:00Z"},
         "deployment_status":{"id":7,"state":"failure","description":"helm timed out",
         "environment":"production","log_url":"https://github.com/o/web/actions/runs/1","target_url":"",
         "created_at":"2026-11-24T10:04:00Z","updated_at":"2026-11-24T10:04:00Z"},
         "repository":{"id":1,"name":"web","full_name":"o/web"}}
        """#

    func signature(_ body: String, _ secret: String) -> String {
        "sha256="
            + MessageAuthentication.hmacSHA256(key: Array(secret.utf8), Array(body.utf8))
            .map { String(Int($0) + 0x100, radix: 16).dropFirst() }.joined()
    }

    func github(_ event: String, _ body: String, _ secret: String) -> HTTPRequest {
        request(
            body,
            [("x-github-event", event), ("x-hub-signature-256", signature(body, secret))]
        )
    }

    /// The example of GitHub's own documentation of signatures.
    @Test func signaturesAreThoseOfGitHubsDocumentation() {
        #expect(
            signature("Hello, World!", "It's a Secret to Everybody")
                == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    }

    @Test func githubsDeploymentStatusesAreTaken() throws {
        let intake = intake { $0.githubSecret = Array("s3cret".utf8) }
        #expect(intake.take(github("ping", #"{"zen":"x"}"#, "s3cret")) == .ignored)
        let inactive = Self.hook.replacing(#""state":"failure""#, with: #""state":"inactive""#)
        #expect(intake.take(github("deployment_status", inactive, "s3cret")) == .ignored)
        #expect(intake.take(github("deployment_status", Self.hook, "s3cret")) == .recorded)
        #expect(intake.take(github("deployment_status", Self.hook, "s3cret")) == .known)
        let deploy = try #require(try store.deploys(service: nil, environment: nil, limit: 9).first)
        #expect(deploy.id == "github-42")
        #expect(deploy.service == "web")
        #expect(deploy.outcome == .failed)
        #expect(deploy.at == Timestamp(rfc3339: "2026-11-24T10:04:00Z"))
        #expect(deploy.startedAt == Timestamp(rfc3339: "2026-11-24T10:00:00Z"))
        #expect(deploy.message == "helm timed out")
        #expect(deploy.url == "https://github.com/o/web/actions/runs/1")
    }

    @Test func githubsFormsAreTakenToo() throws {
        let intake = intake { $0.githubSecret = Array("s3cret".utf8) }
        let allowed = CharacterSet.alphanumerics
        let form =
            "payload=" + (Self.hook.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")
        var request = github("deployment_status", form, "s3cret")
        request.headers.append(("content-type", "application/x-www-form-urlencoded"))
        #expect(intake.take(request) == .recorded)
    }

    @Test func unsignedAndWronglySignedWebhooksAreRefusedWithTheRemedy() throws {
        let open = intake()
        #expect(
            Self.reason(open.take(github("deployment_status", Self.hook, "s3cret")))
                .contains("sources.deploys.github_secret_file")
        )
        let intake = intake { $0.githubSecret = Array("s3cret".utf8) }
        for secret in ["", "s3cre", "s3cret "] {
            let answer = intake.take(github("deployment_status", Self.hook, secret))
            #expect(
                Self.reason(answer).hasPrefix("401 X-Hub-Signature-256 is not that of this body")
            )
        }
        let unsigned = request(Self.hook, [("x-github-event", "deployment_status")])
        #expect(Self.reason(intake.take(unsigned)).hasPrefix("401 X-Hub-Signature-256 is missing"))
        #expect(try store.deploys(service: nil, environment: nil, limit: 9).isEmpty)
    }

    @Test func aTokenIsAskedForWhenThereIsOne() throws {
        let intake = intake { $0.token = "t0ken" }
        #expect(
            Self.reason(intake.take(report("1", "failed"))).hasPrefix(
                "401 Authorization is missing"
            )
        )
        var request = report("1", "failed")
        request.headers = [("authorization", "Bearer t0kem")]
        #expect(Self.reason(intake.take(request)).hasPrefix("401 Authorization is wrong"))
        #expect(!Self.reason(intake.take(request)).contains("t0k"))
        request.headers = [("authorization", "Bearer t0ken")]
        #expect(intake.take(request) == .recorded)
    }

    // MARK: Bad input

    @Test(
        arguments: [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            (#"{"service":"web""#, "not a JSON object"),
            (String(repeating: "[", count: 100_000), "not a JSON object"),
            (#"{"service":"web","id":"1"}"#, #""outcome" is running, succeeded or failed, not """#),
            (#"{"service":"web","id":1,"outcome":"failed"}"#, #""id" is not a string"#),
            (#"{"service":"web","outcome":"failed"}"#, #""id" or "started_at" is missing"#),
            (#"{"id":"1","outcome":"failed"}"#, #""service" is missing or empty"#),
            (
                #"{"service":"web","id":"1","outcome":"failed","enviroment":"x"}"#,
                #""enviroment" is not a field of a deploy; the fields are id, service,"#
            ),
            (
                #"{"service":"web","id":"1","outcome":"failed","finished_at":"yesterday"}"#,
                #""finished_at" is a time such as"#
            ),
            (
                #"{"service":"w\u001b[31meb","id":"1","outcome":"failed"}"#,
                #""service" is at most 200 bytes without control characters"#
            ),
            (
                #"{"service":"web","id":"1","outcome":"failed","url":"javascript:x"}"#,
                #""url" begins with http:// or https://"#
            ),
        ]
    )
    func whatIsNoReportIsRefusedWithTheReason(body: String, expected: String) throws {
        let reason = Self.reason(intake().take(request(body)))
        #expect(reason.hasPrefix("400 " + expected), "\(reason)")
        #expect(try store.deploys(service: nil, environment: nil, limit: 9).isEmpty)
        #expect(sources.statuses.first { $0.name == "deploys" }?.refused["malformed"] == 1)
    }

    /// An end of tomorrow would hide every failure until then.
    @Test(arguments: ["finished_at", "started_at"])
    func timesAheadOfTheClockAreRefused(field: String) throws {
        let intake = intake()
        let ahead = (clock.now() + .seconds(601)).rfc3339
        let reason = Self.reason(
            intake.take(report("1", "succeeded", #","\#(field)":"\#(ahead)""#))
        )
        #expect(reason.hasPrefix("400 \(ahead) is more than 10m ahead of this machine's clock;"))
        #expect(try store.standings().isEmpty)
        let near = (clock.now() + .seconds(600)).rfc3339
        #expect(intake.take(report("1", "succeeded", #","\#(field)":"\#(near)""#)) == .recorded)
    }

    @Test func argoCDsEmptyTimesAreNoTimes() throws {
        let body = report(
            "1",
            "Running",
            #","finished_at":"<no value>","started_at":"2026-11-23T23:00:00Z""#
        )
        #expect(intake().take(body) == .recorded)
        #expect(
            try store.standings().first?.runningSince == Timestamp(rfc3339: "2026-11-23T23:00:00Z")
        )
    }

    @Test func aStateFileThatCannotBeWrittenIsToldOf() {
        struct Broken: DeployStoring {
            struct Full: Error {}
            func record(_ report: Deploy, kept: Int, standingsMax: Int) throws -> Bool {
                throw Full()
            }
            func deploys(service: String?, environment: String?, limit: Int) throws -> [Deploy] {
                throw Full()
            }
            func standings() throws -> [DeployStanding] { throw Full() }
        }
        let intake = DeployIntake(store: Broken(), admission: door, sources: sources, clock: clock)
        #expect(Self.reason(intake.take(report("1", "failed"))).hasPrefix("503 deploys cannot be"))
        intake.tick()
        #expect(
            sources.statuses.first { $0.name == "deploys" }?.advice.contains("state file") == true
        )
    }
}
