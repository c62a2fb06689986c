import Model

/// The bytes of a file that was read, kept so that positions within a scalar can be found again.
final class YAMLSource: Sendable {
    let file: String
    let bytes: [UInt8]
    /// The offset of each line's first byte.
    private let lineStarts: [Int]

    init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
        var starts = [0]
        var offset = 0
        while offset < bytes.count {
            let length = YAMLSource.breakLength(bytes, at: offset)
            offset += max(1, length)
            if length > 0 { starts.append(offset) }
        }
        lineStarts = starts
    }

    /// The length of the line break at `offset` as libyaml counts lines; 0 when there is none.
    private static func breakLength(_ bytes: [UInt8], at offset: Int) -> Int {
        func byte(_ distance: Int) -> UInt8? {
            offset + distance < bytes.count ? bytes[offset + distance] : nil
        }
        switch bytes[offset] {
        case UInt8(ascii: "\n"): return 1
        case UInt8(ascii: "\r"): return byte(1) == UInt8(ascii: "\n") ? 2 : 1
        // U+0085, and U+2028 and U+2029.
        case 0xc2: return byte(1) == 0x85 ? 2 : 0
        case 0xe2: return byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9) ? 3 : 0
        default: return 0
        }
    }

    /// A cursor over the characters from one place to another.
    func cursor(from start: SourceLocation, to end: SourceLocation) -> Cursor {
        let first = lineStarts[min(start.line, lineStarts.count) - 1]
        let last = end.line < lineStarts.count ? lineStarts[end.line] : bytes.count
        let text = String(decoding: bytes[first..<max(first, last)], as: UTF8.self)
        var cursor = Cursor(
            scalars: text.unicodeScalars[...],
            location: SourceLocation(file: file, line: start.line, column: 1)
        )
        while cursor.isBefore(start), cursor.peek != nil { cursor.advance() }
        var rest = cursor
        while rest.isBefore(end), rest.peek != nil { rest.advance() }
        cursor.scalars = cursor.scalars[..<rest.scalars.startIndex]
        return cursor
    }

    /// The line and column of a byte.
    func location(ofByte offset: Int) -> SourceLocation {
        let line = lineStarts.lastIndex { $0 <= offset } ?? 0
        // The bytes that continue a character take no column.
        let column = bytes[lineStarts[line]..<min(offset, bytes.count)].count { $0 & 0xc0 != 0x80 }
        return SourceLocation(file: file, line: line + 1, column: column + 1)
    }

    /// A place in the file and the characters that follow it.
    struct Cursor {
        var scalars: Substring.UnicodeScalarView
        var location: SourceLocation

        var peek: Unicode.Scalar? { scalars.first }

        func isBefore(_ other: SourceLocation) -> Bool {
            (location.line, location.column) < (other.line, other.column)
        }

        mutating func advance(_ count: Int = 1) {
            for _ in 0..<count {
                guard let scalar = scalars.popFirst() else { return }
                if scalar.isLineBreak, scalar != "\r" || scalars.first != "\n" {
                    location.line += 1
                    location.column = 1
                } else {
                    location.column += 1
                }
            }
        }

        /// Steps over an anchor and a tag; no scalar begins with their signs.
        mutating func skipProperties() {
            while peek == "&" || peek == "!" {
                while let current = peek, !current.isBlank { advance() }
                while let current = peek, current.isBlank { advance() }
            }
        }

        /// Steps to the start of the next line: past the header of a block scalar.
        mutating func skipLine() {
            let line = location.line
            while location.line == line, peek != nil { advance() }
        }

        /// Steps over a backslash at the end of a line; false when there is none.
        mutating func skipLineContinuation() -> Bool {
            guard let next = scalars.dropFirst().first, next.isLineBreak else { return false }
            advance(2)
            return true
        }

        /// The length of the double-quoted escape that begins here, in characters.
        var escapeLength: Int {
            switch scalars.dropFirst().first {
            case "x": 4
            case "u": 6
            case "U": 10
            default: 2
            }
        }

        /// True when the double-quoted escape that begins here stands for a blank.
        var escapeIsBlank: Bool {
            switch scalars.dropFirst().first {
            case "n", "t", "r", " ", "\t", "N", "L", "P": true
            default: false
            }
        }
    }
}

extension Unicode.Scalar {
    /// What libyaml counts as the end of a line.
    var isLineBreak: Bool {
        switch self {
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
        default: false
        }
    }

    /// Space, tab and line breaks, which folding may change.
    var isBlank: Bool { self == " " || self == "\t" || isLineBreak }
}
