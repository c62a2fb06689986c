import Cryptography
import Testing
import WireFormats

@testable import EFKIngest

@Suite struct ForwardHandshakeTests {
    static let nonce = [UInt8](0..<16)
    static let authSalt = [UInt8](100..<116)

    static func handshake(
        key: String? = "secret",
        users: [String: String]? = nil,
        nonce: [UInt8] = nonce,
        keepsAlive: Bool = true
    ) -> ForwardHandshake {
        let passwords = users.map { users in
            Dictionary(uniqueKeysWithValues: users.map { (Array($0.utf8), Array($1.utf8)) })
        }
        return ForwardHandshake(
            demand: key.map { ForwardAccess.Demand(key: Array($0.utf8), passwords: passwords) },
            hostName: "tocsin",
            nonce: nonce,
            authSalt: authSalt,
            keepsAlive: keepsAlive
        )
    }

    static func digest(_ salt: [UInt8], _ host: String, _ key: String) -> String {
        Hexadecimal.encode(Digest.sha512(salt + Array(host.utf8) + nonce + Array(key.utf8)))
    }

    /// `["PING", host, salt, digest, "", password digest]`, the salt as `str` or `bin`.
    static func ping(
        host: String = "web-1",
        salt: [UInt8],
        digest: String,
        asString: Bool = false,
        word: String = "PING",
        user: String = "",
        login: String = Hexadecimal.encode(Digest.sha512([]))
    ) -> [UInt8] {
        Messages.bytes {
            $0.array(6)
            $0.string(word)
            $0.string(host)
            if asString { $0.string(bytes: salt) } else { $0.binary(salt) }
            $0.string(digest)
            $0.string(user)
            $0.string(login)
        }
    }

    @Test func heloOffersANonceAndNoUserLogin() {
        #expect(
            Self.handshake().helo
                == Messages.bytes {
                    $0.array(2)
                    $0.string("HELO")
                    $0.map(3)
                    $0.string("nonce")
                    $0.binary(Self.nonce)
                    $0.string("auth")
                    $0.string("")
                    $0.string("keepalive")
                    $0.bool(true)
                }
        )
    }

    @Test(arguments: [true, false])
    func theRightKeyIsAnsweredWithItsProof(asString: Bool) {
        // Sixteen raw bytes that are no UTF-8, as Fluent Bit sends them.
        let salt = [UInt8](240...255)
        let bytes = Self.ping(
            salt: salt,
            digest: Self.digest(salt, "web-1", "secret"),
            asString: asString
        )
        let expected = Messages.bytes {
            $0.array(5)
            $0.string("PONG")
            $0.bool(true)
            $0.string("")
            $0.string("tocsin")
            $0.string(Self.digest(salt, "tocsin", "secret"))
        }
        #expect(Self.handshake().judge(bytes.span, 0..<bytes.count) == .accepted(reply: expected))
    }

    static func refusal(_ refusal: ForwardHandshake.Refusal) -> ForwardHandshake.Verdict {
        .refused(
            reply: Messages.bytes {
                $0.array(5)
                $0.string("PONG")
                $0.bool(false)
                $0.string(refusal.reason)
                $0.string("")
                $0.string("")
            },
            refusal
        )
    }

    @Test func anythingElseIsRefused() {
        let salt: [UInt8] = [1, 2, 3]
        let right = Self.digest(salt, "web-1", "secret")
        for (bytes, refusal) in [
            (
                Self.ping(salt: salt, digest: Self.digest(salt, "web-1", "other")),
                ForwardHandshake.Refusal.key
            ),
            (Self.ping(host: "web-2", salt: salt, digest: right), .key),
            (Self.ping(salt: [1, 2], digest: right), .key),
            (Self.ping(salt: salt, digest: ""), .key),
            (Self.ping(salt: salt, digest: right, word: "PONG"), .notPing),
            (Messages.message("t", 1, "a"), .notPing),
            ([0xc0], .notPing),
        ] {
            #expect(
                Self.handshake().judge(bytes.span, 0..<bytes.count) == Self.refusal(refusal)
            )
        }
    }

    @Test func aRecordedHandshakeIsWorthNothingOnAnotherConnection() {
        let salt: [UInt8] = [1, 2, 3]
        let recorded = Self.ping(salt: salt, digest: Self.digest(salt, "web-1", "secret"))
        let other = Self.handshake(nonce: [UInt8](1...16))
        #expect(other.judge(recorded.span, 0..<recorded.count) == Self.refusal(.key))
    }

    @Test func usersLogIn() {
        let users = ["web": "pass", "db": "word"]
        let handshake = Self.handshake(users: users)
        var reader = MessagePackReader(handshake.helo.span)
        var tokens: [MessagePackToken] = []
        while let token = try? reader.next() { tokens.append(token) }
        guard case .binary(let range) = tokens[6] else {
            Issue.record("no salt for the login in HELO")
            return
        }
        #expect(Array(handshake.helo[range]) == Self.authSalt)
        let salt: [UInt8] = [1, 2, 3]
        let right = Self.digest(salt, "web-1", "secret")
        func judged(_ user: String, _ password: String, _ auth: [UInt8] = Self.authSalt) -> Bool {
            let login = Hexadecimal.encode(
                Digest.sha512(auth + Array(user.utf8) + Array(password.utf8))
            )
            let bytes = Self.ping(salt: salt, digest: right, user: user, login: login)
            let verdict = handshake.judge(bytes.span, 0..<bytes.count)
            if verdict == Self.refusal(.login) { return false }
            guard case .accepted = verdict else {
                Issue.record("\(verdict)")
                return false
            }
            return true
        }
        #expect(judged("web", "pass"))
        #expect(judged("db", "word"))
        #expect(!judged("web", "word"))
        #expect(!judged("nobody", "pass"))
        #expect(!judged("", ""))
        // A login that was recorded belongs to another salt.
        #expect(!judged("web", "pass", [UInt8](1...16)))
        // The key comes first: without it nothing is told of users.
        let wrong = Self.ping(salt: salt, digest: "00", user: "web", login: "00")
        #expect(handshake.judge(wrong.span, 0..<wrong.count) == Self.refusal(.key))
    }

    @Test func aSourceThatMayNotComeIsToldSo() {
        let salt: [UInt8] = [1, 2, 3]
        let bytes = Self.ping(salt: salt, digest: Self.digest(salt, "web-1", "secret"))
        #expect(
            Self.handshake(key: nil).judge(bytes.span, 0..<bytes.count) == Self.refusal(.source)
        )
    }

    @Test func heloSaysWhenConnectionsAreNotKept() {
        let bytes = Self.handshake(keepsAlive: false).helo
        #expect(bytes.last == 0xc2)
        #expect(Self.handshake().helo.last == 0xc3)
    }
}
