import Model
import OTLPLogIngest
import TestSupport
import Testing
import Timekeeping

@Suite struct OTLPLogDecoderTests {
    static let arrival = Timestamp(milliseconds: 1_700_000_000_000)

    static func decode(
        _ bytes: [UInt8],
        _ encoding: OTLPLogDecoder.Encoding,
        settings: OTLPLogSettings = OTLPLogSettings()
    ) throws(OTLPLogProblem) -> OTLPLogBatch {
        try OTLPLogDecoder(settings: settings).decode(bytes.span, encoding, arrival: arrival)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var protobuf: Message
        /// The same as OTLP's JSON.
        var json: String
        /// Tag, milliseconds after the arrival, and fields of each record.
        var records: [String]
        var testDescription: String { what }
    }

    static let second: UInt64 = 1_700_000_001_000_000_000

    static let cases: [Case] = [
        Case(
            what: "a text with severity, attributes, scope and resource",
            protobuf: .request(
                resource: [("service.name", .string("web")), ("host.name", .string("h"))],
                scope: "lib",
                records: [
                    Message().fixed64(1, second).varint(2, 17).text(3, "Error")
                        .message(5, .string("boom")).pair(6, "status", .integer(500))
                        .bytes(9, [UInt8](repeating: 0xab, count: 16))
                        .bytes(10, [1, 2, 3, 4, 5, 6, 7, 8]).text(12, "e.v")
                ]
            ),
            json: """
                {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name",\
                "value":{"stringValue":"web"}},{"key":"host.name","value":{"stringValue":"h"}}]},\
                "scopeLogs":[{"scope":{"name":"lib"},"logRecords":[{\
                "timeUnixNano":"1700000001000000000","severityNumber":17,"severityText":"Error",\
                "body":{"stringValue":"boom"},"attributes":[{"key":"status",\
                "value":{"intValue":"500"}}],"traceId":"abababababababababababababababab",\
                "spanId":"0102030405060708","eventName":"e.v","unknown":{"a":[1]}}]}]}]}
                """,
            records: [
                "web 1000 message=boom severity=Error severity_number=17 event_name=e.v "
                    + "trace_id=abababababababababababababababab span_id=0102030405060708 status=500 "
                    + "scope=lib service.name=web host.name=h"
            ]
        ),
        Case(
            what: "a map as body, all kinds of values, no time",
            protobuf: .request(records: [
                Message().message(
                    5,
                    .map([
                        ("s", .string("x")), ("t", Message().varint(2, 1)), ("i", .integer(-3)),
                        ("d", Message().fixed64(4, (1.5).bitPattern)),
                        ("l", .list([.integer(1), .string("y")])),
                        ("o", .map([("p", .map([("q", .integer(1))]))])),
                        ("b", Message().bytes(7, [0, 1, 2])), ("n", Message()),
                    ])
                ).varint(2, 9)
            ]),
            json: """
                {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":9,"body":{\
                "kvlistValue":{"values":[{"key":"s","value":{"stringValue":"x"}},\
                {"key":"t","value":{"boolValue":true}},{"key":"i","value":{"intValue":-3}},\
                {"key":"d","value":{"doubleValue":1.5}},{"key":"l","value":{"arrayValue":\
                {"values":[{"intValue":"1"},{"stringValue":"y"}]}}},{"key":"o","value":{\
                "kvlistValue":{"values":[{"key":"p","value":{"kvlistValue":{"values":[{\
                "key":"q","value":{"intValue":"1"}}]}}}]}}},{"key":"b","value":{\
                "bytesValue":"AAEC"}},{"key":"n","value":{}}]}}}]}]}]}
                """,
            records: [
                "otlp 0 s=x t=true i=-3 d=1.5 l=[1 y] o={p={q=1}} b=AAEC n=null severity=INFO "
                    + "severity_number=9"
            ]
        ),
        Case(
            what: "the observed time stands in; a number as body",
            protobuf: .request(records: [
                Message().fixed64(11, second).message(5, .integer(7))
            ]),
            json: """
                {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"observedTimeUnixNano":\
                "1700000001000000000","body":{"intValue":7}}]}]}]}
                """,
            records: ["otlp 1000 message=7"]
        ),
        Case(
            what: "the resource and the scope behind the records",
            protobuf: Message().message(
                1,
                Message()
                    .message(
                        2,
                        Message().message(2, Message().message(5, .string("a")))
                            .message(1, Message().text(1, "late"))
                    )
                    .message(1, Message().pair(1, "service.name", .string("s")))
            ),
            json: """
                {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}],\
                "scope":{"name":"late"}}],"resource":{"attributes":[{"key":"service.name",\
                "value":{"stringValue":"s"}}]}}]}
                """,
            records: ["s 0 message=a scope=late service.name=s"]
        ),
        Case(
            what: "nothing",
            protobuf: Message(),
            json: " {} ",
            records: []
        ),
        Case(
            what: "empty layers and nulls",
            protobuf: Message().message(1, Message()),
            json:
                #"{"resourceLogs":[{"resource":null,"scopeLogs":null},{"scopeLogs":[{}]}],"x":1}"#,
            records: []
        ),
    ]

