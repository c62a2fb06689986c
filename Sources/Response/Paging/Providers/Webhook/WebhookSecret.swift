import Cryptography

/// The keys that a webhook's messages are signed with, as Standard Webhooks has them.
///
/// One key a line, `whsec_` and base64 of 24 to 64 bytes. While a key is replaced, both lines stand there and
/// messages bear both signatures.
package struct WebhookSecret: Sendable, CustomStringConvertible {
    private let keys: [[UInt8]]

    private static let prefix = "whsec_"
    private static let keyBytes = 24...64
    private static let keysMax = 5

    /// Reads the text of a secret's file.
    package init(text: String, path: String) throws(SecretFailure) {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard lines.count <= WebhookSecret.keysMax else {
            throw SecretFailure(
                path: path,
                reason: "has \(lines.count) keys (limit \(WebhookSecret.keysMax)); remove old ones"
            )
        }
        var keys: [[UInt8]] = []
        for (index, line) in lines.enumerated() {
            let trimmed = line.split(separator: " ").joined()
            let encoded =
                trimmed.hasPrefix(WebhookSecret.prefix)
                ? String(trimmed.dropFirst(WebhookSecret.prefix.count)) : trimmed
            guard let key = Base64.decode(encoded), WebhookSecret.keyBytes.contains(key.count)
            else {
                throw SecretFailure(
                    path: path,
                    reason:
                        "line \(index + 1) is no webhook secret; write whsec_ and base64 of 24 to "
                        + "64 random bytes: echo whsec_$(openssl rand -base64 32)"
                )
            }
            keys.append(key)
        }
        self.keys = keys
    }

    /// Keeps the keys out of logs.
    package var description: String { "WebhookSecret(\(keys.count) keys)" }

    /// The text of a new secret with 32 random bytes.
    package static func make(using random: inout some RandomNumberGenerator) -> String {
        prefix + Base64.encode(RandomBytes.make(32, using: &random))
    }

    /// The signature header: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one for each key.
    ///
    /// - Parameters:
    ///   - id: The message's, the same on every try.
    ///   - seconds: Unix time of this try.
    ///   - body: The bytes that are sent.
    /// - Returns: The value of `webhook-signature`.
    package func signature(id: String, seconds: Int64, body: [UInt8]) -> String {
        let signed = Array("\(id).\(seconds).".utf8) + body
        return keys.map { key in
            "v1," + Base64.encode(MessageAuthentication.hmacSHA256(key: key, signed))
        }.joined(separator: " ")
    }
}
