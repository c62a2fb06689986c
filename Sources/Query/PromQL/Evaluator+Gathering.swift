import Model
import PromQLSyntax

extension Evaluator {
    /// Reads at once all that the evaluation of a plan will need, as far as it is known beforehand.
    func read(_ plan: PlanNode) throws(QueryError) {
        var wanted: [(key: Leaf.Key, request: ColumnRequest)] = []
        gather(plan, into: &wanted)
        try run.read(wanted)
    }

    /// Adds what the evaluation of a plan reads to `wanted`, as far as it is known beforehand.
    ///
    /// Follows `evaluate` through the grids of subqueries. What depends on other results is read when it is needed; so is
    /// what cannot be read, for its error to come where evaluation meets it.
    func gather(_ plan: PlanNode, into wanted: inout [(key: Leaf.Key, request: ColumnRequest)]) {
        guard !plan.isLiteral, grid.count > 0 else { return }
        if grid.count > 1, plan.isFixed { return once.gather(plan, into: &wanted) }
        if let leaf = plan.leaf {
            gather(leaf, plan, into: &wanted)
            for operand in plan.operands where operand.expression.valueType == .scalar {
                gather(operand, into: &wanted)
            }
            return
        }
        switch plan.expression {
        case .call(let node) where node.function == .info:
            gather(plan.operands[0], into: &wanted)
        case .subquery(let node):
            guard let inner = try? subqueryEvaluator(node).evaluator else { return }
            inner.gather(plan.operands[0], into: &wanted)
        case .number, .string, .vector, .matrix, .call, .aggregation, .binary, .unary,
            .parenthesized:
            for operand in plan.operands { gather(operand, into: &wanted) }
        }
    }

    private func gather(
        _ leaf: Leaf,
        _ plan: PlanNode,
        into wanted: inout [(key: Leaf.Key, request: ColumnRequest)]
    ) {
        var scalars: [[Double]] = []
        for operand in plan.operands where operand.expression.valueType == .scalar {
            guard operand.metricNames?.isEmpty ?? false,
                let values = try? scalar(operand)
            else { return }
            scalars.append(values)
        }
        guard let read = try? windows(leaf, scalars), grid.count == 1 || read.moment.fixed == nil
        else { return }
        wanted.append((key(read, leaf), request(read, leaf)))
    }
}
