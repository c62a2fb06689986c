/// Go's quoted forms, which Prometheus uses in error texts and in printed expressions.
package enum GoQuoting {
    /// Go's `strconv.Quote`: double quotes, escapes for what is not printable.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars { append(scalar, quote: "\"", to: &result) }
        return result + "\""
    }

    /// Go's `%q` of a rune: single quotes.
    package static func quoted(_ scalar: Unicode.Scalar) -> String {
        var result = "'"
        append(scalar, quote: "'", to: &result)
        return result + "'"
    }

    /// Go's `%#U` of a rune: `U+0063 'c'`.
    package static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let name = "U+" + hexadecimal(scalar.value, width: 4).uppercased()
        return isPrintable(scalar) ? "\(name) '\(Character(scalar))'" : name
    }

    /// RE2's reason for refusing a pattern (`missing ): (`) in the words of Go's parser.
    static func patternProblem(_ reason: String) -> String {
        for (ours, theirs) in patternProblems where reason.hasPrefix(ours) {
            let rest = reason.dropFirst(ours.count)
            if rest.isEmpty { return "\(theirs): ``" }
            guard rest.hasPrefix(": ") else { continue }
            return "\(theirs): `\(rest.dropFirst(2))`"
        }
        return reason
    }

    private static let patternProblems = [
        ("no argument for repetition operator", "missing argument to repetition operator"),
        ("bad repetition operator", "invalid nested repetition operator"),
        ("invalid repetition size", "invalid repeat count"),
        ("invalid perl operator", "invalid or unsupported Perl syntax"),
        ("invalid character class range", "invalid character class range"),
        ("invalid character class", "invalid character class"),
        ("invalid escape sequence", "invalid escape sequence"),
        ("invalid named capture group", "invalid named capture"),
        ("invalid UTF-8", "invalid UTF-8"),
        ("missing ]", "missing closing ]"),
        ("missing )", "missing closing )"),
        ("unexpected )", "unexpected )"),
        ("trailing \\", "trailing backslash at end of expression"),
    ]

    private static func append(
        _ scalar: Unicode.Scalar,
        quote: Unicode.Scalar,
        to result: inout String
    ) {
        switch scalar {
        case quote, "\\":
            result += "\\"
            result.unicodeScalars.append(scalar)
        case "\u{07}": result += "\\a"
        case "\u{08}": result += "\\b"
        case "\u{0c}": result += "\\f"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{0b}": result += "\\v"
        case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
        case _ where scalar.value < 0x80: result += "\\x" + hexadecimal(scalar.value, width: 2)
        case _ where scalar.value < 0x10000: result += "\\u" + hexadecimal(scalar.value, width: 4)
        default: result += "\\U" + hexadecimal(scalar.value, width: 8)
        }
    }

    private static func hexadecimal(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator,
            .lineSeparator, .paragraphSeparator:
            return false
        default: return true
        }
    }
}
