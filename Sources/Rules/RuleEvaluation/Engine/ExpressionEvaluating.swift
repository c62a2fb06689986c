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

    /// Begins a cycle of evaluations.
    func cycle() -> any EvaluationCycle
}

/// The evaluations of one cycle, which may share what they have in common; confined to one thread.
package protocol EvaluationCycle: AnyObject {
    /// Tells what the cycle will evaluate, so that it may be read at once.
    ///
    /// - Parameters:
    ///   - due: Expressions and their times.
    ///   - written: Metrics that the cycle itself may write before they are read.
    func read(_ due: [DueExpression], except written: Set<String>)

    /// The answer at one time as series: a scalar is one without labels.
    func series(
        _ expression: any EvaluableExpression,
        at time: Timestamp
    ) throws(QueryError) -> [VectorSample]

    /// Tells that samples of these metrics were written.
    func wrote(_ metricNames: Set<String>)
}

/// An expression that a cycle will evaluate.
package struct DueExpression {
    package var expression: any EvaluableExpression
    package var time: Timestamp

    package init(_ expression: any EvaluableExpression, at time: Timestamp) {
        self.expression = expression
        self.time = time
    }
}

extension ExpressionEvaluating {
    /// A cycle in which each expression is evaluated by itself.
    package func cycle() -> any EvaluationCycle { PlainCycle() }
}

/// Evaluates each expression by itself.
private final class PlainCycle: EvaluationCycle {
    func read(_ due: [DueExpression], except written: Set<String>) {}

    func series(
        _ expression: any EvaluableExpression,
        at time: Timestamp
    ) throws(QueryError) -> [VectorSample] {
        try expression.evaluate(at: time).series
    }

    func wrote(_ metricNames: Set<String>) {}
}
