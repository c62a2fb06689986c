import APIModel
import FoundationEssentials
import HTTPClient

/// Asks a Tocsin server, and turns every failure into words with a next step.
struct APIClient {
    let server: String
    let http: any HTTPSending
    var timeout: Duration = .seconds(10)

    /// The document at a path.
    func get<Document: Decodable>(
        _ path: String,
        _ type: Document.Type = Document.self
    ) async throws(CommandFailure) -> Document {
        try decode(try await send("GET", path), path)
    }

    /// The whole reply at a path, headers and all.
    func reply(_ path: String) async throws(CommandFailure) -> HTTPClientReply {
        try await exchange("GET", path, [], "")
    }

    /// The bytes at a path.
    func text(_ path: String) async throws(CommandFailure) -> String {
        String(decoding: try await send("GET", path), as: UTF8.self)
    }

    /// Sends a JSON body and gives the reply's document.
    func post<Document: Decodable>(
        _ path: String,
        _ body: some Encodable,
        _ type: Document.Type = Document.self
    ) async throws(CommandFailure) -> Document {
        let bytes: Data
        do {
            bytes = try APIJSON.encode(body)
        } catch {
            throw CommandFailure(code: .failed, message: "cannot write the request: \(error)")
        }
        return try decode(try await send("POST", path, Array(bytes)), path)
    }

    /// Sends a form and gives the reply's bytes.
    func postForm(
        _ path: String,
        _ form: [(name: String, value: String)]
    ) async throws(CommandFailure) -> [UInt8] {
        let text = form.map { "\($0.name)=\(APIClient.escaped($0.value))" }.joined(separator: "&")
        return try await send("POST", path, Array(text.utf8), "application/x-www-form-urlencoded")
    }

    /// A reply's document.
    func decode<Document: Decodable>(
        _ bytes: [UInt8],
        _ path: String,
        _ type: Document.Type = Document.self
    ) throws(CommandFailure) -> Document {
        do {
            return try APIJSON.decode(Document.self, from: Data(bytes))
        } catch {
            throw CommandFailure(
                code: .failed,
                message: "\(server)\(path) did not answer as a Tocsin of this version does; "
                    + "check the address, and that server and sloctl are of one version"
            )
        }
    }

    private func send(
        _ method: String,
        _ path: String,
        _ body: [UInt8] = [],
        _ contentType: String = "application/json"
    ) async throws(CommandFailure) -> [UInt8] {
        try await exchange(method, path, body, contentType).body
    }

    private func exchange(
        _ method: String,
        _ path: String,
        _ body: [UInt8],
        _ contentType: String
    ) async throws(CommandFailure) -> HTTPClientReply {
        var headers = [(name: "Accept", value: "application/json")]
        if !body.isEmpty { headers.append(("Content-Type", contentType)) }
        let reply: HTTPClientReply
        do {
            reply = try await http.send(
                HTTPClientRequest(
                    method: method,
                    url: server + path,
                    headers: headers,
                    body: body,
                    timeout: timeout
                )
            )
        } catch {
            throw CommandFailure(
                code: .unreachable,
                message: "\(error)\nIs Tocsin running there? Give its address with --server or "
                    + "TOCSIN_URL (now \(server))."
            )
        }
        guard (200..<300).contains(reply.status) else { throw failure(reply, path) }
        return reply
    }

    private func failure(_ reply: HTTPClientReply, _ path: String) -> CommandFailure {
        let detail = APIClient.detail(reply)
        switch reply.status {
        case 401, 403: return CommandFailure(code: .notAllowed, message: detail)
        case 400, 404, 409, 422: return CommandFailure(code: .usage, message: detail)
        default:
            return CommandFailure(
                code: .failed,
                message: "\(server)\(path): \(detail); see the log of tocsin"
            )
        }
    }

    /// What the server says is wrong, in either of its forms: a problem document, or Prometheus's envelope.
    private static func detail(_ reply: HTTPClientReply) -> String {
        let data = Data(reply.body)
        if let envelope = try? APIJSON.decode(PrometheusReply<String>.self, from: data),
            let error = envelope.error
        {
            return error
        }
        let problem = try? APIJSON.decode(ProblemDocument.self, from: data)
        return problem?.detail ?? problem?.title ?? "status \(reply.status)"
    }

    /// A path segment with what is not allowed there encoded.
    static func escaped(_ segment: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var text = ""
        for byte in segment.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return text
    }
}
