package import Timekeeping

/// What a template may look at.
package struct TemplateContext: Sendable {
    /// Labels of the series, the metric name included.
    package var labels: [String: String]
    package var value: Double
    package var externalLabels: [String: String]
    package var externalURL: String
    /// The evaluation time.
    package var time: Timestamp
    /// Answers the `query` function at the evaluation time; the error's text is shown.
    package var query: @Sendable (String) throws(TemplateError) -> [TemplateSample]

    package init(
        labels: [String: String],
        value: Double,
        externalLabels: [String: String] = [:],
        externalURL: String = "",
        time: Timestamp,
        query: @escaping @Sendable (String) throws(TemplateError) -> [TemplateSample] = {
            _ throws(TemplateError) in throw TemplateError("queries are not possible here")
        }
    ) {
        self.labels = labels
        self.value = value
        self.externalLabels = externalLabels
        self.externalURL = externalURL
        self.time = time
        self.query = query
    }
}

/// What one expansion may cost.
package struct TemplateLimits: Hashable, Sendable {
    /// Blocks and parentheses inside each other.
    package var nestingMax: Int
    /// Nodes and function calls in one expansion, loop turns counted each time.
    package var stepsMax: Int
    package var outputBytesMax: Int

    package init(nestingMax: Int = 64, stepsMax: Int = 100_000, outputBytesMax: Int = 65536) {
        self.nestingMax = nestingMax
        self.stepsMax = stepsMax
        self.outputBytesMax = outputBytesMax
    }
}
