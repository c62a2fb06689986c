/// Splits a PromQL text into tokens, one at a time, with Prometheus's words for what it cannot read.
///
/// After an error token the lexer must not be asked again.
struct Lexer {
    private let bytes: [UInt8]
    private var position = 0
    private var start = 0
    /// Where the current line begins, for columns; kept for `start`.
    private var line = 1
    private var lineStart = 0
    /// How far `line` has been counted.
    private var counted = 0

    private var parenthesisDepth = 0
    private var braceIsOpen = false
    private var bracketIsOpen = false
    /// True from `[` to the first number: the stricter words of a duration expression.
    private var awaitsDuration = false
    private var sawColon = false

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The next token; comments and blanks are skipped.
    mutating func next() -> Token {
        skipBlanksAndComments()
        start = position
        if braceIsOpen { return insideBraces() }
        if bracketIsOpen && awaitsDuration { return insideBrackets() }
        return statement()
    }

    // MARK: Modes

    private mutating func statement() -> Token {
        guard let byte = take() else {
            if parenthesisDepth != 0 { return failure("unclosed left parenthesis") }
            if bracketIsOpen { return failure("unclosed left bracket") }
            return token(.endOfInput)
        }
        switch byte {
        case UInt8(ascii: ","): return token(.comma)
        case UInt8(ascii: "*"): return token(.operation(.multiply))
        case UInt8(ascii: "/"): return token(.operation(.divide))
        case UInt8(ascii: "%"): return token(.operation(.modulo))
        case UInt8(ascii: "+"): return token(.operation(.add))
        case UInt8(ascii: "-"): return token(.operation(.subtract))
        case UInt8(ascii: "^"): return token(.operation(.power))
        case UInt8(ascii: "@"): return token(.at)
        case UInt8(ascii: "="):
            if accept("=") { return token(.operation(.equal)) }
            if peek() == UInt8(ascii: "~") {
                return failure("unexpected character after '=': '~'")
            }
            return token(.equal)
        case UInt8(ascii: "!"):
            if accept("=") { return token(.operation(.notEqual)) }
            return failure("unexpected character after '!': \(quotedNext())")
        case UInt8(ascii: "<"):
            if accept("/") { return token(.operation(.trimUpper)) }
            return token(.operation(accept("=") ? .lessOrEqual : .less))
        case UInt8(ascii: ">"):
            if accept("/") { return token(.operation(.trimLower)) }
            return token(.operation(accept("=") ? .greaterOrEqual : .greater))
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return string(quote: byte)
        case UInt8(ascii: "`"): return rawString()
        case UInt8(ascii: "("): return leftParenthesis()
        case UInt8(ascii: ")"): return rightParenthesis()
        case UInt8(ascii: "{"):
            braceIsOpen = true
            return token(.leftBrace)
        case UInt8(ascii: "["):
            if bracketIsOpen { return failure("unexpected left bracket '['") }
            bracketIsOpen = true
            awaitsDuration = true
            sawColon = false
            return token(.leftBracket)
        case UInt8(ascii: "]"):
            if !bracketIsOpen { return failure("unexpected right bracket ']'") }
            bracketIsOpen = false
            return token(.rightBracket)
        default: break
        }
        if byte.isDigit || (byte == UInt8(ascii: ".") && peek()?.isDigit == true) {
            position -= 1
            return numberOrDuration()
        }
        if byte.isLetter || byte == UInt8(ascii: ":") {
            return bracketIsOpen ? wordInBrackets(byte) : word()
        }
        return failure("unexpected character: \(quotedTaken())")
    }

    private mutating func insideBraces() -> Token {
        guard let byte = take() else { return failure("unexpected end of input inside braces") }
        switch byte {
        case UInt8(ascii: ","): return token(.comma)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return string(quote: byte)
        case UInt8(ascii: "`"): return rawString()
        case UInt8(ascii: "="): return token(accept("~") ? .matchesRegex : .equal)
        case UInt8(ascii: "!"):
            if accept("~") { return token(.doesNotMatchRegex) }
            if accept("=") { return token(.operation(.notEqual)) }
            return failure("unexpected character after '!' inside braces: \(quotedNext())")
        case UInt8(ascii: "{"): return failure("unexpected left brace '{'")
        case UInt8(ascii: "}"):
            braceIsOpen = false
            return token(.rightBrace)
        case _ where byte.isLetter:
            while let next = peek(), next.isWord { position += 1 }
            return token(.identifier)
        default: return failure("unexpected character inside braces: \(quotedTaken())")
        }
    }

