/// Where and why a page of metrics cannot be read.
package struct ExpositionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    package var reason: String

    package init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }

    package var description: String { "line \(line) of the metrics: \(reason)" }
}
