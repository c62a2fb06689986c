/// Base64 text (RFC 4648 section 4, padded) and its URL-safe form (section 5).
package enum Base64 {
    /// Which 64 characters are used.
    package enum Alphabet: Sendable {
        /// `+` and `/`, padded with `=`.
        case standard
        /// `-` and `_`, written without padding and read with or without it.
        case urlSafe
    }

    private static let standardCharacters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let urlSafeCharacters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// `bytes` as base64 text.
    package static func encode(
        _ bytes: some Sequence<UInt8>,
        _ alphabet: Alphabet = .standard
    )
        -> String
    {
        let characters = alphabet == .standard ? standardCharacters : urlSafeCharacters
        let input = Array(bytes)
        var text: [UInt8] = []
        text.reserveCapacity((input.count + 2) / 3 * 4)
        var index = 0
        while index < input.count {
            let taken = min(3, input.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < taken ? UInt32(input[index + offset]) : 0)
            }
            for position in 0..<4 {
                if position <= taken {
                    text.append(characters[Int(group >> (18 - 6 * position) & 63)])
                } else if alphabet == .standard {
                    text.append(UInt8(ascii: "="))
                }
            }
            index += taken
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of base64 text; nil when a character, the padding or the unused bits are wrong.
    ///
    /// Strict: no white space, no missing padding (except in the URL-safe form), unused bits zero.
    package static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var input = Array(text.utf8)
        let padding = input.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        if padding > 0 || alphabet == .standard {
            guard input.count % 4 == 0 else { return nil }
        }
        input.removeLast(padding)
        guard input.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(input.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for character in input {
            guard let value = value(of: character, alphabet) else { return nil }
            group = group << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        guard group & ((1 << UInt32(bits)) - 1) == 0 else { return nil }
        return bytes
    }

    private static func value(of character: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "/") where alphabet == .standard: 63
        case UInt8(ascii: "-") where alphabet == .urlSafe: 62
        case UInt8(ascii: "_") where alphabet == .urlSafe: 63
        default: nil
        }
    }
}
