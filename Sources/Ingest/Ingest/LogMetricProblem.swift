package import Model

/// What is wrong with one entry of `log_metrics`.
package struct LogMetricProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package var location: SourceLocation
    /// What, and how to mend it.
    package var message: String

    package init(_ location: SourceLocation, _ message: String) {
        self.location = location
        self.message = message
    }

    package var description: String { "\(location): \(message)" }
}

/// Everything that is wrong with a set of `log_metrics`.
package struct LogMetricProblems: Error, Hashable, Sendable, CustomStringConvertible {
    package var problems: [LogMetricProblem]

    package init(_ problems: [LogMetricProblem]) {
        self.problems = problems
    }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
