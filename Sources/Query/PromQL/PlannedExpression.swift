package import PromQLSyntax

/// An expression made ready by an engine, to be evaluated by it again and again.
package struct PlannedExpression: Sendable {
    /// As it was written.
    package let expression: Expression
    let plan: PlanNode

    init(_ expression: Expression, _ plan: PlanNode) {
        self.expression = expression
        self.plan = plan
    }
}
