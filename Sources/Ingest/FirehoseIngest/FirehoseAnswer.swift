import HTTPServer
import Telemetry
import Timekeeping

/// Answers in the words of Firehose's HTTP endpoint: anything else it takes for a failure.
///
/// - Source: Data Firehose developer guide, "HTTP endpoint delivery request and response specifications".
enum FirehoseAnswer {
    /// Bytes of an id that is given back; Firehose's are 36.
    static let requestIDMax = 256
    /// Bytes of an error's text: far under Firehose's limit, and so short that the answer is never compressed.
    static let messageMax = 600

    static func success(_ requestID: String, at now: Timestamp) -> HTTPResponse {
        response(200, requestID, nil, at: now)
    }

    static func failure(
        _ status: Int,
        _ requestID: String,
        _ message: String,
        at now: Timestamp
    ) -> HTTPResponse {
        response(status, requestID, message, at: now)
    }

    private static func response(
        _ status: Int,
        _ requestID: String,
        _ message: String?,
        at now: Timestamp
    ) -> HTTPResponse {
        var text = "{\"requestId\":\(JSONText.quoted(cut(requestID, requestIDMax)))"
        text += ",\"timestamp\":\(now.milliseconds)"
        if let message {
            text += ",\"errorMessage\":\(JSONText.quoted(cut(message, messageMax)))"
        }
        return HTTPResponse(status: status, contentType: "application/json", text + "}")
    }

    /// As many characters as fit into some bytes.
    private static func cut(_ text: String, _ bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var kept = String(text.prefix(bytesMax))
        while kept.utf8.count > bytesMax - 3 { kept.removeLast() }
        return kept + "..."
    }
}
