/// A piece of an action, between `{{` and `}}`.
enum TemplateToken: Hashable {
    case identifier(String)
    /// `$name`; `$` alone is the empty name.
    case variable(String)
    /// `.name`, directly after what it belongs to or on its own.
    case field(String, attached: Bool)
    case dot
    case string(String)
    case int(Int)
    case float(Double)
    case pipe
    case declare
    case assign
    case comma
    case open
    case close
}

/// A template cut into text and actions.
struct TemplateLexer {
    enum Piece {
        case text(String)
        case action([TemplateToken], line: Int)
    }

    private let characters: [Character]
    private var position = 0
    private var line = 1

    private init(_ text: String) {
        characters = Array(text)
    }

    /// Cuts `text` into its pieces; trim marks (`{{- `, ` -}}`) are applied, comments are gone.
    static func pieces(of text: String) throws(TemplateError) -> [Piece] {
        var lexer = TemplateLexer(text)
        return try lexer.run()
    }

    private mutating func run() throws(TemplateError) -> [Piece] {
        var pieces: [Piece] = []
        var trimsNext = false
        while position < characters.count {
            var text = ""
            while position < characters.count, !starts("{{") {
                text.append(take())
            }
            if trimsNext { text = String(text.drop(while: \.isTemplateSpace)) }
            trimsNext = false
            guard position < characters.count else {
                if !text.isEmpty { pieces.append(.text(text)) }
                break
            }
            position += 2
            if starts("-"), let next = peek(1), next.isTemplateSpace {
                position += 1
                while let last = text.last, last.isTemplateSpace { text.removeLast() }
            }
            if !text.isEmpty { pieces.append(.text(text)) }
            let start = line
            if skipsComment() {
                try skipComment()
            } else {
                pieces.append(.action(try action(), line: start))
            }
            trimsNext = try close()
        }
        return pieces
    }

    private mutating func take() -> Character {
        let character = characters[position]
        position += 1
        if character == "\n" || character == "\r\n" { line += 1 }
        return character
    }

    private func peek(_ ahead: Int = 0) -> Character? {
        position + ahead < characters.count ? characters[position + ahead] : nil
    }

    private func starts(_ text: String, at offset: Int = 0) -> Bool {
        for (index, character) in text.enumerated() where peek(offset + index) != character {
            return false
        }
        return true
    }

    private func failure(_ reason: String) -> TemplateError {
        TemplateError("line \(line): \(reason)")
    }

    private func skipsComment() -> Bool {
        var ahead = 0
        while peek(ahead)?.isTemplateSpace ?? false { ahead += 1 }
        return starts("/*", at: ahead)
    }

    private mutating func skipComment() throws(TemplateError) {
        while !starts("*/") {
            guard position < characters.count else { throw failure("unclosed comment") }
            _ = take()
        }
        position += 2
    }

    /// Takes `}}` or ` -}}`.
    ///
    /// - Returns: True when the following text is to be trimmed.
    private mutating func close() throws(TemplateError) -> Bool {
        while peek()?.isTemplateSpace ?? false { _ = take() }
        if starts("-}}") {
            position += 3
            return true
        }
        guard starts("}}") else { throw failure("unclosed action; end it with }}") }
        position += 2
        return false
    }

    private mutating func action() throws(TemplateError) -> [TemplateToken] {
        var tokens: [TemplateToken] = []
        var spaceBefore = true
        while let character = peek() {
            if starts("}}") || starts("-}}") { return tokens }
            if character.isTemplateSpace {
                _ = take()
                spaceBefore = true
                continue
            }
            tokens.append(try token(character, spaceBefore: spaceBefore))
            spaceBefore = false
        }
        throw failure("unclosed action; end it with }}")
    }

    private mutating func token(
        _ character: Character,
        spaceBefore: Bool
    ) throws(TemplateError) -> TemplateToken {
        switch character {
        case "|":
            position += 1
            return .pipe
        case "(":
            position += 1
            return .open
        case ")":
            position += 1
            return .close
        case ",":
            position += 1
            return .comma
        case ":" where starts(":="):
            position += 2
            return .declare
        case "=":
            position += 1
            return .assign
        case "\"": return .string(try quoted())
        case "`": return .string(try raw())
        case "'": return .int(try characterConstant())
        case "$":
            position += 1
            return .variable(word())
        case "." where !(peek(1)?.isASCIIDigit ?? false):
            position += 1
            let name = word()
            return name.isEmpty ? .dot : .field(name, attached: !spaceBefore)
        case _
        where character.isASCIIDigit || character == "." || character == "-" || character == "+":
            return try number()
        case _ where character.isLetter || character == "_": return .identifier(word())
        default: throw failure("unexpected \"\(character)\" in an action")
        }
    }

    private mutating func word() -> String {
        var text = ""
        while let character = peek(), character.isLetter || character.isNumber || character == "_" {
            text.append(take())
        }
        return text
    }

    private mutating func number() throws(TemplateError) -> TemplateToken {
        var text = String(take())
        while let character = peek(),
            character.isLetter || character.isNumber || character == "." || character == "_"
                || ((character == "+" || character == "-")
                    && (text.last == "e" || text.last == "E") && !text.lowercased().hasPrefix("0x"))
        {
            text.append(take())
        }
        let plain = text.replacing("_", with: "")
        if let value = Int(plain) { return .int(value) }
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)]
        where plain.lowercased().hasPrefix(prefix) {
            if let value = Int(plain.dropFirst(2), radix: radix) { return .int(value) }
        }
        guard let value = Double(plain), !plain.lowercased().contains("n") else {
            throw failure("bad number \"\(text)\"")
        }
        return .float(value)
    }

    private mutating func raw() throws(TemplateError) -> String {
        position += 1
        var text = ""
        while let character = peek() {
            _ = take()
            if character == "`" { return text }
            text.append(character)
        }
        throw failure("unterminated raw string")
    }

    private mutating func characterConstant() throws(TemplateError) -> Int {
        position += 1
        guard let character = peek(), character != "'" else {
            throw failure("bad character constant")
        }
        let value =
            character == "\\" ? try escape() : String(take())
        guard peek() == "'", let scalar = value.unicodeScalars.first else {
            throw failure("bad character constant")
        }
        position += 1
        return Int(scalar.value)
    }

    private mutating func quoted() throws(TemplateError) -> String {
        position += 1
        var text = ""
        while let character = peek(), character != "\n" {
            if character == "\"" {
                position += 1
                return text
            }
            text += character == "\\" ? try escape() : String(take())
        }
        throw failure("unterminated string")
    }

    private mutating func escape() throws(TemplateError) -> String {
        position += 1
        guard position < characters.count else { throw failure("unterminated string") }
        let character = take()
        switch character {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "a": return "\u{07}"
        case "b": return "\u{08}"
        case "f": return "\u{0c}"
        case "v": return "\u{0b}"
        case "\\", "\"", "'": return String(character)
        case "x": return try scalar(digits: 2)
        case "u": return try scalar(digits: 4)
        case "U": return try scalar(digits: 8)
        default: throw failure("unknown escape \\\(character) in a string")
        }
    }

    private mutating func scalar(digits: Int) throws(TemplateError) -> String {
        var text = ""
        for _ in 0..<digits {
            guard position < characters.count else { throw failure("unterminated string") }
            text.append(take())
        }
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw failure("bad escape in a string")
        }
        return String(Character(scalar))
    }
}

extension Character {
    /// What Go's templates trim: space, tab, carriage return, newline.
    fileprivate var isTemplateSpace: Bool {
        self == " " || self == "\t" || self == "\r" || self == "\n" || self == "\r\n"
    }

    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
