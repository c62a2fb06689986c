import Cryptography
import Testing
import WireFormats

@testable import EFKIngest

@Suite struct ForwardHandshakeTests {
    static let nonce = [UInt8](0..<16)
    static let handshake = ForwardHandshake(
        key: Array("secret".utf8),
        hostName: "tocsin",
        nonce: nonce
    )

    static func digest(_ salt: [UInt8], _ host: String, _ key: String) -> String {
        Hexadecimal.encode(Digest.sha512(salt + Array(host.utf8) + nonce + Array(key.utf8)))
    }

    /// `["PING", host, salt, digest, "", password digest]`, the salt as `str` or `bin`.
    static func ping(
        host: String = "web-1",
        salt: [UInt8],
        digest: String,
        asString: Bool = false,
        word: String = "PING"
    ) -> [UInt8] {
        Messages.bytes {
            $0.array(6)
            $0.string(word)
            $0.string(host)
            if asString { $0.string(bytes: salt) } else { $0.binary(salt) }
            $0.string(digest)
            $0.string("")
            $0.string(Hexadecimal.encode(Digest.sha512([])))
        }
    }

    @Test func heloOffersANonceAndNoUserLogin() {
        #expect(
            Self.handshake.helo
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
        #expect(Self.handshake.judge(bytes.span, 0..<bytes.count) == .accepted(reply: expected))
    }

    @Test func anythingElseIsRefused() {
        let salt: [UInt8] = [1, 2, 3]
        let right = Self.digest(salt, "web-1", "secret")
        for (bytes, reason) in [
            (
                Self.ping(salt: salt, digest: Self.digest(salt, "web-1", "other")),
                "shared key mismatch"
            ),
            (Self.ping(host: "web-2", salt: salt, digest: right), "shared key mismatch"),
            (Self.ping(salt: [1, 2], digest: right), "shared key mismatch"),
            (Self.ping(salt: salt, digest: ""), "shared key mismatch"),
            (Self.ping(salt: salt, digest: right, word: "PONG"), "the handshake begins with PING"),
            (Messages.message("t", 1, "a"), "the handshake begins with PING"),
            ([0xc0], "the handshake begins with PING"),
        ] {
            let reply = Messages.bytes {
                $0.array(5)
                $0.string("PONG")
                $0.bool(false)
                $0.string(reason)
                $0.string("")
                $0.string("")
            }
            #expect(
                Self.handshake.judge(bytes.span, 0..<bytes.count)
                    == .refused(reply: reply, reason: reason)
            )
        }
    }
}
