import Timekeeping

extension PromQLParser {
    /// A number, or a duration that stands for its seconds; anything else is unexpected.
    mutating func numberOrDuration() throws(PromQLSyntaxError) -> NumberLiteral {
        let token = current
        switch token.kind {
        case .number:
            advance()
            return NumberLiteral(value: try PromQLParser.number(token), span: token.span)
        case .duration:
            advance()
            return NumberLiteral(
                value: try PromQLParser.duration(token),
                isDuration: true,
                span: token.span
            )
        default: throw unexpected()
        }
    }

    /// Reads a number as Go does: `1`, `1.5e3`, `0x1F`, `017` (octal), `1_000`, `Inf`, `NaN`.
    private static func number(_ token: Token) throws(PromQLSyntaxError) -> Double {
        let text = token.text.lowercased()
        if text == "inf" { return .infinity }
        if text == "nan" { return .nan }
        let digits = text.replacing("_", with: "")
        if digits.hasPrefix("0x") {
            if let value = Int64(digits.dropFirst(2), radix: 16) { return Double(value) }
        } else if digits.hasPrefix("0"), let value = Int64(digits, radix: 8) {
            return Double(value)
        } else if let value = Int64(digits) {
            return Double(value)
        } else if let value = Double(digits) {
            if value.isFinite { return value }
            throw invalid(token, "value out of range")
        }
        throw invalid(token, "invalid syntax")
    }

    private static func invalid(_ token: Token, _ reason: String) -> PromQLSyntaxError {
        PromQLSyntaxError(
            span: token.span,
            message: "error parsing number: strconv.ParseFloat: parsing "
                + "\(GoQuoting.quoted(token.text)): \(reason)"
        )
    }

    private static func duration(_ token: Token) throws(PromQLSyntaxError) -> Double {
        if let duration = Duration(prometheus: token.text) {
            return Double(duration.milliseconds) / 1000
        }
        let units = ["y", "w", "d", "h", "m", "s", "ms"]
        let words = token.text.split { $0.isNumber }
        if let unknown = words.first(where: { !units.contains(String($0)) }) {
            throw PromQLSyntaxError(
                span: token.span,
                message: "unknown unit \(GoQuoting.quoted(String(unknown))) in duration "
                    + GoQuoting.quoted(token.text)
            )
        }
        let positions = words.compactMap { units.firstIndex(of: String($0)) }
        let isOrdered = zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }
        throw PromQLSyntaxError(
            span: token.span,
            message: isOrdered
                ? "duration out of range"
                : "not a valid duration string: \(GoQuoting.quoted(token.text))"
        )
    }

    /// The text of a string token: quotes off, escapes resolved.
    func unquoted(_ token: Token) throws(PromQLSyntaxError) -> String {
        let bytes = Array(token.text.utf8.dropFirst().dropLast())
        if token.text.utf8.first == UInt8(ascii: "`") || !bytes.contains(UInt8(ascii: "\\")) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        // The lexer has checked that every escape is complete.
        func value(_ count: Int, radix: Int) -> UInt32 {
            let digits = bytes[index..<min(index + count, bytes.count)]
            index += count
            return UInt32(String(decoding: digits, as: UTF8.self), radix: radix) ?? 0
        }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < bytes.count else {
                result.append(byte)
                continue
            }
            let escape = bytes[index]
            index += 1
            switch escape {
            case UInt8(ascii: "a"): result.append(7)
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "v"): result.append(11)
            case UInt8(ascii: "x"): result.append(UInt8(truncatingIfNeeded: value(2, radix: 16)))
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                index -= 1
                result.append(UInt8(truncatingIfNeeded: value(3, radix: 8)))
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                let scalar = value(escape == UInt8(ascii: "u") ? 4 : 8, radix: 16)
                if let scalar = Unicode.Scalar(scalar) {
                    result.append(contentsOf: Array(String(Character(scalar)).utf8))
                }
            default: result.append(escape)
            }
        }
        guard let text = String(validating: result, as: UTF8.self) else {
            throw PromQLSyntaxError(
                span: token.span,
                message: "string \(token.text) is not valid UTF-8; "
                    + "write characters as \\u or \\U escapes"
            )
        }
        return text
    }
}
