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
}

/// An expression bound to the engine that evaluates it.
struct PreparedExpression: EvaluableExpression {
    private let engine: QueryEngine
    private let expression: Expression
    let needs: [SelectorNeed]
    let judgesAbsence: Bool

    init(_ engine: QueryEngine, _ expression: Expression) {
        self.engine = engine
        self.expression = expression
        needs = expression.selectorNeeds(lookback: engine.settings.lookback)
        judgesAbsence = PreparedExpression.judgesAbsence(expression)
    }

    func evaluate(at time: Timestamp) throws(QueryError) -> QueryResult {
        try engine.instant(expression, at: time)
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
