package import Model
package import PromQL
package import Timekeeping

/// An expression that has been parsed and type-checked, ready to be evaluated again and again.
package protocol EvaluableExpression: Sendable {
    /// What it reads.
    var needs: [SelectorNeed] { get }

    /// True when it uses `absent` or `absent_over_time`: missing series make results instead of taking them away.
    var judgesAbsence: Bool { get }

    /// The answer at one time; `result.value` is a vector or a scalar.
    func evaluate(at time: Timestamp) throws(QueryError) -> QueryResult
}

/// Makes expressions ready; the query engine as the rules see it.
package protocol ExpressionEvaluating: Sendable {
    /// Parses and type-checks.
    ///
    /// - Throws: `QueryError.badExpression` with the reason, also for text that gives neither a vector nor a scalar.
    func prepare(_ expression: String) throws(QueryError) -> any EvaluableExpression
}