    private mutating func insideBrackets() -> Token {
        guard let byte = take() else {
            return failure("unexpected end of input in duration expression")
        }
        switch byte {
        case UInt8(ascii: "]"):
            bracketIsOpen = false
            return token(.rightBracket)
        case UInt8(ascii: ":"):
            start = position
            return failure("unexpected colon before duration in duration expression")
        case UInt8(ascii: "("): return leftParenthesis()
        case UInt8(ascii: ")"): return rightParenthesis()
        case UInt8(ascii: "+"): return token(.operation(.add))
        case UInt8(ascii: "-"): return token(.operation(.subtract))
        case UInt8(ascii: "*"): return token(.operation(.multiply))
        case UInt8(ascii: "/"): return token(.operation(.divide))
        case UInt8(ascii: "%"): return token(.operation(.modulo))
        case UInt8(ascii: "^"): return token(.operation(.power))
        case UInt8(ascii: ","): return token(.comma)
        case _ where byte.isDigit || (byte == UInt8(ascii: ".") && peek()?.isDigit == true):
            position -= 1
            awaitsDuration = false
            return numberOrDuration()
        default:
            if byte.isLetter, let keyword = durationKeyword() {
                awaitsDuration = false
                return token(keyword)
            }
            return failure("unexpected character in duration expression: \(quotedTaken())")
        }
    }

    /// A colon or a word between brackets, after the first number.
    private mutating func wordInBrackets(_ byte: UInt8) -> Token {
        if byte == UInt8(ascii: ":") {
            if sawColon { return failure("unexpected colon ':'") }
            sawColon = true
            return token(.colon)
        }
        if let keyword = durationKeyword() { return token(keyword) }
        return failure("unexpected character: \(quotedTaken()), expected ':'")
    }

    // MARK: Tokens

    private mutating func leftParenthesis() -> Token {
        parenthesisDepth += 1
        return token(.leftParen)
    }

    private mutating func rightParenthesis() -> Token {
        parenthesisDepth -= 1
        if parenthesisDepth < 0 {
            // Prometheus has passed the parenthesis when it complains.
            start = position
            return failure("unexpected right parenthesis ')'")
        }
        return token(.rightParen)
    }

