package import Model

/// A scalar's text, how it was written, and the way back from the text to the file.
package struct YAMLScalar: Sendable {
    package enum Style: Hashable, Sendable {
        case plain, singleQuoted, doubleQuoted, literal, folded
    }

    package var text: String
    package var style: Style
    private let source: YAMLSource
    private let start: SourceLocation
    private let end: SourceLocation

    /// - Parameters:
    ///   - text: The value, escapes and folding resolved.
    ///   - style: How it was written.
    ///   - source: The bytes it was read from.
    ///   - start: Where its anchor, its tag, its opening quote, its `|` or else its first character stands.
    ///   - end: Just past its last character.
    init(
        _ text: String,
        style: Style,
        source: YAMLSource,
        from start: SourceLocation,
        to end: SourceLocation
    ) {
        self.text = text
        self.style = style
        self.source = source
        self.start = start
        self.end = end
    }

    /// Where in the file a byte of the text stands.
    ///
    /// Folding and indentation change white space only, so the nth other character of the text is the nth of
    /// the file; escapes in double quotes count as the characters they stand for.
    ///
    /// - Parameter offset: Bytes of UTF-8 from the start of `text`; past the end gives the end.
    /// - Returns: The place of that character, or of the next one that is no white space.
    /// - Complexity: O(*n*) in the length of the scalar's lines.
    package func location(ofByte offset: Int) -> SourceLocation {
        var wanted = 0
        for scalar in String(decoding: Array(text.utf8.prefix(max(0, offset))), as: UTF8.self)
            .unicodeScalars where !scalar.isBlank
        {
            wanted += 1
        }
        var cursor = source.cursor(from: start, to: end)
        cursor.skipProperties()
        switch style {
        case .plain: break
        case .singleQuoted, .doubleQuoted: cursor.advance()
        case .literal, .folded: cursor.skipLine()
        }
        var passed = 0
        while let current = cursor.peek {
            guard !current.isBlank else {
                cursor.advance()
                continue
            }
            if style == .doubleQuoted, current == "\\", cursor.skipLineContinuation() { continue }
            if style == .doubleQuoted, current == "\"" { break }
            guard passed < wanted else { break }
            switch (style, current) {
            case (.singleQuoted, "'"): cursor.advance(2)
            case (.doubleQuoted, "\\"):
                // A blank that is written as an escape is none in the file.
                if cursor.escapeIsBlank { passed -= 1 }
                cursor.advance(cursor.escapeLength)
            default: cursor.advance()
            }
            passed += 1
        }
        return cursor.location
    }
}
