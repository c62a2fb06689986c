import Compression

/// Compresses answers for clients that ask for it (RFC 9110 section 12.5.3).
struct ContentCoding: Sendable {
    /// Whether the client takes gzip.
    let acceptsGzip: Bool
    private let bytesMin: Int

    init(acceptEncoding: String?, bytesMin: Int) {
        acceptsGzip = ContentCoding.acceptsGzip(acceptEncoding ?? "")
        self.bytesMin = bytesMin
    }

    private static func acceptsGzip(_ header: String) -> Bool {
        var wildcard = false
        for offer in header.split(separator: ",") {
            let parts = offer.split(separator: ";").map { part in
                String(part.filter { $0 != " " && $0 != "\t" }).lowercased()
            }
            guard let coding = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
            let wanted = weight.map { (Double($0.dropFirst(2)) ?? 0) > 0 } ?? true
            if coding == "gzip" || coding == "x-gzip" { return wanted }
            if coding == "*" { wildcard = wanted }
        }
        return wildcard
    }

    /// The response as it goes out: compressed when that pays, marked as varying when it might have been.
    func applied(to response: HTTPResponse) -> HTTPResponse {
        guard response.body.count >= bytesMin, ContentCoding.isText(response),
            response.status != 206
        else { return response }
        var coded = response
        coded.headers.append(("Vary", "Accept-Encoding"))
        guard acceptsGzip else { return coded }
        do {
            let body = try Gzip.compress(response.body.span)
            guard body.count < response.body.count else { return coded }
            coded.body = body
            coded.headers.append(("Content-Encoding", "gzip"))
        } catch {
            // Only memory can fail here; the plain body says the same.
            return coded
        }
        return coded
    }

    private static func isText(_ response: HTTPResponse) -> Bool {
        var type = ""
        for (name, value) in response.headers {
            switch name.lowercased() {
            case "content-encoding": return false
            case "content-type": type = value.prefix { $0 != ";" }.lowercased()
            default: continue
            }
        }
        return type.hasPrefix("text/") || type.hasSuffix("+json") || type.hasSuffix("+xml")
            || [
                "application/json", "application/openmetrics-text", "application/javascript",
                "application/yaml", "application/xml", "application/x-ndjson",
            ].contains(type)
    }
}
