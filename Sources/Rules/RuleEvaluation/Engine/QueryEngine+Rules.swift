import Model
package import PromQL
import PromQLSyntax
import Timekeeping

extension QueryEngine: ExpressionEvaluating {
    package func prepare(_ expression: String) throws(QueryError) -> any EvaluableExpression {
        let parsed: Expression
        do {
            parsed = try PromQLParser.parse(expression)
        } catch {
            throw .badExpression(error.description)
        }
        switch parsed.valueType {
        case .vector, .scalar: break
        case .matrix, .string, .none:
            throw .badExpression(
                "a rule needs an instant vector or a scalar, and this is a "
                    + "\(parsed.valueType.documentedName); choose a function such as rate() or "
                    + "max_over_time() for it"
            )
        }
        return PreparedExpression(self, parsed)
    }

    package func cycle() -> any EvaluationCycle { SharedCycle(self) }
}

/// Evaluates the parts that expressions have in common once.
private final class SharedCycle: EvaluationCycle {
    private let shared: SharedEvaluation

    init(_ engine: QueryEngine) { shared = SharedEvaluation(engine) }

    func read(_ due: [DueExpression], except written: Set<String>) {
        for one in due {
            guard let prepared = one.expression as? PreparedExpression else { continue }
            shared.want(prepared.planned, at: one.time, except: written)
        }
        shared.readWanted()
    }

    func series(
        _ expression: any EvaluableExpression,
        at time: Timestamp
    ) throws(QueryError) -> [VectorSample] {
        guard let prepared = expression as? PreparedExpression else {
            return try expression.evaluate(at: time).series
        }
        return try shared.series(prepared.planned, at: time)
    }

    func wrote(_ metricNames: Set<String>) { shared.wrote(metricNames) }
}

/// An expression bound to the engine that evaluates it.
final class PreparedExpression: EvaluableExpression {
    private let engine: QueryEngine
    let planned: PlannedExpression
    let needs: [SelectorNeed]
    let judgesAbsence: Bool

    init(_ engine: QueryEngine, _ expression: Expression) {
        self.engine = engine
        planned = engine.sharing(expression)
        needs = expression.selectorNeeds(lookback: engine.settings.lookback)
        judgesAbsence = PreparedExpression.judgesAbsence(expression)
    }

    func evaluate(at time: Timestamp) throws(QueryError) -> QueryResult {
        try engine.instant(planned, at: time)
    }

    private static func judgesAbsence(_ expression: Expression) -> Bool {
        if case .call(let call) = expression,
            call.function == .absent || call.function == .absentOverTime
        {
            return true
        }
        return expression.children.contains { judgesAbsence($0) }
    }
}
