import Cryptography
import TestSupport
import Testing

/// Base64, hexadecimal, comparison and random bytes.
@Suite struct TextEncodingTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]) func base64OfRFC4648(plain: String, text: String) {
        #expect(Base64.encode(plain.utf8) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm9v====", "Zm 9v", "Zm9\n", "Zh==", "Zm9=", "Zm-v",
        "Zm_v", "=Zg=", "Z", "Zm9vZ", "é===",
    ]) func wrongBase64IsRefused(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func urlSafeTextHasItsOwnAlphabetAndNoPadding() {
        #expect(Base64.encode([0xfb, 0xff, 0xfe, 0x01], .urlSafe) == "-__-AQ")
        #expect(Base64.encode([0xfb, 0xff, 0xfe, 0x01]) == "+//+AQ==")
        #expect(Base64.decode("-__-AQ", .urlSafe) == [0xfb, 0xff, 0xfe, 0x01])
        #expect(Base64.decode("-__-AQ==", .urlSafe) == [0xfb, 0xff, 0xfe, 0x01])
        #expect(Base64.decode("+//+AQ", .urlSafe) == nil)
        #expect(Base64.decode("-__-A", .urlSafe) == nil)
    }

    @Test func encodingThenDecodingIsIdentity() {
        var generator = SeededGenerator(seed: 7)
        for count in 0..<200 {
            let bytes = RandomBytes.make(count, using: &generator)
            #expect(bytes.count == count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, .urlSafe), .urlSafe) == bytes)
            #expect(Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes)
        }
    }

    @Test func hexadecimalReadsBothCasesAndRefusesTheRest() {
        #expect(Hexadecimal.encode([0, 15, 255]) == "000fff")
        #expect(Hexadecimal.decode("00fF") == [0, 255])
        #expect(Hexadecimal.decode("0") == nil)
        #expect(Hexadecimal.decode("0g") == nil)
        #expect(Hexadecimal.decode(" 00") == nil)
    }

    @Test func equalBytesCompareEqualWhateverTheirLength() {
        #expect(ConstantTime.areEqual([], []))
        #expect(ConstantTime.areEqual("secret", "secret"))
        #expect(!ConstantTime.areEqual("secret", "secreT"))
        #expect(!ConstantTime.areEqual("secret", "secret "))
        #expect(!ConstantTime.areEqual("é", "e\u{301}"))
    }

    @Test func randomBytesFollowTheirSource() {
        var first = SeededGenerator(seed: 1)
        var second: any RandomNumberGenerator = SeededGenerator(seed: 1)
        #expect(RandomBytes.make(20, using: &first) == RandomBytes.make(20, using: &second))
        #expect(first.next() == second.next())
        #expect(RandomBytes.secure(32) != RandomBytes.secure(32))
        #expect(RandomBytes.secure(13).count == 13)
    }
}
