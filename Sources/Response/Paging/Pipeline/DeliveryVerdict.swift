import HTTPClient
import Timekeeping

/// What an answer, or the lack of one, means for a page.
enum DeliveryVerdict: Hashable, Sendable {
    case delivered
    case retry(after: Duration?)
    /// The receiver will never take it as it is.
    case refused
}

/// Reads answers as all receivers mean them: 2xx is taken, 408, 425, 429 and 5xx may work later, the rest never.
enum AnswerReading {
    /// The meaning of an answer; the time turns a Retry-After date into a wait.
    static func verdict(_ reply: HTTPClientReply, now: Timestamp) -> DeliveryVerdict {
        switch reply.status {
        case 200..<300: .delivered
        case 408, 425, 429, 500..<600: .retry(after: retryAfter(reply, now: now))
        default: .refused
        }
    }

    static func verdict(_ error: HTTPClientError) -> DeliveryVerdict {
        switch error {
        case .invalidURL: .refused
        case .unreachable, .timeout, .replyTooLarge, .tls, .cancelled: .retry(after: nil)
        }
    }

    /// The answer in words: its status, and what its body begins with.
    static func words(_ reply: HTTPClientReply) -> String {
        var text = "answered \(reply.status)"
        if (300..<400).contains(reply.status), let location = reply.header("location") {
            text += " to \(location); redirects are not followed, use that address"
        }
        guard !(200..<300).contains(reply.status) else { return text }
        let body = String(decoding: reply.body.prefix(200), as: UTF8.self)
            .split { $0.isNewline || $0 == " " }.joined(separator: " ")
        return body.isEmpty ? text : text + ": \(body)"
    }

    /// Seconds or an HTTP date.
    private static func retryAfter(_ reply: HTTPClientReply, now: Timestamp) -> Duration? {
        guard let text = reply.header("retry-after") else { return nil }
        if let seconds = Int64(text), seconds >= 0 { return .seconds(min(seconds, 86400)) }
        guard let moment = HTTPDate.parse(text) else { return nil }
        return max(.zero, moment - now)
    }
}
