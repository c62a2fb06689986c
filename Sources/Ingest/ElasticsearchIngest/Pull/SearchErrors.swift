package import HTTPClient
import Timekeeping
import WireFormats

/// What went wrong, from a reply that is no success, in words that say how to mend it.
package enum SearchErrors {
    /// The type that tells of a point in time that is gone.
    static let pointLost = "search_context_missing_exception"

    struct Reason {
        var type: String
        var text: String
    }

    /// The innermost reason that says something.
    static func reason(_ value: JSONValue?) -> Reason? {
        guard var current = value else { return nil }
        for _ in 0..<8 {
            guard let inner = current["caused_by"], inner["reason"]?.string != nil else {
                break
            }
            current = inner
        }
        if let text = current.string { return Reason(type: "", text: shortened(text)) }
        guard let type = current["type"]?.string ?? current["reason"]?.string else { return nil }
        return Reason(type: type, text: shortened(current["reason"]?.string ?? type))
    }

    private static func shortened(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.utf8.count <= 300 ? line : String(line.prefix(300)) + "..."
    }

    /// The point in time is gone.
    static func lost(_ text: String) -> PullProblem {
        PullProblem(
            .pointLost,
            cause: "point_lost",
            "the point in time is gone: \(text); raise keep_alive when this goes on"
        )
    }

    /// Why a request brought nothing.
    ///
    /// - Parameters:
    ///   - reply: Not of status 200.
    ///   - settings: Of the source.
    ///   - action: What was asked, in words.
    /// - Returns: What is to be done about it, in words that hold no secret.
    package static func problem(
        _ reply: HTTPClientReply,
        _ settings: PullSettings,
        _ action: String
    ) -> PullProblem {
        let body = try? JSONValue(reply.body.span, depthMax: 32, repairing: true)
        let error = body?["error"]
        let causes = (error?["root_cause"]?.elements ?? []).compactMap { reason($0) }
        let failures = (error?["failed_shards"]?.elements ?? []).compactMap { reason($0["reason"]) }
        let own = reason(error)
        let types = Set((causes + failures).map(\.type) + [error?["type"]?.string ?? ""])
        let page = String(decoding: reply.body.prefix(200), as: UTF8.self)
        let text =
            failures.first?.text ?? causes.first?.text ?? own?.text
            ?? body?["message"]?.string ?? body?["Message"]?.string ?? shortened(page)
        let what = "\(action) was answered \(reply.status): \(text)"
        if types.contains(pointLost) { return lost(text) }
        switch reply.status {
        case 401:
            return PullProblem(.permanent, cause: "unauthorized", "\(what); \(mend401(settings))")
        case 403:
            return PullProblem(.permanent, cause: "forbidden", "\(what); \(mend403(settings))")
        case 404 where types.contains("index_not_found_exception"):
            return PullProblem(
                .permanent,
                cause: "index_missing",
                "\(what); no index fits \"\(settings.index)\": check index in sources.elasticsearch"
            )
        case 429, 503:
            return PullProblem(
                .busy(retryAfter: retryAfter(reply)),
                cause: "busy",
                "\(what); the cluster has too much to do, it is asked again later"
            )
        case 500, 502, 504:
            return PullProblem(.unreachable, cause: "server_error", "\(what); it is tried again")
        default: break
        }
        if text.contains("No mapping found for") {
            return PullProblem(
                .permanent,
                cause: "unmapped_field",
                "\(what); in some index the field is not mapped: set time_field to a mapped date, or narrow "
                    + "index to those that have it"
            )
        }
        if text.contains("Fielddata access on the _id field is disallowed") {
            return PullProblem(
                .permanent,
                cause: "no_tie_break",
                "\(what); name a keyword field that no two documents share as tie_break"
            )
        }
        if reply.status == 400 || reply.status == 404 || reply.status == 405,
            action == "opening a point in time"
        {
            return PullProblem(
                .permanent,
                cause: "no_point_in_time",
                "\(what); points in time need Elasticsearch 7.10 or OpenSearch 2.4 at least: check url, and "
                    + "product in sources.elasticsearch"
            )
        }
        return PullProblem(
            .permanent,
            cause: "refused",
            "\(what); check query, index and time_field in sources.elasticsearch"
        )
    }

    private static func mend401(_ settings: PullSettings) -> String {
        switch settings.authentication {
        case .none: "the cluster wants a user: set auth"
        case .basic(let user, let file):
            "check user \"\(user)\" and the password in \(file)"
        case .apiKey(let file): "check that the API key in \(file) is whole, valid and not expired"
        case .bearer(let file): "check the token in \(file)"
        case .signed: "check the AWS credentials, region and service of auth.sigv4"
        }
    }

    private static func mend403(_ settings: PullSettings) -> String {
        switch settings.authentication {
        case .none: "the cluster wants a user: set auth"
        case .basic, .apiKey, .bearer:
            "give the user or key the privilege \"read\" on \(settings.index) (OpenSearch: also "
                + "indices:data/read/point_in_time/create and delete)"
        case .signed(let signing):
            signing.service == .aoss
                ? "let the role in by the collection's data access policy (aoss:ReadDocument, "
                    + "aoss:DescribeIndex) and its IAM policy (aoss:APIAccessAll)"
                : "let the role in by IAM (es:ESHttpPost, es:ESHttpGet, es:ESHttpDelete) and by the domain's "
                    + "access policy and role mapping; check region and the clock"
        }
    }

    /// Seconds or a date.
    private static func retryAfter(_ reply: HTTPClientReply) -> Duration? {
        guard let text = reply.header("retry-after") else { return nil }
        if let seconds = Int64(text), seconds >= 0 { return .seconds(min(seconds, 3600)) }
        guard let date = HTTPDate.parse(text),
            let now = reply.header("date").flatMap({ HTTPDate.parse($0) })
        else { return nil }
        return max(.zero, min(date - now, .seconds(3600)))
    }
}
