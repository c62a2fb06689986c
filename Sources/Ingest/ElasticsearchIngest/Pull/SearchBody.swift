import Timekeeping

/// Writes the bodies of requests to Elasticsearch and OpenSearch.
package enum SearchBody {
    /// A search of a point in time.
    ///
    /// - Parameters:
    ///   - request: What is asked.
    ///   - point: The point in time.
    ///   - tieBreak: The field that orders documents of one time.
    ///   - settings: Of the source.
    /// - Returns: JSON.
    package static func search(
        _ request: SearchRequest,
        point: String,
        tieBreak: String,
        _ settings: PullSettings
    ) -> String {
        let field = quoted(settings.timeField)
        var filters = [
            "{\"range\":{\(field):{\"gte\":\(request.from.milliseconds),"
                + "\"lt\":\(request.before.milliseconds),\"format\":\"epoch_millis\"}}}"
        ]
        if let ids = request.ids {
            let list = ids.map(quoted).joined(separator: ",")
            filters.append("{\"ids\":{\"values\":[\(list)]}}")
        }
        if let query = settings.query { filters.append(query) }
        var body =
            "{\"size\":\(request.size),\"track_total_hits\":false,\"query\":{\"bool\":{\"filter\":["
            + filters.joined(separator: ",") + "]}},\"sort\":[{\(field):{\"order\":\"asc\"}},"
            + "{\(quoted(tieBreak)):{\"order\":\"asc\"}}],\"pit\":{\"id\":\(quoted(point)),"
            + "\"keep_alive\":\"\(settings.keepAlive.milliseconds)ms\"}"
        if !request.withDocuments { body += ",\"_source\":false" }
        if let after = request.after { body += ",\"search_after\":\(after)" }
        return body + "}"
    }

    /// A text as JSON.
    package static func quoted(_ text: String) -> String {
        var made = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": made += "\\\""
            case "\\": made += "\\\\"
            case "\u{0}"..."\u{1f}":
                let code = String(scalar.value, radix: 16)
                made += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: made.unicodeScalars.append(scalar)
            }
        }
        return made + "\""
    }
}
