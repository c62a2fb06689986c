import Compression
import HTTPServer
import Ingest
import Model
import OTLPLogIngest
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct OTLPLogHandlerTests {
    /// A door that answers as it is told.
    final class Door: LogAdmitting {
        let outcome: AdmissionOutcome
        private let taken = Mutex(0)

        init(_ outcome: AdmissionOutcome) { self.outcome = outcome }

        var records: Int { taken.withLock { $0 } }

        func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
            if case .admitted = outcome { taken.withLock { $0 += records.count } }
            return outcome
        }
    }

    static let body = Message.request(records: [
        Message().message(5, .string("a")), Message().message(5, .string("b")),
    ]).bytes

    static let deep: [UInt8] = {
        var value = Message.string("x")
        for _ in 0..<40 { value = .list([value]) }
        return Message.request(records: [Message().message(5, value), Message()]).bytes
    }()

    static let protobuf = [(name: "content-type", value: "application/x-protobuf")]
    static let json = [(name: "content-type", value: "application/json; charset=utf-8")]

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var headers: [(name: String, value: String)] = protobuf
        var body = OTLPLogHandlerTests.body
        var outcome = AdmissionOutcome.admitted(AppendResult())
        var status: Int
        /// What the answer holds; nil for nothing at all.
        var answer: [String]?
        var records = 0
        var testDescription: String { "\(what): \(status)" }
    }

    static let cases: [Case] = [
        Case(what: "protobuf", status: 200, records: 2),
        Case(
            what: "gzip",
            headers: protobuf + [("content-encoding", "gzip")],
            body: (try? Gzip.compress(body.span)) ?? [],
            status: 200,
            records: 2
        ),
        Case(
            what: "JSON",
            headers: json,
            body: Array(
                #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}"#
                    .utf8
            ),
            status: 200,
            answer: ["{}"],
            records: 1
        ),
        Case(
            what: "nothing to take",
            headers: json,
            body: Array("{}".utf8),
            status: 200,
            answer: ["{}"]
        ),
        Case(
            what: "some rejected",
            body: deep,
            status: 200,
            answer: ["\u{8}\u{1}", "1 log records were rejected", "deeper than 32"],
            records: 1
        ),
        Case(
            what: "not now",
            outcome: .overloaded(retryAfter: .milliseconds(1200), reason: "behind"),
            status: 503,
            answer: ["\u{8}\u{e}", "behind"]
        ),
        Case(
            what: "not now, in JSON",
            headers: json,
            body: Array(
                #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#.utf8
            ),
            outcome: .overloaded(retryAfter: .milliseconds(1200), reason: "behind"),
            status: 503,
            answer: [#"{"code":14,"message":"behind"}"#]
        ),
        Case(what: "broken", body: [0x0a, 9, 1], status: 400, answer: ["truncated", "byte 1"]),
        Case(
            what: "broken gzip",
            headers: protobuf + [("content-encoding", "gzip")],
            status: 400,
            answer: ["gzip"]
        ),
        Case(
            what: "a gzip bomb",
            headers: protobuf + [("content-encoding", "gzip")],
            body: (try? Gzip.compress([UInt8](repeating: 0, count: 3_000_000).span)) ?? [],
            status: 413,
            answer: ["30000", "sources.http_ingest.max_decoded"]
        ),
        Case(
            what: "too long",
            body: [UInt8](repeating: 0, count: 20_001),
            status: 413,
            answer: ["20001 bytes", "sources.http_ingest.max_body"]
        ),
        Case(
            what: "another type",
            headers: [("content-type", "text/plain")],
            status: 415,
            answer: ["text/plain", "application/x-protobuf"]
        ),
        Case(what: "no type", headers: [], status: 415, answer: ["application/json"]),
        Case(
            what: "another encoding",
            headers: protobuf + [("content-encoding", "zstd")],
            status: 415,
            answer: ["zstd", "gzip"]
        ),
    ]

    @Test(arguments: cases)
    func answers(_ one: Case) {
        let door = Door(one.outcome)
        let registry = MetricsRegistry()
        let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
        let handler = OTLPLogHandler(
            settings: OTLPLogSettings(bodyMax: 20_000, decompressedMax: 30_000),
            admission: door,
            sources: SourceRegistry(clock: clock, metrics: registry),
            clock: clock,
            metrics: registry
        )
        let response = handler.handle(
            HTTPRequest(
                method: "POST",
                path: "/v1/logs",
                headers: one.headers,
                body: one.body,
                remote: "10.0.0.7:1234"
            )
        )
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(response.status == one.status)
        for word in one.answer ?? [] { #expect(text.contains(word)) }
        if one.answer == nil { #expect(response.body.isEmpty) }
        #expect(door.records == one.records)
        let retryAfter = response.headers.first { $0.name == "Retry-After" }?.value
        #expect(retryAfter == (one.status == 503 ? "2" : nil))
        #expect(
            registry.exposition(.text).contains(
                #"tocsin_otlp_log_requests_total{status="\#(one.status)"} 1"#
            )
        )
    }
}
