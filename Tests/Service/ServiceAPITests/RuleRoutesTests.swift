import HTTPServer
import Model
import Testing
import Timekeeping

@testable import RuleEvaluation
@testable import ServiceAPI

@Suite struct RuleRoutesTests {
    private static let now = APIRig.now

    private static func rule(
        _ kind: RuleSnapshot.Kind,
        _ name: String,
        _ query: String,
        alerts: [AlertSnapshot] = [],
        lastEvaluation: Timestamp? = now
    ) -> RuleSnapshot {
        RuleSnapshot(
            kind: kind,
            name: name,
            query: query,
            hold: kind == .recording ? .zero : .seconds(120),
            keepFiringFor: kind == .recording ? .zero : .milliseconds(1500),
            labels: ["team": "web"],
            annotations: kind == .recording ? [:] : ["summary": "{{ $value }} is \"high\""],
            location: SourceLocation(file: "rules/app.yaml", line: 1, column: 1),
            queryOffset: .zero,
            health: lastEvaluation == nil ? .unknown : .ok,
            state: kind == .recording ? .inactive : alerts.isEmpty ? .inactive : .firing,
            lastEvaluation: lastEvaluation,
            evaluationTime: .microseconds(1500),
            lastSampleCount: 1,
            alerts: alerts
        )
    }

    private static let groups: [GroupSnapshot] = {
        var threshold = rule(
            .threshold,
            "P99Latency",
            "p99",
            alerts: [
                AlertSnapshot(
                    fingerprint: "0123456789abcdef",
                    labels: ["alertname": "P99Latency", "service": "a<b"],
                    annotations: [:],
                    state: .pending,
                    level: .crit,
                    priority: .p2,
                    condition: .noData,
                    activeAt: now - .seconds(60)
                )
            ]
        )
        threshold.warn = "> 300ms"
        threshold.crit = "> 500ms"
        threshold.unit = "s"
        threshold.action = "Scale"
        threshold.runbook = "runbooks/latency.md"
        threshold.state = .pending
        var broken = rule(.alerting, "Broken", "x / y")
        broken.health = .err
        broken.lastError = "many-to-many matching not allowed"
        let firing = rule(
            .alerting,
            "Up",
            "up == 0",
            alerts: [
                AlertSnapshot(
                    fingerprint: "fedcba9876543210",
                    labels: ["alertname": "Up", "job": "api", "team": "web"],
                    annotations: ["summary": "0 is \"high\""],
                    state: .firing,
                    level: .crit,
                    priority: .p1,
                    condition: .firing,
                    activeAt: now - .milliseconds(180_250),
                    firedAt: now - .seconds(60),
                    keepFiringSince: now,
                    value: 0
                )
            ]
        )
        return [
            GroupSnapshot(
                name: "app",
                file: "rules/app.yaml",
                interval: .seconds(15),
                limit: 0,
                isEager: false,
                lastEvaluation: now,
                evaluationTime: .milliseconds(2),
                rules: [
                    rule(.recording, "job:up:sum", "sum by (job) (up)"), firing, broken, threshold,
                ]
            ),
            GroupSnapshot(
                name: "new",
                file: "rules/new.yaml",
                interval: .milliseconds(500),
                limit: 7,
                isEager: true,
                lastEvaluation: nil,
                evaluationTime: .zero,
                rules: [rule(.recording, "late", "vector(1)", lastEvaluation: nil)]
            ),
        ]
    }()

    private static let calls = RouteCall(routes: RuleRoutes { groups }.routes)

    @Test func rulesAreWrittenAsPrometheusDoes() async throws {
        let response = try await Self.calls.answer("GET", "/api/v1/rules")
        #expect(response.status == 200)
        #expect(response.header("Content-Type") == "application/json")
        try Golden.expect(Golden.lines(response.text), equals: "rules.json")
    }

    @Test func alertsAreWrittenAsPrometheusDoes() async throws {
        let response = try await Self.calls.answer("GET", "/api/v1/alerts")
        #expect(response.status == 200)
        try Golden.expect(Golden.lines(response.text), equals: "alerts.json")
    }

    struct Filter: CustomTestStringConvertible, Sendable {
        var query: String
        var rules: [String]

        var testDescription: String { query }
    }

    static let filters: [Filter] = [
        Filter(query: "", rules: ["job:up:sum", "Up", "Broken", "P99Latency", "late"]),
        Filter(query: "type=alert", rules: ["Up", "Broken", "P99Latency"]),
        Filter(query: "type=record", rules: ["job:up:sum", "late"]),
        Filter(query: "rule_name[]=Up&rule_name[]=late", rules: ["Up", "late"]),
        Filter(query: "rule_group[]=new", rules: ["late"]),
        Filter(query: "file[]=rules/app.yaml&type=record", rules: ["job:up:sum"]),
        Filter(query: "file[]=nowhere", rules: []),
        Filter(query: "match[]={team=\"web\"}&type=record", rules: ["job:up:sum", "late"]),
        Filter(query: "match[]={team=\"db\"}", rules: []),
    ]

    @Test(arguments: filters) func showsWhatIsAskedFor(_ filter: Filter) async throws {
        let response = try await Self.calls.answer("GET", "/api/v1/rules?\(filter.query)")
        #expect(response.status == 200)
        let names = response.text.matches(of: /"name":"([^"]*)","query"/).map { String($0.1) }
        #expect(names == filter.rules)
        if filter.rules.isEmpty {
            PrometheusAnswer.data(#"{"groups":[]}"#).expect(response, filter.query)
        }
    }

    @Test(arguments: [("true", 0), ("1", 0), ("false", 2), ("", 2)])
    func alertsMayBeLeftOut(_ value: String, _ count: Int) async throws {
        let response = try await Self.calls.answer("GET", "/api/v1/rules?exclude_alerts=\(value)")
        #expect(response.text.matches(of: /"alerts":\[\{/).count == count)
    }

    @Test(arguments: [
        ("type=foo", #"invalid parameter "type": not supported value "foo""#),
        (
            "exclude_alerts=maybe",
            #"invalid parameter "exclude_alerts": error converting exclude_alerts: "maybe" is neither true nor false"#
        ),
        (
            "match[]={",
            #"invalid parameter "match[]": 1:2: parse error: unexpected end of input inside braces"#
        ),
    ])
    func refusesWhatItDoesNotKnow(_ query: String, _ message: String) async throws {
        let response = try await Self.calls.answer("GET", "/api/v1/rules?\(query)")
        PrometheusAnswer.failure(400, "bad_data", message).expect(response, query)
    }
}
