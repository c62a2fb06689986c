import Buffers
import Cryptography
import FoundationEssentials
import HTTPServer
import Timekeeping

/// Stands for the phone of whoever is on call: checks each message's signature and prints it.
struct DemoPager: Sendable {
    let secretFile: String
    let clock: any WallClock
    let print: @Sendable (String) -> Void

    var route: HTTPRoute { HTTPRoute("POST", "/page", .blocking(receive)) }

    @Sendable private func receive(_ request: HTTPRequest) -> HTTPResponse {
        guard let reason = refusal(request) else {
            print(DemoPager.text(request))
            return HTTPResponse(status: 204)
        }
        print("pager: a message was refused: \(reason)\n")
        return HTTPResponse(status: 401, contentType: "text/plain", "\(reason)\n")
    }

    /// Why the signature does not hold (Standard Webhooks); nil when it does.
    private func refusal(_ request: HTTPRequest) -> String? {
        guard let id = request.header("webhook-id"),
            let stamp = request.header("webhook-timestamp"), let seconds = Int64(stamp),
            let signatures = request.header("webhook-signature")
        else { return "its webhook-id, -timestamp or -signature is missing" }
        guard abs(clock.now().milliseconds / 1000 - seconds) <= 300 else {
            return "its timestamp is more than five minutes away"
        }
        guard let secret = try? WholeFile.text(at: secretFile) else {
            return "the pager's secret file \(secretFile) cannot be read"
        }
        let text = secret.trimmed
        guard let key = Base64.decode(String(text.dropFirst("whsec_".count))) else {
            return "the pager's secret file \(secretFile) holds no whsec_ secret"
        }
        let signed = Array("\(id).\(stamp).".utf8) + request.body
        let expected =
            "v1,"
            + Base64.encode(MessageAuthentication.hmacSHA256(key: key, signed))
        let holds = signatures.split(separator: " ")
            .contains { ConstantTime.areEqual(String($0), expected) }
        return holds ? nil : "its signature is wrong"
    }

    /// The part of the message that matters to a reader.
    private struct Message: Decodable {
        var id: String
        var type: String
        var title: String
        var text: String
    }

    /// The message as it is printed: a rule, the title, the text.
    static func text(_ request: HTTPRequest) -> String {
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(request.body))
        else {
            return "pager: a signed message that is no Tocsin page, \(request.body.count) bytes\n"
        }
        let kind = message.type.split(separator: ".").last.map(String.init) ?? message.type
        let rule = String(repeating: "─", count: 78)
        // The text begins with the title, which stands above it already.
        let body = message.text.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 == message.title }.map { "│ \($0)" }.joined(separator: "\n")
        return """
            ┌\(rule)
            │ PAGER  \(kind.uppercased())  \(message.title)
            \(body)
            │ message \(message.id), signature good
            └\(rule)

            """
    }
}
