import Compression
import ElasticsearchIngest
import HTTPServer
import Ingest
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping
import WireFormats

@Suite struct BulkHandlerTests {
    /// A door that answers as it is told.
    final class Door: LogAdmitting {
        private let outcome = Mutex<AdmissionOutcome>(.admitted(AppendResult()))
        private let taken = Mutex<[[LogRecord]]>([])

        /// Batches that were let in.
        var batches: [[LogRecord]] { taken.withLock { $0 } }

        var records: [LogRecord] { batches.flatMap { $0 } }

        func answer(_ next: AdmissionOutcome) { outcome.withLock { $0 = next } }

        func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
            let outcome = outcome.withLock { $0 }
            if case .admitted = outcome { taken.withLock { $0.append(records) } }
            return outcome
        }
    }

    let door = Door()
    let registry = MetricsRegistry()
    let sources: SourceRegistry
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
    let handler: BulkHandler

    init() {
        sources = SourceRegistry(clock: clock, metrics: registry)
        var settings = BulkSettings()
        settings.bodyMax = 20_000
        settings.decompressedMax = 30_000
        settings.decodedMax = 100_000
        handler = BulkHandler(
            settings: settings,
            admission: door,
            sources: sources,
            clock: clock,
            metrics: registry
        )
    }

    func post(
        _ body: String,
        index: String? = nil,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        post(bytes: Array(body.utf8), index: index, query: query, headers: headers)
    }

    func post(
        bytes: [UInt8],
        index: String? = nil,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        var request = HTTPRequest(
            method: "POST",
            path: index.map { "/\($0)/_bulk" } ?? "/_bulk",
            query: query,
            headers: headers,
            body: bytes,
            remote: "10.0.0.7:1234"
        )
        if let index { request.pathParameters["index"] = index }
        return handler.handle(request)
    }

    func text(_ response: HTTPResponse) -> String {
        String(decoding: response.body, as: UTF8.self)
    }

    func header(_ response: HTTPResponse, _ name: String) -> String? {
        response.headers.first { $0.name == name }?.value
    }

    func counter(_ line: String) -> Bool { registry.exposition(.text).contains(line + "\n") }

    static let two =
        #"{"index":{"_index":"l-2026.11.24","_id":"1"}}"# + "\n{\"m\":1}\n"
        + #"{"create":{"_index":"l-2026.11.24","_id":"2"}}"# + "\n{\"m\":2}\n"

    @Test func theAnswerIsElasticsearchs() throws {
        let response = post(Self.two)
        #expect(response.status == 200)
        #expect(header(response, "X-Elastic-Product") == "Elasticsearch")
        #expect(header(response, "Content-Type") == "application/json")
        #expect(
            text(response).replacing(#/"took":\d+/#, with: "\"took\":5") == """
                {"took":5,"errors":false,"items":[{"index":{"_index":"l-2026.11.24","_id":"1",\
                "_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},\
                "_seq_no":0,"_primary_term":1,"status":201}},{"create":{"_index":"l-2026.11.24",\
                "_id":"2","_version":1,"result":"created","_shards":{"total":1,"successful":1,\
                "failed":0},"_seq_no":1,"_primary_term":1,"status":201}}]}
                """
        )
        #expect(door.records.map(\.tag) == ["l", "l"])
        #expect(counter("tocsin_bulk_documents_total 2"))
        #expect(counter(#"tocsin_bulk_requests_total{status="200"} 1"#))
    }

    @Test func documentsWithoutAnIDGetOneEach() throws {
        let response = post("{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n", index: "l")
        let reply = try JSONValue(response.body.span)
        let ids = reply["items"]?.elements?.compactMap { $0["index"]?["_id"]?.string } ?? []
        #expect(ids.count == 2 && ids[0] != ids[1])
        #expect(ids.allSatisfy { $0.utf8.count == 20 })
    }

    @Test func aDocumentSentAgainIsAcknowledgedAndNotCounted() {
        _ = post(Self.two)
        let again = post(Self.two + "{\"index\":{\"_index\":\"l\",\"_id\":\"3\"}}\n{\"m\":3}\n")
        #expect(again.status == 200)
        #expect(text(again).contains(#""errors":false"#))
        #expect(text(again).contains(#""_id":"1","_version":2,"result":"updated""#))
        #expect(text(again).contains(#""_id":"2","_version":1,"result":"noop""#))
        #expect(text(again).contains(#""_id":"3","_version":1,"result":"created""#))
        #expect(door.records.map { $0.fields[0].value } == [.integer(1), .integer(2), .integer(3)])
        let both = "{\"index\":{\"_index\":\"k\",\"_id\":\"1\"}}\n{}\n"
        _ = post(both + both)
        #expect(door.records.count == 4)
        #expect(counter("tocsin_bulk_repeated_documents_total 3"))
    }

    @Test func aTurnedAwayRequestMayComeAgain() {
        door.answer(.overloaded(retryAfter: .milliseconds(2500), reason: "the store is behind"))
        let response = post(Self.two)
        #expect(response.status == 429)
        #expect(header(response, "Retry-After") == "3")
        #expect(header(response, "Content-Type") == "text/plain; charset=utf-8")
        #expect(header(response, "X-Elastic-Product") == "Elasticsearch")
        #expect(text(response) == "the store is behind\n")
        door.answer(.admitted(AppendResult()))
        #expect(text(post(Self.two)).contains(#""result":"created""#))
        #expect(door.records.count == 2)
    }

    @Test func aBadDocumentIsAnItemOf400AndTheOthersAreIn() {
        let response = post(
            "{\"index\":{\"_id\":\"a\"}}\n{\"m\":1}\n{\"index\":{\"_id\":\"b\"}}\n{\"m\":\n",
            index: "l"
        )
        #expect(response.status == 200)
        #expect(text(response).contains(#""errors":true"#))
        #expect(
            text(response).contains(
                #"{"index":{"_index":"l","_id":"b","status":400,"error":{"type":"document_parsing_exception","#
            )
        )
        #expect(door.records.count == 1)
        #expect(counter(#"tocsin_source_refused_total{source="bulk",cause="invalid_document"} 1"#))
        // It is refused again when it comes again, and its neighbour is known.
        #expect(text(post("{\"index\":{\"_id\":\"b\"}}\n{\"m\":\n", index: "l")).contains("400"))
    }

    struct Filter: Sendable, CustomTestStringConvertible {
        var filter: String
        var reply: String
        var testDescription: String { filter }
    }

    @Test(arguments: [
        Filter(filter: "errors", reply: #"{"errors":true}"#),
        Filter(
            filter: "errors,items.*.error,items.*.status",
            reply:
                #"{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"line 4, character 1: expected a value"}}}]}"#
        ),
        Filter(
            filter: "items.*.error.type",
            reply: #"{"items":[{"index":{"error":{"type":"document_parsing_exception"}}}]}"#
        ),
        Filter(
            filter: "items.index._id",
            reply: #"{"items":[{"index":{"_id":"a"}},{"index":{"_id":"b"}}]}"#
        ),
        Filter(
            filter: "items.*._seq_no,items.*._shards.failed",
            reply: #"{"items":[{"index":{"_shards":{"failed":0},"_seq_no":0}}]}"#
        ),
        Filter(filter: "nothing", reply: "{}"),
    ])
    func filterPath(_ one: Filter) {
        let response = post(
            "{\"index\":{\"_id\":\"a\"}}\n{\"m\":1}\n{\"index\":{\"_id\":\"b\"}}\n]\n",
            index: "l",
            query: [("filter_path", one.filter)]
        )
        #expect(text(response) == one.reply)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var what: String
        var body: [UInt8]
        var headers: [(name: String, value: String)] = []
        var status: Int
        var words: [String]
        var testDescription: String { "\(what): \(status)" }
    }

    static let refused: [Refused] = [
        Refused(what: "nothing", body: [], status: 400, words: ["request body is required"]),
        Refused(
            what: "blank lines",
            body: Array("\n\n".utf8),
            status: 400,
            words: ["request body is required"]
        ),
        Refused(
            what: "no action",
            body: Array("{\"x\":1}\n".utf8),
            status: 400,
            words: ["Malformed action/metadata line [1]", "\"status\":400"]
        ),
        Refused(
            what: "too long",
            body: [UInt8](repeating: 0x20, count: 20_001),
            status: 413,
            words: ["20001 bytes", "20000", "sources.http_ingest.bulk_max_body"]
        ),
        Refused(
            what: "a gzip bomb",
            body: (try? Gzip.compress([UInt8](repeating: 0x20, count: 5_000_000).span)) ?? [],
            headers: [("content-encoding", "gzip")],
            status: 413,
            words: ["30000", "sources.http_ingest.bulk_max_decompressed"]
        ),
        Refused(
            what: "gzip that breaks off",
            body: Array(((try? Gzip.compress(Array(two.utf8).span)) ?? []).dropLast(9)),
            headers: [("content-encoding", "gzip")],
            status: 400,
            words: ["gzip", "truncated"]
        ),
        Refused(
            what: "another coding",
            body: Array(two.utf8),
            headers: [("content-encoding", "br")],
            status: 415,
            words: ["br", "gzip"]
        ),
        Refused(
            what: "too many documents",
            body: Array(String(repeating: "{\"index\":{\"_index\":\"l\"}}\n{}\n", count: 600).utf8),
            status: 413,
            words: ["sources.http_ingest.bulk_max_decoded"]
        ),
    ]

    @Test(arguments: refused)
    func whatCannotBeTakenIsRefusedWhole(_ one: Refused) {
        let response = post(bytes: one.body, headers: one.headers)
        #expect(response.status == one.status)
        for word in one.words { #expect(text(response).contains(word)) }
        #expect(header(response, "X-Elastic-Product") == "Elasticsearch")
        #expect(door.batches.isEmpty)
        #expect(sources.statuses.first { $0.name == "bulk" }?.refused.count == 1)
    }

    @Test func gzipIsTaken() throws {
        let body = try Gzip.compress(Array(Self.two.utf8).span)
        #expect(post(bytes: body, headers: [("content-encoding", "gzip")]).status == 200)
        #expect(door.records.count == 2)
    }

    @Test(arguments: [
        (
            "application/vnd.elasticsearch+json; compatible-with=8",
            "application/vnd.elasticsearch+json;compatible-with=8"
        ),
        (
            "application/vnd.elasticsearch+json; compatible-with=9",
            "application/vnd.elasticsearch+json;compatible-with=9"
        ),
        ("application/vnd.elasticsearch+json", "application/vnd.elasticsearch+json"),
        ("application/json", "application/json"), ("*/*", "application/json"),
    ])
    func theVendorsMediaTypeIsForThoseWhoAsk(_ accept: String, _ type: String) {
        let response = post(Self.two, headers: [("accept", accept)])
        #expect(header(response, "Content-Type") == type)
    }

    @Test func deletionsAndUpdatesAreAcknowledged() {
        let response = post(
            [
                #"{"delete":{"_id":"1"}}"#, #"{"update":{"_id":"2"}}"#, #"{"doc":{"m":1}}"#,
            ].joined(separator: "\n"),
            index: "l"
        )
        #expect(
            text(response).contains(
                #"{"delete":{"_index":"l","_id":"1","_version":2,"result":"deleted""#
            )
        )
        #expect(
            text(response).contains(
                #"{"update":{"_index":"l","_id":"2","_version":2,"result":"updated""#
            )
        )
        #expect(text(response).contains(#""errors":false"#))
        #expect(door.batches.isEmpty)
        #expect(counter("tocsin_bulk_other_actions_total 2"))
    }

    @Test(arguments: [
        ("/_bulk", 503, 429, "text/plain; charset=utf-8"),
        ("/l/_bulk", 413, 413, "application/json"), ("/_bulk", 408, 408, "text/plain"),
        ("/_license", 405, 405, "text/plain"),
    ])
    func theServersOwnAnswersFitTheseClients(
        _ path: String,
        _ from: Int,
        _ to: Int,
        _ type: String
    ) {
        let response = ElasticsearchWords.serverAnswer(
            HTTPRequest(method: "POST", path: path),
            HTTPResponse(status: from, contentType: "text/plain", "\(from): why")
        )
        #expect(response.status == to)
        #expect(header(response, "Content-Type") == type)
        #expect(header(response, "X-Elastic-Product") == "Elasticsearch")
        #expect(text(response).contains("why"))
        #expect((header(response, "Retry-After") != nil) == (to == 429))
        let others = ElasticsearchWords.serverAnswer(
            HTTPRequest(method: "POST", path: "/v1/slos"),
            HTTPResponse(status: 503)
        )
        #expect(others.status == 503 && others.headers.isEmpty)
    }
}
