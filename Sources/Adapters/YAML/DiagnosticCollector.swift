package import Model

/// Gathers every problem of a load, so that a person mends them in one go.
///
/// For one load on one thread: make one, hand it to the readers, and call `finish`.
package final class DiagnosticCollector {
    package private(set) var diagnostics: [Diagnostic] = []
    /// Keys that no reader asks for are passed over instead of reported.
    package let ignoresUnknownKeys: Bool

    package init(ignoresUnknownKeys: Bool = false) {
        self.ignoresUnknownKeys = ignoresUnknownKeys
    }

    package var isEmpty: Bool { diagnostics.isEmpty }

    /// Notes a problem: what is wrong, then how to mend it.
    package func report(_ location: SourceLocation, _ message: String) {
        diagnostics.append(Diagnostic(location, message))
    }

    package func report(_ problems: [Diagnostic]) {
        diagnostics += problems
    }

    /// - Throws: Everything reported, sorted by file and place, when there is anything.
    package func finish() throws(DiagnosticList) {
        guard !diagnostics.isEmpty else { return }
        throw DiagnosticList(
            diagnostics.enumerated().sorted { left, right in
                let (a, b) = (left.element.location, right.element.location)
                return (a.file, a.line, a.column, left.offset)
                    < (b.file, b.line, b.column, right.offset)
            }.map(\.element)
        )
    }
}
