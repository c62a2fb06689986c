package import HTTPServer
import Model

/// The HTTP server's own answers (no such path, wrong method, body too long, too slow, too busy) in the words of the
/// API that was asked.
package enum OwnAnswers {
    /// Prometheus's envelope under `/api/v1`, a JSON string under `/api/v2` as Alertmanager's, problem JSON under
    /// `/v1`; elsewhere as it is.
    ///
    /// Status and headers stay. For `HTTPServer`'s `fallback`.
    @Sendable package static func inTheWordsOf(
        _ request: HTTPRequest,
        _ response: HTTPResponse
    ) -> HTTPResponse {
        guard response.status >= 400 else { return response }
        let text = message(response)
        var worded: HTTPResponse
        if isUnder("/api/v1", request.path) {
            worded = PrometheusReply.failure(
                PrometheusFailure(type: errorType(response.status), message: text),
                status: response.status
            )
        } else if isUnder("/api/v2", request.path) {
            var writer = JSONWriter()
            writer.string(text)
            worded = HTTPResponse(
                status: response.status,
                contentType: "application/json",
                writer.bytes
            )
        } else if isUnder("/v1", request.path) {
            worded = DocumentReply.problem(
                response.status,
                HTTPStatus.reason(response.status).lowercased(),
                text
            )
        } else {
            return response
        }
        worded.headers += response.headers.filter { $0.name.lowercased() != "content-type" }
        return worded
    }

    private static func isUnder(_ folder: String, _ path: String) -> Bool {
        path == folder || path.hasPrefix(folder + "/")
    }

    private static func errorType(_ status: Int) -> PrometheusErrorType {
        switch status {
        case 404: .notFound
        case 408: .timeout
        case 503: .unavailable
        case 500...: .internal
        default: .badData
        }
    }

    /// What the server says, without the status before it.
    private static func message(_ response: HTTPResponse) -> String {
        let text = String(decoding: response.body, as: UTF8.self)
        let start = "\(response.status) \(HTTPStatus.reason(response.status)): "
        let own = text.hasPrefix(start) ? text.dropFirst(start.count) : text[...]
        return String(own.hasSuffix("\n") ? own.dropLast() : own)
    }
}
