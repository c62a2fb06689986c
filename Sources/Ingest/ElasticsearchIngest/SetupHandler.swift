package import HTTPServer
import Telemetry
package import Timekeeping

/// Answers what clients ask of Elasticsearch before and beside `_bulk`: who it is, whether it is well, and the
/// acknowledgement of templates, policies, pipelines and data streams, of which nothing is kept.
package struct SetupHandler: Sendable {
    /// A template of Beats has a megabyte and more.
    private static let bodyMax = 8 << 20

    private static let uuid = "dG9jc2luLXRvY3Npbi1pbg"

    private let version: String
    private let clock: any WallClock
    /// First segments of the paths that are not Elasticsearch's, and the methods that each alone has.
    private let others: [String: Set<String>]

    /// Answers beside others.
    ///
    /// - Parameters:
    ///   - settings: The version that is told.
    ///   - clock: For the time that health answers bear.
    ///   - others: Every other route of the server: what begins as one of them is no index.
    package init(
        settings: BulkSettings = BulkSettings(),
        clock: any WallClock,
        beside others: [HTTPRoute] = []
    ) {
        version = settings.version
        self.clock = clock
        var methods: [String: Set<String>] = [:]
        for route in others {
            let segments = route.pattern.dropFirst().split(
                separator: "/",
                omittingEmptySubsequences: false
            )
            guard let first = segments.first, !first.isEmpty, !first.hasPrefix("{") else {
                continue
            }
            let own: Set<String> = segments.count == 1 ? [route.method] : []
            methods[String(first), default: []].formUnion(own)
        }
        self.others = methods
    }

    /// Everything but `GET /`, which a browser may want for itself: see `root`.
    package var routes: [HTTPRoute] {
        [
            route("GET", "/_license", license),
            route("GET", "/_xpack", features),
            route("GET", "/_cat/health", catHealth),
            route("GET", "/_cluster/health", clusterHealth),
            route("GET", "/_cluster/health/{index}", clusterHealth),
            route("GET", "/_nodes", nodes),
            route("GET", "/_nodes/*", nodes),
        ] + setUpRoutes + indexRoutes
    }

    private func route(
        _ method: String,
        _ pattern: String,
        _ handle: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) -> HTTPRoute {
        HTTPRoute(method, pattern, bodyMax: Self.bodyMax, .inline(handle))
    }

    private func reply(_ request: HTTPRequest, _ text: String) -> HTTPResponse {
        ElasticsearchWords.json(request, Array(text.utf8))
    }

    // MARK: Who it is

    /// Whether `GET /` comes from a browser, which names HTML among what it takes.
    package static func isBrowser(_ request: HTTPRequest) -> Bool {
        (request.header("accept") ?? "").lowercased().contains("text/html")
    }

    /// The answer to `GET /`.
    package func root(_ request: HTTPRequest) -> HTTPResponse {
        reply(
            request,
            """
            {"name":"tocsin","cluster_name":"tocsin","cluster_uuid":"\(Self.uuid)","version":{\
            "number":"\(version)","build_flavor":"default","build_type":"deb",\
            "build_hash":"0000000000000000000000000000000000000000",\
            "build_date":"2024-01-01T00:00:00.000000000Z","build_snapshot":false,\
            "lucene_version":"9.12.0","minimum_wire_compatibility_version":"7.17.0",\
            "minimum_index_compatibility_version":"7.0.0"},"tagline":"You Know, for Search"}
            """
        )
    }

    @Sendable private func license(_ request: HTTPRequest) -> HTTPResponse {
        reply(
            request,
            """
            {"license":{"status":"active","uid":"00000000-0000-4000-8000-000000000000","type":"basic",\
            "issue_date":"2024-01-01T00:00:00.000Z","issue_date_in_millis":1704067200000,\
            "max_nodes":1000,"max_resource_units":null,"issued_to":"tocsin","issuer":"elasticsearch",\
            "start_date_in_millis":-1}}
            """
        )
    }

    @Sendable private func features(_ request: HTTPRequest) -> HTTPResponse {
        reply(
            request,
            """
            {"build":{"hash":"0000000000000000000000000000000000000000",\
            "date":"2024-01-01T00:00:00.000000Z"},"license":{\
            "uid":"00000000-0000-4000-8000-000000000000","type":"basic","mode":"basic",\
            "status":"active"},"features":{"data_streams":{"available":true,"enabled":true},\
            "ilm":{"available":true,"enabled":true},"security":{"available":true,"enabled":false}},\
            "tagline":"You know, for X"}
            """
        )
    }

    // MARK: Whether it is well

    @Sendable private func catHealth(_ request: HTTPRequest) -> HTTPResponse {
        let now = clock.now()
        let seconds = now.milliseconds / 1000
        let time = String(now.rfc3339.dropFirst(11).prefix(8))
        if request.parameter("format") == "json" {
            return reply(
                request,
                """
                [{"epoch":"\(seconds)","timestamp":"\(time)","cluster":"tocsin","status":"green",\
                "node.total":"1","node.data":"1","shards":"1","pri":"1","relo":"0","init":"0",\
                "unassign":"0","pending_tasks":"0","max_task_wait_time":"-",\
                "active_shards_percent":"100.0%"}]
                """
            )
        }
        return HTTPResponse(
            status: 200,
            headers: [
                ("Content-Type", "text/plain; charset=utf-8"), ElasticsearchWords.product,
            ],
            body: Array("\(seconds) \(time) tocsin green 1 1 1 1 0 0 0 0 - 100.0%\n".utf8)
        )
    }

    @Sendable private func clusterHealth(_ request: HTTPRequest) -> HTTPResponse {
        reply(
            request,
            """
            {"cluster_name":"tocsin","status":"green","timed_out":false,"number_of_nodes":1,\
            "number_of_data_nodes":1,"active_primary_shards":1,"active_shards":1,\
            "relocating_shards":0,"initializing_shards":0,"unassigned_shards":0,\
            "delayed_unassigned_shards":0,"number_of_pending_tasks":0,\
            "number_of_in_flight_fetch":0,"task_max_waiting_in_queue_millis":0,\
            "active_shards_percent_as_number":100.0}
            """
        )
    }

    /// One node, at the address that the client came by, so that one that looks for nodes stays.
    @Sendable private func nodes(_ request: HTTPRequest) -> HTTPResponse {
        // A header's value may hold what JSON may not; an address holds none of that.
        let host = (request.header("host") ?? "").filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || ".:-[]_".contains($0))
        }
        return reply(
            request,
            """
            {"_nodes":{"total":1,"successful":1,"failed":0},"cluster_name":"tocsin","nodes":{\
            "\(Self.uuid)":{"name":"tocsin","transport_address":"\(host)","host":"\(host)",\
            "ip":"\(host)","version":"\(version)","build_flavor":"default","roles":["data","ingest",\
            "master"],"http":{"bound_address":["\(host)"],"publish_address":"\(host)",\
            "max_content_length_in_bytes":104857600}}}}
            """
        )
    }

    // MARK: Set-up

    /// What clients put in place before they send: it is acknowledged, and said to be there when asked for.
    private var setUpRoutes: [HTTPRoute] {
        let places = [
            "/_template/{name}", "/_index_template/{name}", "/_component_template/{name}",
            "/_ilm/policy/{name}", "/_ingest/pipeline/{name}", "/_data_stream/{name}",
            "/_alias/{name}", "/{index}/_alias/{name}", "/{index}/_aliases/{name}",
            "/_plugins/_ism/policies/{name}", "/_opendistro/_ism/policies/{name}",
        ]
        let whole = [
            "/_template", "/_index_template", "/_ilm/policy", "/_ilm/status", "/_ingest/pipeline",
            "/_data_stream", "/_alias", "/_aliases", "/{index}/_mapping", "/{index}/_settings",
            "/_refresh", "/{index}/_refresh",
        ]
        let empty: @Sendable (HTTPRequest) -> HTTPResponse = { reply($0, "{}") }
        let acknowledged: @Sendable (HTTPRequest) -> HTTPResponse = {
            reply($0, #"{"acknowledged":true}"#)
        }
        return places.flatMap { place in
            [route("GET", place, empty)]
                + ["PUT", "POST", "DELETE"].map { route($0, place, acknowledged) }
        }
            + whole.flatMap { place in
                [route("GET", place, place == "/_ilm/status" ? running : empty)]
                    + ["PUT", "POST"].map { route($0, place, acknowledged) }
            }
    }

    @Sendable private func running(_ request: HTTPRequest) -> HTTPResponse {
        reply(request, #"{"operation_mode":"RUNNING"}"#)
    }

    /// Whether an index is there (always), and its creation: what has the name of an index, and of nothing else, is
    /// acknowledged.
    private var indexRoutes: [HTTPRoute] {
        [
            route("HEAD", "/{index}") { request in
                refusal(request) ?? reply(request, "{}")
            },
            route("PUT", "/{index}") { request in
                if let refusal = refusal(request) { return refusal }
                let index = JSONText.quoted(request.pathParameters["index"] ?? "")
                return reply(
                    request,
                    "{\"acknowledged\":true,\"shards_acknowledged\":true,\"index\":\(index)}"
                )
            },
        ] + ["GET", "POST", "DELETE"].map { route($0, "/{index}", nothing) }
    }

    /// Names that health checks and monitors ask for, where a 200 would say that something answers.
    private static let probes: Set<String> = [
        "health", "healthz", "healthy", "live", "livez", "ping", "ready", "readyz", "startupz",
        "status",
    ]

    /// The answer to a path that no client of Elasticsearch means as an index; nil when one may.
    private func refusal(_ request: HTTPRequest) -> HTTPResponse? {
        let name = request.pathParameters["index"] ?? ""
        guard others[name] == nil, !Self.probes.contains(name) else { return nothing(request) }
        guard let fault = IndexName.fault(of: name) else { return nil }
        return ElasticsearchWords.error(
            request,
            400,
            type: "invalid_index_name_exception",
            "Invalid index name [\(name)], \(fault)"
        )
    }

    /// There is nothing of this method: as the server itself says it, which these routes keep from being asked.
    @Sendable private func nothing(_ request: HTTPRequest) -> HTTPResponse {
        let methods = others[request.pathParameters["index"] ?? ""] ?? []
        var response: HTTPResponse
        if methods.isEmpty {
            response = HTTPResponse(
                status: 404,
                contentType: "text/plain; charset=utf-8",
                "404 Not Found: there is nothing at \(request.path)\n"
            )
        } else {
            let implied = methods.contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"]
            let allow = methods.union(implied).sorted().joined(separator: ", ")
            response = HTTPResponse(
                status: 405,
                contentType: "text/plain; charset=utf-8",
                "405 Method Not Allowed: \(request.method) is not allowed here; use one of \(allow)\n"
            )
            response.headers.append(("Allow", allow))
        }
        response.headers.append(ElasticsearchWords.product)
        return response
    }
}
