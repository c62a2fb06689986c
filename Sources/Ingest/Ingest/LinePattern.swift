import Matching

/// An expression that is looked for in lines.
struct LinePattern: Sendable {
    private let pattern: Pattern

    init(_ text: String) throws(PatternError) {
        pattern = try Pattern(text)
    }

    func isFound(in line: String) -> Bool { pattern.isFound(in: line.utf8Span.span) }
}
