import Cryptography
import Testing

/// Digests and codes against the published vectors.
@Suite struct DigestTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var message: [UInt8]
        var sha256: String
        var sha512: String

        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "FIPS 180-4, the empty message",
            message: [],
            sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            sha512: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
        Case(
            name: "FIPS 180-4, abc",
            message: Array("abc".utf8),
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            sha512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        Case(
            name: "FIPS 180-4, a million times a",
            message: Array(repeating: 97, count: 1_000_000),
            sha256: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            sha512: "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
                + "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
        ),
    ]

    @Test(arguments: cases) func digestsEqualThePublishedOnes(_ one: Case) {
        #expect(Hexadecimal.encode(Digest.sha256(one.message)) == one.sha256)
        #expect(Hexadecimal.encode(Digest.sha512(one.message)) == one.sha512)
    }

    struct CodeCase: CustomTestStringConvertible, Sendable {
        var name: String
        var key: [UInt8]
        var message: [UInt8]
        var code: String

        var testDescription: String { name }
    }

    static let codes = [
        CodeCase(
            name: "RFC 4231 case 1",
            key: Array(repeating: 0x0b, count: 20),
            message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        CodeCase(
            name: "RFC 4231 case 2",
            key: Array("Jefe".utf8),
            message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        CodeCase(
            name: "RFC 4231 case 6, a key longer than a block",
            key: Array(repeating: 0xaa, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        CodeCase(
            name: "empty key and message",
            key: [],
            message: [],
            code: "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        ),
    ]

    @Test(arguments: codes) func codesEqualThePublishedOnes(_ one: CodeCase) {
        let code = MessageAuthentication.hmacSHA256(key: one.key, one.message)
        #expect(Hexadecimal.encode(code) == one.code)
    }
}
