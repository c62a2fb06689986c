import Model

/// The bytes of a file that was read, kept so that positions within a scalar can be found again.
final class YAMLSource: Sendable {
    let file: String
    let bytes: [UInt8]

    init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
    }

    /// A cursor over the characters from one place to another.
    func cursor(from start: SourceLocation, to end: SourceLocation) -> Cursor {
        var cursor = Cursor(
            scalars: String(decoding: bytes, as: UTF8.self).unicodeScalars[...],
            location: SourceLocation(file: file, line: 1, column: 1)
        )
        while cursor.isBefore(start), cursor.scalars.first != nil { cursor.advance() }
        let begin = cursor.scalars.startIndex
        var last = cursor
        while last.isBefore(end), last.scalars.first != nil { last.advance() }
        cursor.scalars = cursor.scalars[begin..<last.scalars.startIndex]
        return cursor
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
                if scalar == "\n" || (scalar == "\r" && scalars.first != "\n") {
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
            while location.line == line, !scalars.isEmpty { advance() }
        }

        /// Steps over a backslash at the end of a line; false when there is none.
        mutating func skipLineContinuation() -> Bool {
            guard let next = scalars.dropFirst().first, next == "\n" || next == "\r" else {
                return false
            }
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
            case "n", "t", "r", " ", "\t": true
            default: false
            }
        }
    }
}

extension YAMLSource {
    /// The line and column of a byte.
    func location(ofByte offset: Int) -> SourceLocation {
        var place = SourceLocation(file: file, line: 1, column: 1)
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                place.line += 1
                place.column = 1
            } else if byte & 0xc0 != 0x80 {
                place.column += 1
            }
        }
        return place
    }
}
