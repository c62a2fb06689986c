/// Turns a response into bytes, with the framing that the server alone decides.
enum HTTPResponseWriter {
    /// What the exchange says about the answer's form.
    struct Form {
        var isHead: Bool
        var isHTTP10: Bool
        var keepAlive: Bool
        var date: String
    }

    /// Headers that follow from the connection and the body; a handler's own are left out.
    private static let owned: Set<String> = [
        "content-length", "transfer-encoding", "connection", "keep-alive", "date",
    ]

    /// The bytes before the body; nil when a header would break the framing.
    static func head(_ response: HTTPResponse, _ form: Form) -> [UInt8]? {
        guard 200...599 ~= response.status else { return nil }
        var text = "HTTP/1.1 \(response.status) \(HTTPStatus.reason(response.status))\r\n"
        text += "Date: \(form.date)\r\n"
        for (name, value) in response.headers where !owned.contains(name.lowercased()) {
            guard !name.isEmpty, name.utf8.allSatisfy(HTTPCharacters.isToken),
                value.utf8.allSatisfy(HTTPCharacters.isFieldValue)
            else { return nil }
            text += "\(name): \(value)\r\n"
        }
        if hasBody(response.status) { text += "Content-Length: \(response.body.count)\r\n" }
        if !form.keepAlive {
            text += "Connection: close\r\n"
        } else if form.isHTTP10 {
            text += "Connection: keep-alive\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    /// The body to send after `head`; empty for HEAD and for statuses that have none.
    static func body(_ response: HTTPResponse, _ form: Form) -> [UInt8] {
        form.isHead || !hasBody(response.status) ? [] : response.body
    }

    private static func hasBody(_ status: Int) -> Bool { status != 204 && status != 304 }
}
