/// A request to send.
package struct HTTPClientRequest: Sendable {
    package var method: String
    /// Absolute, http or https.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// For the whole exchange, connecting included.
    package var timeout: Duration
    /// Bytes of reply body that are read; a longer reply is an error.
    package var replyMax: Int
    /// How the connection differs from the client's usual ones; nil: in nothing.
    package var connection: HTTPConnectionOptions?

    package init(
        method: String = "GET",
        url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(10),
        replyMax: Int = 32 << 20,
        connection: HTTPConnectionOptions? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.replyMax = replyMax
        self.connection = connection
    }
}

/// A reply, whatever its status.
package struct HTTPClientReply: Sendable {
    package var status: Int
    /// Names in lower case.
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

    /// The first value of a header; give the name in lower case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// Why there is no reply.
///
/// Messages name the host, never a secret.
package enum HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The request cannot be sent as it is, whatever the network does.
    ///
    /// The text is the address without what may be secret in it, or a sentence about what else is wrong.
    case invalidURL(String)
    case unreachable(host: String, reason: String)
    case timeout(host: String, after: Duration)
    case replyTooLarge(host: String, limit: Int)
    case tls(host: String, reason: String)
    case cancelled

    package var description: String {
        switch self {
        case .invalidURL(let sentence) where sentence.contains(" "):
            "the request was not sent: \(sentence)"
        case .invalidURL(let url): "invalid address \"\(url)\"; give http:// or https://"
        case .unreachable(let host, let reason): "cannot reach \(host): \(reason)"
        case .timeout(let host, let after): "no answer from \(host) within \(after)"
        case .replyTooLarge(let host, let limit):
            "the answer of \(host) is longer than \(limit) bytes"
        case .tls(let host, let reason): "TLS with \(host) failed: \(reason)"
        case .cancelled: "cancelled"
        }
    }

    /// What is wrong with a request whose address is fine.
    static func invalidRequest(_ origin: HTTPOrigin, _ reason: String) -> HTTPClientError {
        .invalidURL("\(origin): \(reason)")
    }
}

/// Sends a request and awaits the reply; the outside world of the control plane.
package protocol HTTPSending: Sendable {
    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply
}
