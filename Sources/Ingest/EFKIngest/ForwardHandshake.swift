import Cryptography
import WireFormats

/// The server's side of the handshake: shared key and, where there are users, a login.
///
/// `HELO` goes out first, with a nonce of this connection's own, so that a recorded `PING` is worth nothing on
/// another; the client's `PING` proves that it knows key and password, our `PONG` that we know the key. Text may
/// be raw bytes: Fluent Bit's salt is not UTF-8 and still a `str`.
///
/// - Source: Forward Protocol Specification v1; fluentd `in_forward.rb`.
package struct ForwardHandshake: Sendable {
    /// Why a client is refused; the name is the cause that is counted.
    package enum Refusal: String, Sendable {
        case notPing = "handshake"
        case source = "source_denied"
        case key = "shared_key"
        case login = "user"

        /// What the client is told, as fluentd words it.
        package var reason: String {
            switch self {
            case .notPing: "the handshake begins with PING"
            case .source: "anonymous source host is denied"
            case .key: "shared key mismatch"
            case .login: "username/password mismatch"
            }
        }

        /// How to mend it.
        package var remedy: String {
            switch self {
            case .notPing: "give the sender the shared key"
            case .source:
                "add its network to sources.forward.clients or set allow_anonymous_source"
            case .key: "compare the sender's shared_key with sources.forward.shared_key_file"
            case .login: "compare the sender's username and password with sources.forward.users"
            }
        }
    }

    /// What becomes of a client, and what it is answered.
    package enum Verdict: Hashable, Sendable {
        case accepted(reply: [UInt8])
        case refused(reply: [UInt8], Refusal)
    }

    /// What a client must know.
    package struct Demand: Sendable {
        package var key: [UInt8]
        /// Passwords by user name, both as bytes; nil: no login.
        package var passwords: [[UInt8]: [UInt8]]?

        package init(key: [UInt8], passwords: [[UInt8]: [UInt8]]?) {
            self.key = key
            self.passwords = passwords
        }
    }

    private let demand: Demand?
    private let hostName: [UInt8]
    private let nonce: [UInt8]
    /// The salt of the login; empty without users.
    private let auth: [UInt8]
    private let keepsAlive: Bool

    /// A handshake for one connection.
    ///
    /// - Parameters:
    ///   - demand: What the client must know; nil refuses it whatever it knows.
    ///   - hostName: What it is told that we are called.
    ///   - nonce: 16 random bytes of this connection alone.
    ///   - authSalt: The same, for the login.
    ///   - keepsAlive: Whether it may send one message after another.
    package init(
        demand: Demand?,
        hostName: String,
        nonce: [UInt8],
        authSalt: [UInt8],
        keepsAlive: Bool
    ) {
        self.demand = demand
        self.hostName = Array(hostName.utf8)
        self.nonce = nonce
        self.keepsAlive = keepsAlive
        auth = demand?.passwords == nil ? [] : authSalt
    }

    /// `["HELO", {nonce, auth, keepalive}]`; `auth` is empty when there are no users.
    package var helo: [UInt8] {
        var writer = MessagePackWriter()
        writer.array(2)
        writer.string("HELO")
        writer.map(3)
        writer.string("nonce")
        writer.binary(nonce)
        writer.string("auth")
        if auth.isEmpty { writer.string("") } else { writer.binary(auth) }
        writer.string("keepalive")
        writer.bool(keepsAlive)
        return writer.bytes
    }

    /// Judges the client's `["PING", hostname, salt, digest, user, password digest]`.
    package func judge(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Verdict {
        var reader = MessagePackReader(bytes, in: range)
        guard case .array(6)? = try? reader.next(), let word = text(&reader, bytes),
            word == Array("PING".utf8), let client = text(&reader, bytes),
            let salt = text(&reader, bytes), let digest = text(&reader, bytes),
            let user = text(&reader, bytes), let login = text(&reader, bytes)
        else { return refuse(.notPing) }
        guard let demand else { return refuse(.source) }
        let expected = Array(proof(salt, client, demand.key).utf8)
        guard ConstantTime.areEqual(digest, expected) else { return refuse(.key) }
        if let passwords = demand.passwords, !isRight(login, user, passwords) {
            return refuse(.login)
        }
        var writer = MessagePackWriter()
        writer.array(5)
        writer.string("PONG")
        writer.bool(true)
        writer.string("")
        writer.string(bytes: hostName)
        writer.string(proof(salt, hostName, demand.key))
        return .accepted(reply: writer.bytes)
    }

    /// An unknown user costs as much time as a wrong password.
    private func isRight(
        _ login: [UInt8],
        _ user: [UInt8],
        _ passwords: [[UInt8]: [UInt8]]
    ) -> Bool {
        let password = passwords[user]
        let expected = Hexadecimal.encode(Digest.sha512(auth + user + (password ?? nonce)))
        return ConstantTime.areEqual(login, Array(expected.utf8)) && password != nil
    }

    private func proof(_ salt: [UInt8], _ host: [UInt8], _ key: [UInt8]) -> String {
        Hexadecimal.encode(Digest.sha512(salt + host + nonce + key))
    }

    private func text(_ reader: inout MessagePackReader, _ bytes: Span<UInt8>) -> [UInt8]? {
        switch try? reader.next() {
        case .string(let range)?, .binary(let range)?: WireText.copy(bytes, range)
        default: nil
        }
    }

    private func refuse(_ refusal: Refusal) -> Verdict {
        var writer = MessagePackWriter()
        writer.array(5)
        writer.string("PONG")
        writer.bool(false)
        writer.string(refusal.reason)
        writer.string("")
        writer.string("")
        return .refused(reply: writer.bytes, refusal)
    }
}
