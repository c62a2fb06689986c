import Cryptography
import WireFormats

/// The server's side of the shared-key handshake.
///
/// `HELO` goes out first; the client's `PING` proves that it knows the key, our `PONG` that we do. Text may be
/// raw bytes: Fluent Bit's salt is not UTF-8 and still a `str`.
///
/// - Source: Forward Protocol Specification v1; fluentd `in_forward.rb`.
struct ForwardHandshake: Sendable {
    enum Verdict: Hashable, Sendable {
        case accepted(reply: [UInt8])
        case refused(reply: [UInt8], reason: String)
    }

    private let key: [UInt8]
    private let hostName: [UInt8]
    private let nonce: [UInt8]

    init(key: [UInt8], hostName: String, nonce: [UInt8]) {
        self.key = key
        self.hostName = Array(hostName.utf8)
        self.nonce = nonce
    }

    /// `["HELO", {nonce, auth, keepalive}]`; `auth` is empty since there are no users.
    var helo: [UInt8] {
        var writer = MessagePackWriter()
        writer.array(2)
        writer.string("HELO")
        writer.map(3)
        writer.string("nonce")
        writer.binary(nonce)
        writer.string("auth")
        writer.string("")
        writer.string("keepalive")
        writer.bool(true)
        return writer.bytes
    }

    /// Judges the client's `["PING", hostname, salt, digest, user, password digest]`.
    func judge(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Verdict {
        var reader = MessagePackReader(bytes, in: range)
        guard case .array(6)? = try? reader.next(), let word = text(&reader, bytes),
            word == Array("PING".utf8), let client = text(&reader, bytes),
            let salt = text(&reader, bytes), let digest = text(&reader, bytes)
        else { return refuse("the handshake begins with PING") }
        let expected = self.digest(salt, client)
        guard ConstantTime.areEqual(digest, Array(expected.utf8)) else {
            return refuse("shared key mismatch")
        }
        var writer = MessagePackWriter()
        writer.array(5)
        writer.string("PONG")
        writer.bool(true)
        writer.string("")
        writer.string(bytes: hostName)
        writer.string(self.digest(salt, hostName))
        return .accepted(reply: writer.bytes)
    }

    private func digest(_ salt: [UInt8], _ host: [UInt8]) -> String {
        Hexadecimal.encode(Digest.sha512(salt + host + nonce + key))
    }

    private func text(_ reader: inout MessagePackReader, _ bytes: Span<UInt8>) -> [UInt8]? {
        switch try? reader.next() {
        case .string(let range)?, .binary(let range)?: WireText.copy(bytes, range)
        default: nil
        }
    }

    private func refuse(_ reason: String) -> Verdict {
        var writer = MessagePackWriter()
        writer.array(5)
        writer.string("PONG")
        writer.bool(false)
        writer.string(reason)
        writer.string("")
        writer.string("")
        return .refused(reply: writer.bytes, reason: reason)
    }
}
