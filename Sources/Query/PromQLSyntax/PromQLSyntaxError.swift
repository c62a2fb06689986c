/// Why a text is no PromQL expression, in Prometheus's words.
package struct PromQLSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the text; nil for a text without a place to point at (the empty one).
    package var span: SourceSpan?
    /// What is wrong, without the position.
    package var message: String

    package init(span: SourceSpan?, message: String) {
        self.span = span
        self.message = message
    }

    /// The whole text with its position, as in `1:5: parse error: unexpected character: '&'`.
    package var description: String {
        "\(span?.position ?? "unknown position"): parse error: \(message)"
    }
}
