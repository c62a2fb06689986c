/// Where a node stands in the text it was parsed from.
///
/// Spans take no part in equality or hashing: two expressions are equal when they say the same thing,
/// wherever it is written. That is what lets equal expressions share one evaluation.
package struct SourceSpan: Sendable {
    /// Byte offset of the first character.
    package var start: Int
    /// Byte offset after the last character.
    package var end: Int
    /// Line of the first character, from 1.
    package var line: Int
    /// Column of the first character in bytes, from 1.
    package var column: Int

    package init(start: Int, end: Int, line: Int, column: Int) {
        self.start = start
        self.end = end
        self.line = line
        self.column = column
    }

    /// From the beginning of this span to the end of `other`.
    package func extended(through other: SourceSpan) -> SourceSpan {
        SourceSpan(start: start, end: other.end, line: line, column: column)
    }

    /// `line:column`, as Prometheus writes positions.
    package var position: String { "\(line):\(column)" }
}

extension SourceSpan: Hashable {
    package static func == (left: SourceSpan, right: SourceSpan) -> Bool { true }

    package func hash(into hasher: inout Hasher) {}
}
