import CloudWatchIngest
import ElasticsearchIngest
import HTTPClient
import Synchronization
import TestSupport
import Testing
import Timekeeping
import WireFormats

/// Answers requests from a table of paths, and keeps them.
private final class ScriptedCluster: HTTPSending {
    private let answers: @Sendable (HTTPClientRequest) -> Result<HTTPClientReply, HTTPClientError>
    private let seen = Mutex<[HTTPClientRequest]>([])

    init(
        _ answers:
            @escaping @Sendable (HTTPClientRequest) -> Result<
                HTTPClientReply, HTTPClientError
            >
    ) {
        self.answers = answers
    }

    var requests: [HTTPClientRequest] { seen.withLock { $0 } }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        seen.withLock { $0.append(request) }
        return try answers(request).get()
    }
}

@Suite struct SearchClientTests {
    static func json(
        _ status: Int,
        _ body: String,
        headers: [(String, String)] = []
    )
        -> Result<HTTPClientReply, HTTPClientError>
    {
        .success(
            HTTPClientReply(
                status: status,
                headers: headers.map { (name: $0.0, value: $0.1) },
                body: Array(body.utf8)
            )
        )
    }

    static let empty =
        #"{"pit_id":"second","timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"hits":[]}}"#

    static func settings(
        _ authentication: PullAuthentication = .none,
        product: PullSettings.Product = .auto,
        tieBreak: String? = nil
    ) -> PullSettings {
        var made = PullSettings(name: "t", urls: ["http://a:1", "http://b:2"], index: "x-*,y z")
        made.authentication = authentication
        made.product = product
        made.tieBreak = tieBreak
        return made
    }

    private func client(_ settings: PullSettings, _ cluster: ScriptedCluster) -> SearchClient {
        SearchClient(
            settings: settings,
            http: cluster,
            environment: AWSEnvironment(variables: [:]) { (path) throws(FileReadError) in
                guard path == "/secret" else { throw .missing }
                return Array("id:key\nrest".utf8)
            },
            credentials: nil,
            clock: ManualClock()
        )
    }

    static func parsed(_ bytes: [UInt8]) throws -> JSONValue { try JSONValue(bytes.span) }

