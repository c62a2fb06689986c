package import Model

/// One series' value at the evaluation time.
package struct VectorSample: Sendable {
    package var labels: LabelSet
    package var value: Double

    package init(labels: LabelSet, value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// What a query answers.
package enum QueryValue: Sendable {
    case scalar(Double)
    case string(String)
    /// All at the evaluation time.
    case vector([VectorSample])
    /// A range query, or an instant query of a range vector.
    case matrix([SeriesSamples])
}

/// An answer with what Prometheus calls annotations.
package struct QueryResult: Sendable {
    package var value: QueryValue
    /// Texts as Prometheus words them.
    package var warnings: [String]
    package var infos: [String]

    package init(value: QueryValue, warnings: [String] = [], infos: [String] = []) {
        self.value = value
        self.warnings = warnings
        self.infos = infos
    }
}

/// Why a query has no answer.
package enum QueryError: Error, Sendable, CustomStringConvertible {
    /// The expression does not parse or type-check (`bad_data`).
    case badExpression(String)
    /// It failed while running (`execution`).
    case execution(String)
    /// A limit was hit (`execution`).
    case limit(String)
    case timeout(String)

    package var description: String {
        switch self {
        case .badExpression(let text), .execution(let text), .limit(let text), .timeout(let text):
            text
        }
    }
}
