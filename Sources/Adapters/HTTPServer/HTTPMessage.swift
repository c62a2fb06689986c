/// A request as the server read it: valid by RFC 9112, within the limits, the body whole.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Percent-decoded, begins with `/`, no query.
    package var path: String
    /// Percent-decoded name and value pairs of the query, in order.
    package var query: [(name: String, value: String)]
    /// Names in lower case, values trimmed, in order.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The peer's address and port as text.
    package var remote: String
    /// The pattern of the route that matched, such as `/v1/incidents/{id}/ack`; empty when none did.
    package var route = ""
    /// What the pattern's `{name}` segments took, percent-decoded; a final `*` is under `*`.
    package var pathParameters: [String: String] = [:]

    package init(
        method: String,
        path: String,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        remote: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remote = remote
    }

    /// The first value of a header; give the name in lower case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// The pairs of the query and then those of a form body (`application/x-www-form-urlencoded`).
    ///
    /// Nil when the body is malformed. Clients of the Prometheus API send long queries this way.
    package var parameters: [(name: String, value: String)]? {
        let type = header("content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/x-www-form-urlencoded" else { return query }
        return PercentDecoding.form(body[...]).map { query + $0 }
    }

    /// The first value of a query parameter.
    package func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}

/// What a handler answers.
///
/// The server adds Content-Length, Date and, when asked for and worth it, gzip.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        status: Int,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(status: Int, contentType: String, _ text: String) {
        self.init(status: status, contentType: contentType, Array(text.utf8))
    }

    package init(status: Int, contentType: String, _ body: [UInt8]) {
        self.init(status: status, headers: [("Content-Type", contentType)], body: body)
    }
}

/// Where a handler runs.
package enum HTTPHandler: Sendable {
    /// On the loop's own thread: must not block nor take long, nor answer much, since the answer is
    /// compressed there too. For ingest.
    case inline(@Sendable (HTTPRequest) -> HTTPResponse)
    /// On a worker thread, where it may block on the store. For queries.
    case blocking(@Sendable (HTTPRequest) -> HTTPResponse)
    /// As a task, for handlers that ask actors.
    case async(@Sendable (HTTPRequest) async -> HTTPResponse)
}

/// One method and path that the server answers.
package struct HTTPRoute: Sendable {
    package var method: String
    /// Segments; `{name}` takes one segment, a final `*` the rest: `/v1/incidents/{id}/ack`.
    package var pattern: String
    /// Body bytes that are accepted after Content-Encoding is left as it came; over it 413 names the limit.
    package var bodyMax: Int
    /// How to mend a body over the limit, such as the setting that raises it; empty for nothing to say.
    package var bodyAdvice: String
    package var handler: HTTPHandler

    package init(
        _ method: String,
        _ pattern: String,
        bodyMax: Int = 1 << 20,
        bodyAdvice: String = "",
        _ handler: HTTPHandler
    ) {
        self.method = method
        self.pattern = pattern
        self.bodyMax = bodyMax
        self.bodyAdvice = bodyAdvice
        self.handler = handler
    }
}