    /// The words that duration expressions know; leaves the position where it was when there is none.
    private mutating func durationKeyword() -> TokenKind? {
        let before = position
        while let next = peek(), next.isLetter { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
        switch word {
        case "step": return .keyword(.step)
        case "range": return .keyword(.range)
        case "min_of", "min": return .keyword(.minOf)
        case "max_of", "max": return .keyword(.maxOf)
        default:
            position = before
            return nil
        }
    }

    private mutating func word() -> Token {
        while let next = peek(), next.isWord || next == UInt8(ascii: ":") { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let lowered = text.lowercased()
        if lowered == "inf" || lowered == "nan" { return token(.number) }
        if let operation = BinaryOperation(rawValue: lowered) {
            return token(.operation(operation))
        }
        if let aggregator = AggregationOperation(rawValue: lowered) {
            return token(.aggregator(aggregator))
        }
        if let keyword = Keyword(rawValue: lowered) {
            switch keyword {
            case .fill, .fillLeft, .fillRight:
                // Words of a newer Prometheus: metrics may carry these names already.
                if !parenthesisFollows() { return token(.identifier) }
            default: break
            }
            return token(.keyword(keyword))
        }
        return token(text.utf8.contains(UInt8(ascii: ":")) ? .metricIdentifier : .identifier)
    }

    private func parenthesisFollows() -> Bool {
        bytes[position...].first { !$0.isBlank } == UInt8(ascii: "(")
    }

    private mutating func string(quote: UInt8) -> Token {
        while true {
            guard let byte = take(), byte != UInt8(ascii: "\n") else {
                return failure("unterminated quoted string")
            }
            if byte == quote { return token(.string) }
            if byte == UInt8(ascii: "\\"), let problem = escape(quote: quote) {
                return failure(problem)
            }
        }
    }

    private mutating func rawString() -> Token {
        while let byte = take() {
            if byte == UInt8(ascii: "`") { return token(.string) }
        }
        return failure("unterminated raw string")
    }

    /// Checks an escape sequence after its backslash; the message when it is none.
    private mutating func escape(quote: UInt8) -> String? {
        guard let byte = take() else { return "escape sequence not terminated" }
        let (count, base, largest): (Int, UInt32, UInt32)
        switch byte {
        case _ where byte == quote: return nil
        case UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"), UInt8(ascii: "v"), UInt8(ascii: "\\"):
            return nil
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            position -= 1
            (count, base, largest) = (3, 8, 255)
        case UInt8(ascii: "x"): (count, base, largest) = (2, 16, 255)
        case UInt8(ascii: "u"): (count, base, largest) = (4, 16, 0x10ffff)
        case UInt8(ascii: "U"): (count, base, largest) = (8, 16, 0x10ffff)
        default:
            position -= 1
            guard let scalar = scalarAtPosition() else { return "invalid UTF-8 rune" }
            return "unknown escape sequence \(GoQuoting.codePoint(scalar))"
        }
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = peek() else { return "escape sequence not terminated" }
            guard let number = digit.hexadecimalValue, number < base else {
                guard let scalar = scalarAtPosition() else { return "invalid UTF-8 rune" }
                return "illegal character \(GoQuoting.codePoint(scalar)) in escape sequence"
            }
            value = value &* base &+ number
            position += 1
        }
        if value > largest || (0xd800..<0xe000).contains(value) {
            return "escape sequence is an invalid Unicode code point"
        }
        return nil
    }

    // MARK: Numbers

    private mutating func numberOrDuration() -> Token {
        if scanNumber() { return token(.number) }
        if scanRestOfDuration() { return token(.duration) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        return failure("bad number or duration syntax: \(GoQuoting.quoted(text))")
    }

    /// Scans what looks like a number; whether it is one is for the parser to say.
    private mutating func scanNumber() -> Bool {
        var isHexadecimal = false
        if accept("0") {
            if accept("x") || accept("X") {
                accept("_")
                isHexadecimal = true
            }
        }
        func isDigit(_ byte: UInt8) -> Bool {
            isHexadecimal ? byte.hexadecimalValue != nil : byte.isDigit
        }
        func endsBadly(_ byte: UInt8?, beyond others: String) -> Bool {
            guard let byte else { return true }
            return others.utf8.contains(byte)
        }
        var sawDot = accept(".")
        var sawExponent = false
        while let byte = peek() {
            if isDigit(byte) {
                position += 1
            } else if byte == UInt8(ascii: ".") {
                position += 1
                if sawDot || isHexadecimal { return false }
                sawDot = true
                if let next = peek(), next == UInt8(ascii: "_") || next == UInt8(ascii: ".") {
                    position += 1
                    return false
                }
            } else if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
                position += 1
                if sawExponent { return false }
                sawExponent = true
                if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
                if endsBadly(peek(), beyond: "._eE") {
                    if peek() != nil { position += 1 }
                    return false
                }
            } else if byte == UInt8(ascii: "_") {
                position += 1
                if endsBadly(peek(), beyond: "._eE") {
                    if peek() != nil { position += 1 }
                    return false
                }
            } else {
                break
            }
        }
        guard position > start else { return false }
        return peek()?.isWord != true
    }

    /// Scans the rest of a duration whose first number has been scanned.
    private mutating func scanRestOfDuration() -> Bool {
        func acceptAny(_ letters: String, _ lexer: inout Lexer) -> Bool {
            guard let byte = lexer.peek(), letters.utf8.contains(byte) else { return false }
            lexer.position += 1
            return true
        }
        guard acceptAny("smhdwy", &self) else { return false }
        // The second letter of ms. Wrong units such as hs are found when the duration is read.
        accept("s")
        while peek()?.isDigit == true {
            while peek()?.isDigit == true { position += 1 }
            guard acceptAny("smhdw", &self) else { return false }
            accept("s")
        }
        guard let next = peek(), next.isWord else { return true }
        position += 1
        return false
    }

    // MARK: Bytes

    private mutating func skipBlanksAndComments() {
        while let byte = peek() {
            if byte.isBlank {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                while let inner = peek(), inner != UInt8(ascii: "\n"), inner != UInt8(ascii: "\r") {
                    position += 1
                }
            } else {
                return
            }
        }
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    @discardableResult
    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private func scalarAtPosition() -> Unicode.Scalar? { scalar(at: position) }

    private func scalar(at offset: Int) -> Unicode.Scalar? {
        guard offset < bytes.count else { return nil }
        return String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self)
            .unicodeScalars.first
    }

    /// The character of which the first byte was taken, quoted as Go quotes it.
    private func quotedTaken() -> String { scalar(at: start).map(GoQuoting.quoted) ?? "EOF" }

    /// The character to come, quoted; the end of the text counts as Go's rune -1.
    private func quotedNext() -> String { scalarAtPosition().map(GoQuoting.quoted) ?? "'�'" }

    private mutating func token(_ kind: TokenKind) -> Token {
        Token(
            kind: kind,
            text: String(decoding: bytes[start..<position], as: UTF8.self),
            span: span()
        )
    }

    private mutating func failure(_ message: String) -> Token {
        Token(kind: .error, text: message, span: span())
    }

    private mutating func span() -> SourceSpan {
        while counted < start {
            if bytes[counted] == UInt8(ascii: "\n") {
                line += 1
                lineStart = counted + 1
            }
            counted += 1
        }
        return SourceSpan(start: start, end: position, line: line, column: start - lineStart + 1)
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 32 || self == 9 || self == 10 || self == 13 }
    fileprivate var isDigit: Bool { self >= 48 && self <= 57 }
    /// Letters and the underscore.
    fileprivate var isLetter: Bool {
        (self >= 97 && self <= 122) || (self >= 65 && self <= 90) || self == 95
    }
    fileprivate var isWord: Bool { isLetter || isDigit }

    fileprivate var hexadecimalValue: UInt32? {
        switch self {
        case 48...57: UInt32(self) - 48
        case 97...102: UInt32(self) - 87
        case 65...70: UInt32(self) - 55
        default: nil
        }
    }
}