    struct Version: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var root: String
        var product = PullSettings.Product.auto
        var tieBreak: String?
        var opens: String
        var sorts: String
    }

    static let versions: [Version] = [
        Version(
            testDescription: "Elasticsearch 8",
            root: #"{"version":{"number":"8.17.0"}}"#,
            opens: "POST /x-*,y%20z/_pit?keep_alive=60000ms",
            sorts: "_shard_doc"
        ),
        Version(
            testDescription: "Elasticsearch 7.11 has no _shard_doc",
            root: #"{"version":{"number":"7.11.2"}}"#,
            opens: "POST /x-*,y%20z/_pit?keep_alive=60000ms",
            sorts: "_id"
        ),
        Version(
            testDescription: "OpenSearch 2",
            root: #"{"version":{"distribution":"opensearch","number":"2.11.0"}}"#,
            opens: "POST /x-*,y%20z/_search/point_in_time?keep_alive=60000ms"
                + "&allow_partial_pit_creation=false",
            sorts: "_id"
        ),
        Version(
            testDescription: "OpenSearch that gives itself out for Elasticsearch 7.10",
            root: #"{"version":{"distribution":"opensearch","number":"7.10.2"}}"#,
            opens: "POST /x-*,y%20z/_search/point_in_time?keep_alive=60000ms"
                + "&allow_partial_pit_creation=false",
            sorts: "_id"
        ),
        Version(
            testDescription: "OpenSearch 3.3",
            root: #"{"version":{"distribution":"opensearch","number":"3.3.0"}}"#,
            opens: "POST /x-*,y%20z/_search/point_in_time?keep_alive=60000ms"
                + "&allow_partial_pit_creation=false",
            sorts: "_shard_doc"
        ),
        Version(
            testDescription: "a field of one's own",
            root: #"{"version":{"number":"8.17.0"}}"#,
            tieBreak: "event.id",
            opens: "POST /x-*,y%20z/_pit?keep_alive=60000ms",
            sorts: "event.id"
        ),
        Version(
            testDescription: "a key that may not ask for the version, and a product that is named",
            root: "",
            product: .opensearch,
            opens: "POST /x-*,y%20z/_search/point_in_time?keep_alive=60000ms"
                + "&allow_partial_pit_creation=false",
            sorts: "_id"
        ),
    ]

    @Test(arguments: versions)
    func speaksAsTheProductWantsIt(_ version: Version) async throws {
        let cluster = ScriptedCluster { request in
            switch (request.method, request.url.dropFirst("http://a:1".count)) {
            case ("GET", "/"):
                version.root.isEmpty
                    ? Self.json(403, #"{"error":"no"}"#) : Self.json(200, version.root)
            case ("POST", "/_search?allow_partial_search_results=false"):
                Self.json(200, Self.empty)
            case ("POST", _): Self.json(200, #"{"id":"first","pit_id":"first"}"#)
            default: Self.json(200, "{}")
            }
        }
        let client = client(
            Self.settings(product: version.product, tieBreak: version.tieBreak),
            cluster
        )
        try await client.open()
        let request = SearchRequest(
            from: Timestamp(milliseconds: 5),
            before: Timestamp(milliseconds: 9),
            after: "[5,\"x\"]",
            ids: ["a\"b", "ü"],
            withDocuments: false,
            size: 7
        )
        _ = try await client.search(request)
        _ = try await client.search(request)
        await client.close()
        let asked = cluster.requests.map { "\($0.method) \($0.url.dropFirst(10))" }
        #expect(asked[1] == version.opens)
        let bodies = try cluster.requests[2...3].map { try Self.parsed($0.body) }
        #expect(bodies[0]["pit"]?["id"]?.string == "first")
        // The newest id is the one to use.
        #expect(bodies[1]["pit"]?["id"]?.string == "second")
        let sort = bodies[0]["sort"]?.elements ?? []
        #expect(sort.count == 2 && sort[0]["@timestamp"] != nil && sort[1][version.sorts] != nil)
        #expect(bodies[0]["search_after"]?.elements == [.integer(5), .string("x")])
        #expect(bodies[0]["track_total_hits"] == .bool(false))
        #expect(bodies[0]["_source"] == .bool(false))
        let filters = bodies[0]["query"]?["bool"]?["filter"]?.elements ?? []
        #expect(filters[0]["range"]?["@timestamp"]?["gte"] == .integer(5))
        #expect(filters[0]["range"]?["@timestamp"]?["lt"] == .integer(9))
        #expect(filters[1]["ids"]?["values"]?.elements == [.string("a\"b"), .string("ü")])
        #expect(cluster.requests[4].method == "DELETE")
        let closing = try Self.parsed(cluster.requests[4].body)
        let isElastic = version.opens.contains("/_pit?")
        #expect(
            isElastic
                ? closing["id"]?.string == "second"
                : closing["pit_id"]?.elements == [.string("second")]
        )
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var reply: Result<HTTPClientReply, HTTPClientError>
        var kind: PullProblem.Kind
        var cause: String
        var says: String
    }

    static let refusals: [Refusal] = [
        Refusal(
            testDescription: "401",
            reply: json(401, #"{"error":{"type":"security_exception","reason":"no"}}"#),
            kind: .permanent,
            cause: "unauthorized",
            says: "check that the API key in /secret is whole"
        ),
        Refusal(
            testDescription: "403",
            reply: json(403, #"{"error":{"type":"security_exception","reason":"no"}}"#),
            kind: .permanent,
            cause: "forbidden",
            says: "the privilege \"read\" on x-*,y z"
        ),
        Refusal(
            testDescription: "no such index",
            reply: json(
                404,
                #"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]"}]}}"#
            ),
            kind: .permanent,
            cause: "index_missing",
            says: "no such index [x]"
        ),
        Refusal(
            testDescription: "429 with a date",
            reply: json(
                429,
                #"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#,
                headers: [
                    ("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"),
                    ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
                ]
            ),
            kind: .busy(retryAfter: .seconds(30)),
            cause: "busy",
            says: "full"
        ),
        Refusal(
            testDescription: "503 of a proxy",
            reply: json(503, "<html>\n<b>busy</b>\n</html>", headers: [("retry-after", "2")]),
            kind: .busy(retryAfter: .seconds(2)),
            cause: "busy",
            says: "<html> <b>busy</b> </html>"
        ),
        Refusal(
            testDescription: "a field that is not mapped",
            reply: json(
                400,
                #"{"error":{"root_cause":[{"type":"query_shard_exception","reason":"No mapping found for [@timestamp] in order to sort on"}],"type":"search_phase_execution_exception"}}"#
            ),
            kind: .permanent,
            cause: "unmapped_field",
            says: "set time_field to a mapped date"
        ),
        Refusal(
            testDescription: "a point in time that is gone",
            reply: json(
                404,
                #"{"error":{"root_cause":[],"type":"search_phase_execution_exception","failed_shards":[{"reason":{"type":"search_context_missing_exception","reason":"No search context found for id [7]"}}]}}"#
            ),
            kind: .pointLost,
            cause: "point_lost",
            says: "No search context found"
        ),
        Refusal(
            testDescription: "ids that may not be sorted by",
            reply: json(
                400,
                #"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Fielddata access on the _id field is disallowed, you can re-enable it"}]}}"#
            ),
            kind: .permanent,
            cause: "no_tie_break",
            says: "as tie_break"
        ),
        Refusal(
            testDescription: "a query that is none",
            reply: json(
                400,
                #"{"error":{"root_cause":[{"type":"parsing_exception","reason":"unknown query [termm]"}]}}"#
            ),
            kind: .permanent,
            cause: "refused",
            says: "unknown query [termm]; check query"
        ),
        Refusal(
            testDescription: "an answer that is too long",
            reply: .failure(.replyTooLarge(host: "a:1", limit: 5)),
            kind: .unusable,
            cause: "too_large",
            says: "raise max_answer"
        ),
        Refusal(
            testDescription: "TLS",
            reply: .failure(.tls(host: "a:1", reason: "self-signed certificate")),
            kind: .permanent,
            cause: "tls",
            says: "tls.ca_file"
        ),
        Refusal(
            testDescription: "no answer",
            reply: .failure(.timeout(host: "a:1", after: .seconds(30))),
            kind: .unreachable,
            cause: "timeout",
            says: "raise timeout"
        ),
        Refusal(
            testDescription: "no index that fits",
            reply: json(
                200,
                #"{"timed_out":false,"_shards":{"total":0,"failed":0},"hits":{"hits":[]}}"#
            ),
            kind: .permanent,
            cause: "index_missing",
            says: "no index fits"
        ),
    ]

    @Test(arguments: refusals)
    func saysWhatIsWrongAndHowToMendIt(_ refusal: Refusal) async throws {
        let cluster = ScriptedCluster { request in
            switch request.url.dropFirst("http://a:1".count) {
            case "/": Self.json(200, #"{"version":{"number":"8.17.0"}}"#)
            case "/_search?allow_partial_search_results=false": refusal.reply
            default: Self.json(200, #"{"id":"first"}"#)
            }
        }
        let client = client(Self.settings(.apiKey(file: "/secret")), cluster)
        try await client.open()
        let authorization = cluster.requests[0].headers.first { $0.name == "Authorization" }
        #expect(authorization?.value == "ApiKey aWQ6a2V5")
        do {
            _ = try await client.search(
                SearchRequest(
                    from: .distantPast,
                    before: .distantFuture,
                    withDocuments: true,
                    size: 1
                )
            )
            Issue.record("it was answered")
        } catch {
            #expect(error.kind == refusal.kind)
            #expect(error.cause == refusal.cause)
            #expect(error.text.contains(refusal.says), "\(error.text)")
            #expect(!error.text.contains("aWQ6a2V5"))
        }
        #expect(await client.isOpen == (refusal.kind != .pointLost))
    }
}
