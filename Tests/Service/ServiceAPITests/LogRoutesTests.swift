import Foundation
import HTTPServer
import LogStore
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct LogRoutesTests {
    let clock = ManualClock()
    let metrics = MetricsRegistry()
    let store: LogStore

    init() {
        store = LogStore(clock: clock, metrics: metrics)
    }

    func calls(_ limits: LogLimits = LogLimits()) -> RouteCall {
        RouteCall(
            routes: LogRoutes(store: store, limits: limits, clock: clock, metrics: metrics).routes
        )
    }

    func append(
        _ text: String,
        tag: String = "app",
        _ extra: [(name: String, value: LogValue)] = []
    ) {
        store.append([
            LogRecord(
                tag: tag,
                eventTime: clock.now(),
                arrivalTime: clock.now(),
                fields: [("log", .string(text))] + extra
            )
        ])
        clock.advance(by: .seconds(1))
    }

    struct Answer: Decodable {
        struct Record: Decodable {
            var time: String
            var tag: String
            var fields: Fields
        }
        struct Fields: Decodable { var log: String }
        var records: [Record]
        var order: String
        var complete: Bool
        var more: Bool
        var cursor: String
        var notes: [String]
    }

    func ask(_ query: String, _ limits: LogLimits = LogLimits()) async throws -> Answer {
        let response = try await calls(limits).answer("GET", "/v1/logs?" + query)
        #expect(response.status == 200, "\(response.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(response.body))
    }

    @Test func anAnswerIsOneDocument() async throws {
        append(
            "GET / 200",
            tag: "kube",
            [
                (
                    "kubernetes",
                    .object([
                        ("namespace_name", .string("shop")), ("container_name", .string("web")),
                    ])
                ), ("status", .integer(200)), ("took", .number(.infinity)), ("took", .null),
                ("a b", .array([.bool(true), .number(0.5)])),
            ]
        )
        let response = try await calls().answer("GET", "/v1/logs?limit=5")
        #expect(response.header("content-type") == "application/json")
        #expect(
            response.text == """
                {"records":[{"time":"2023-11-14T22:13:20Z","arrived":"2023-11-14T22:13:20Z",\
                "tag":"kube","namespace":"shop","container":"web","fields":{"log":"GET / 200",\
                "kubernetes":{"namespace_name":"shop","container_name":"web"},"status":200,\
                "took":null,"a b":[true,0.5]}}],"order":"backward","complete":true,"more":false,\
                "held":{"since":"2023-11-14T22:13:20Z","oldest":"2023-11-14T22:13:20Z",\
                "newest":"2023-11-14T22:13:20Z","records":1,"streams":1},\
                "cursor":"18bcfe56800-1","notes":[]}
                """
        )
    }

    @Test func linesCarryTheRestInHeaders() async throws {
        append("one")
        append("two")
        for (query, headers) in [
            ("format=ndjson", [(name: String, value: String)]()),
            ("limit=100", [("accept", "application/x-ndjson")]),
        ] {
            let response = try await calls().answer("GET", "/v1/logs?" + query, headers: headers)
            let lines = response.text.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines[0].contains("\"log\":\"two\""))
            #expect(response.header("content-type") == "application/x-ndjson")
            #expect(response.header("tocsin-logs-complete") == "true")
            #expect(response.header("tocsin-logs-cursor")?.hasSuffix("-2") == true)
            #expect(response.header("tocsin-logs-held-since") == "2023-11-14T22:13:20Z")
        }
    }

    @Test func filtersAndOrders() async throws {
        append("GET /a 200", tag: "web")
        append("GET /b 500", tag: "web")
        append(#"{"status": 503, "path": "/c"}"#, tag: "api")
        append(#"level=warn msg="slow query" took=12"#, tag: "db")
        func logs(_ query: String) async throws -> [String] {
            try await ask(query).records.map { String($0.fields.log.prefix(10)) }
        }
        #expect(
            try await logs("match=tag=\"web\"&direction=forward") == ["GET /a 200", "GET /b 500"]
        )
        #expect(try await logs("match={tag=~\"w.*|db\",container=\"\"}&limit=1") == ["level=warn"])
        #expect(try await logs("contains=get&without=500") == ["GET /a 200"])
        #expect(try await logs("regex=/[ab] 5") == ["GET /b 500"])
        #expect(try await logs("where=status >= 500 and path =~ \"/.*\"") == [#"{"status":"#])
        #expect(try await logs("where=level == warn and took > 10") == ["level=warn"])
        #expect(try await logs("since=2s") == ["level=warn", #"{"status":"#])
        #expect(
            try await logs("start=1700000001&end=2023-11-14T22:13:22Z&direction=forward").count == 2
        )
        let first = try await ask("limit=1&direction=forward")
        #expect(first.more && first.order == "forward")
    }

    @Test func everyProblemIsToldAtOnce() async throws {
        for (query, words) in [
            (
                "limit=0&direction=up&regex=(&where=status&match=pod=\"x\"",
                [
                    "limit must be a whole number from 1 to 5000, not \"0\"",
                    "direction must be backward or forward, not \"up\"", "regex: invalid regular",
                    "where: after \"status\" a comparison is missing",
                    "match looks at tag, namespace and container, not at \"pod\"",
                ]
            ),
            ("match=rate(x[5m])", ["is no selector; write it as"]),
            ("start=soon&end=1", ["start must be a time such as"]),
            ("start=2&end=1", ["start is after end; swap them"]),
            ("start=1&since=5m", ["give start or since, not both"]),
            ("grep=x", ["unknown parameter \"grep\"; there are after, contains"]),
            ("wait=5s", ["wait needs after"]),
            ("after=zzz", ["after must be the cursor of an earlier answer"]),
            ("after=1-1&direction=forward", ["leave direction out"]),
            ("timeout=1h", ["timeout must be a duration such as 10s, at most 30s"]),
            ("format=xml", ["format must be json or ndjson"]),
            (
                (0...20).map { "contains=\($0)" }.joined(separator: "&"),
                ["contains is given 21 times; 20 at most"]
            ),
            ("contains=" + String(repeating: "x", count: 5000), ["longer than 4096 bytes"]),
        ] {
            let response = try await calls().answer("GET", "/v1/logs?" + query)
            #expect(response.status == 400)
            #expect(response.header("content-type") == "application/problem+json")
            for words in words {
                #expect(response.text.contains(words.jsonEscaped), "\(response.text)")
            }
        }
    }

    @Test func whatIsNoLongerHeldIsSaid() async throws {
        append("old")
        clock.advance(by: .seconds(4000))
        append("new")
        let answer = try await ask("since=2h")
        #expect(answer.records.map(\.fields.log) == ["new"])
        #expect(answer.notes.first?.contains("are no longer held") == true)
        #expect(try await ask("since=10m").notes.isEmpty)
    }

    @Test func anAnswerHasABound() async throws {
        for index in 0..<50 { append("\(index) " + String(repeating: "x", count: 1000)) }
        var limits = LogLimits()
        limits.answerBytesMax = 20_000
        let answer = try await ask("limit=50", limits)
        #expect(answer.records.count < 20 && !answer.complete && answer.more)
        #expect(answer.notes.first?.contains("records are left out") == true)
    }

    @Test func aCursorGoesOnWhereTheLastAnswerEnded() async throws {
        append("1")
        var answer = try await ask("limit=1")
        for index in 2...7 { append("\(index)") }
        var got: [String] = []
        for _ in 0..<10 where got.count < 6 {
            answer = try await ask("limit=2&after=\(answer.cursor)")
            #expect(answer.order == "arrival")
            got += answer.records.map(\.fields.log)
        }
        #expect(got == ["2", "3", "4", "5", "6", "7"])
        #expect(try await ask("after=\(answer.cursor)").records.isEmpty)
        let other = try await ask("after=1-3")
        #expect(other.records.count == 7)
        #expect(other.notes.first?.contains("was restarted") == true)
    }

    @Test func aCallWaitsForWhatSatisfiesIt() async throws {
        append("first")
        let cursor = try await ask("limit=1").cursor
        let asked = Task { try await ask("after=\(cursor)&wait=60s&contains=wanted") }
        append("other")
        append("wanted")
        #expect(try await asked.value.records.map(\.fields.log) == ["wanted"])
        // Nothing comes: the answer is empty when the wait is over.
        let end = try await ask("limit=1").cursor
        #expect(try await ask("after=\(end)&wait=1ms").records.isEmpty)
    }

    @Test func tooManyWaitersAreTurnedAway() async throws {
        var limits = LogLimits()
        limits.waitersMax = 0
        let response = try await calls(limits).answer("GET", "/v1/logs?after=1-0&wait=5s")
        #expect(response.status == 503)
        #expect(response.header("retry-after") == "5")
    }
}

extension String {
    fileprivate var jsonEscaped: String { String(JSONText.quoted(self).dropFirst().dropLast()) }
}
