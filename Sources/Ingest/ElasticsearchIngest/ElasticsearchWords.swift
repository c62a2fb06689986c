package import HTTPServer
import Telemetry
import Timekeeping

/// What makes an answer Elasticsearch's in the eyes of its clients.
package enum ElasticsearchWords {
    /// The official clients refuse every answer, errors too, that does not bear this.
    static let product = (name: "X-Elastic-Product", value: "Elasticsearch")

    /// The media type of JSON answers: the vendor's own to those who ask for it, plain JSON to others.
    static func mediaType(_ request: HTTPRequest) -> String {
        let accept = (request.header("accept") ?? "").lowercased()
        guard accept.contains("application/vnd.elasticsearch+json") else {
            return "application/json"
        }
        for version in ["7", "8", "9"] where accept.contains("compatible-with=\(version)") {
            return "application/vnd.elasticsearch+json;compatible-with=\(version)"
        }
        return "application/vnd.elasticsearch+json"
    }

    static func json(_ request: HTTPRequest, _ body: [UInt8], status: Int = 200) -> HTTPResponse {
        var response = HTTPResponse(status: status, contentType: mediaType(request), body)
        response.headers.append(product)
        return response
    }

    /// An error that no repetition mends.
    static func error(
        _ request: HTTPRequest,
        _ status: Int,
        type: String,
        _ reason: String
    ) -> HTTPResponse {
        let cause = "{\"type\":\(JSONText.quoted(type)),\"reason\":\(JSONText.quoted(reason))}"
        let body =
            "{\"error\":{\"root_cause\":[\(cause)]," + cause.dropFirst() + ",\"status\":\(status)}"
        return json(request, Array(body.utf8), status: status)
    }

    /// An answer that all clients take for "come again with the same", also those that would drop a batch at a
    /// JSON error: 429 with plain text.
    static func comeAgain(_ reason: String, retryAfter: Duration) -> HTTPResponse {
        let seconds = max(1, Int(retryAfter.inSeconds.rounded(.up)))
        return HTTPResponse(
            status: 429,
            headers: [
                ("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "\(seconds)"),
                product,
            ],
            body: Array((reason + "\n").utf8)
        )
    }

    /// What the server itself answers (too long, too slow, too busy, no such path) as these clients need it.
    ///
    /// - Parameters:
    ///   - request: What was asked.
    ///   - response: The server's own answer.
    /// - Returns: The product header on all that an Elasticsearch client may have asked; bulk requests that are
    ///   turned away for now are told so as `comeAgain` does, those that are too long in JSON.
    package static func serverAnswer(
        _ request: HTTPRequest,
        _ response: HTTPResponse
    ) -> HTTPResponse {
        guard isTheirs(request.path) else { return response }
        let text = String(decoding: response.body, as: UTF8.self)
        if isBulk(request.path) {
            switch response.status {
            case 503: return comeAgain(text, retryAfter: .seconds(1))
            case 413: return error(request, 413, type: "content_too_long_exception", text)
            default: break
            }
        }
        var marked = response
        marked.headers.append(product)
        return marked
    }

    private static func isBulk(_ path: String) -> Bool { path.hasSuffix("/_bulk") }

    private static func isTheirs(_ path: String) -> Bool {
        path == "/" || path.hasPrefix("/_") || isBulk(path)
    }
}
