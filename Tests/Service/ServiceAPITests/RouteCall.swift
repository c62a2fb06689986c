import HTTPServer
import Telemetry
import Testing

/// Requests made by hand and answered by the routes themselves, without a socket.
struct RouteCall {
    let routes: [HTTPRoute]

    /// Calls the route of a method and target.
    ///
    /// - Parameters:
    ///   - method: As on the request line.
    ///   - target: Path and query; nothing in it is percent-encoded.
    ///   - headers: Names in lower case.
    ///   - form: Pairs for a form body.
    ///   - body: A body of another kind.
    /// - Returns: What the route's handler answers.
    /// - Throws: When no route has that method and path.
    func answer(
        _ method: String,
        _ target: String,
        headers: [(name: String, value: String)] = [],
        form: String? = nil,
        body: String = ""
    ) async throws -> HTTPResponse {
        let parts = target.split(separator: "?", maxSplits: 1)
        let path = String(parts[0])
        var request = HTTPRequest(
            method: method,
            path: path,
            query: parts.count > 1 ? RouteCall.pairs(parts[1]) : [],
            headers: headers,
            body: Array(body.utf8)
        )
        if let form {
            request.headers.append(("content-type", "application/x-www-form-urlencoded"))
            request.body = Array(RouteCall.encoded(form).utf8)
        }
        let (route, parameters) = try #require(
            find(method, path),
            "no route for \(method) \(path)"
        )
        request.route = route.pattern
        request.pathParameters = parameters
        return switch route.handler {
        case .inline(let handle), .blocking(let handle): handle(request)
        case .async(let handle): await handle(request)
        }
    }

    private func find(_ method: String, _ path: String) -> (HTTPRoute, [String: String])? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        for route in routes where route.method == method {
            let pattern = route.pattern.split(separator: "/", omittingEmptySubsequences: false)
            guard pattern.count == segments.count else { continue }
            var parameters: [String: String] = [:]
            let matches = zip(pattern, segments).allSatisfy { expected, found in
                guard expected.hasPrefix("{") else { return expected == found }
                parameters[String(expected.dropFirst().dropLast())] = String(found)
                return true
            }
            if matches { return (route, parameters) }
        }
        return nil
    }

    private static func pairs(_ text: Substring) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    private static func encoded(_ form: String) -> String {
        form.utf8.reduce(into: "") { text, byte in
            let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~&="
            if plain.utf8.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                text += "%" + (hex.count < 2 ? "0" : "") + hex
            }
        }
    }
}

extension HTTPResponse {
    /// The body as text.
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// What a call of Prometheus's API should answer.
enum PrometheusAnswer: Sendable {
    /// 200 with this `data`, and warnings.
    case data(String, warnings: [String] = [])
    /// This status, error type and message.
    case failure(Int, String, String)

    /// Compares status, content type and every byte of the body.
    func expect(_ response: HTTPResponse, _ context: String) {
        let (status, body): (Int, String)
        switch self {
        case .data(let data, let warnings):
            let list = warnings.map { JSONText.quoted($0) }.joined(separator: ",")
            status = 200
            body =
                #"{"status":"success","data":\#(data)"#
                + (warnings.isEmpty ? "" : #","warnings":[\#(list)]"#) + "}"
        case .failure(let code, let type, let message):
            status = code
            body =
                #"{"status":"error","errorType":"\#(type)","error":\#(JSONText.quoted(message))}"#
        }
        #expect(response.status == status, "\(context)")
        #expect(response.header("Content-Type") == "application/json", "\(context)")
        #expect(response.text == body, "\(context)")
    }
}