    @Test(arguments: cases, [OTLPLogDecoder.Encoding.protobuf, .json])
    func takesRequestsApart(_ one: Case, _ encoding: OTLPLogDecoder.Encoding) throws {
        let bytes = encoding == .json ? Array(one.json.utf8) : one.protobuf.bytes
        let batch = try Self.decode(bytes, encoding)
        let found = batch.records.map { record in
            "\(record.tag) \((record.eventTime - Self.arrival).milliseconds) \(described(record.fields))"
        }
        #expect(found == one.records)
        #expect(batch.rejected == 0)
    }

    @Test(arguments: [OTLPLogDecoder.Encoding.protobuf, .json])
    func aRecordTooDeepIsRejectedAlone(_ encoding: OTLPLogDecoder.Encoding) throws {
        var deep = Message.string("x")
        var json = #"{"stringValue":"x"}"#
        for _ in 0..<40 {
            deep = .list([deep])
            json = #"{"arrayValue":{"values":["# + json + "]}}"
        }
        let request = Message.request(records: [
            Message().message(5, .string("a")), Message().message(5, deep),
            Message().message(5, .string("b")),
        ])
        let text =
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}},{"body":"#
            + json + #"},{"body":{"stringValue":"b"}}]}]}]}"#
        let batch = try Self.decode(encoding == .json ? Array(text.utf8) : request.bytes, encoding)
        #expect(batch.records.map { described($0.fields) } == ["message=a", "message=b"])
        #expect(batch.rejected == 1)
        #expect(batch.firstRejection == "it is nested deeper than 32 levels")
    }

    @Test(arguments: [
        ("[]", "an object"), ("{", "truncated"), (#"{"resourceLogs":{}}"#, "an array"),
        (#"{"resourceLogs":[}"#, "truncated"), (#"{"resourceLogs":[] "#, "truncated"),
        (#"{"resourceLogs":[]} x"#, "follows"), (#"{resourceLogs:[]}"#, "expected"),
        (#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x"}]}]}]}"#, "a number"),
        (
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":1}}]}]}]}"#,
            "a text"
        ),
    ])
    func brokenJSONIsTurnedAway(_ text: String, _ word: String) {
        let problem = #expect(throws: OTLPLogProblem.self) {
            try Self.decode(Array(text.utf8), .json)
        }
        #expect("\(String(describing: problem))".contains(word))
    }

    @Test func everyCutOfAMessageIsReadOrTurnedAway() throws {
        let bytes = Self.cases[0].protobuf.bytes
        for length in 0..<bytes.count {
            if let batch = try? Self.decode(Array(bytes[..<length]), .protobuf) {
                #expect(batch.records.count <= 1)
            }
        }
    }

    @Test(arguments: [OTLPLogDecoder.Encoding.protobuf, .json])
    func memoryIsBounded(_ encoding: OTLPLogDecoder.Encoding) {
        var settings = OTLPLogSettings()
        settings.decodedMax = 10_000
        let request = Message.request(records: Array(repeating: Message(), count: 100))
        let text =
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#
            + Array(repeating: "{}", count: 100).joined(separator: ",") + "]}]}]}"
        let problem = #expect(throws: OTLPLogProblem.self) {
            try Self.decode(
                encoding == .json ? Array(text.utf8) : request.bytes,
                encoding,
                settings: settings
            )
        }
        guard case .tooLarge(let reason) = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
        #expect(reason.contains("sources.http_ingest.otlp_max_decoded"))
    }
}
