/// What names of labels and metrics are made of in the classic formats.
package enum LabelText {
    /// True for `[a-zA-Z_][a-zA-Z0-9_]*`.
    package static func isName(_ text: String) -> Bool { isName(text, allowsColon: false) }

    /// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    package static func isMetricName(_ text: String) -> Bool { isName(text, allowsColon: true) }

    private static func isName(_ text: String, allowsColon: Bool) -> Bool {
        guard let first = text.utf8.first, first < 0x30 || first > 0x39 else { return false }
        return text.utf8.allSatisfy { isNameByte($0) || allowsColon && $0 == 0x3a }
    }

    /// True for a letter, a digit or an underscore.
    @inlinable
    package static func isNameByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5f
    }
}
