import Model
import PromQLSyntax

extension Evaluator {
    /// Reads at once all that the evaluation of a plan will need, as far as it is known beforehand.
    func read(_ plan: PlanNode) throws(QueryError) {
        var wanted = WantedColumns()
        gather(plan, into: &wanted)
        try run.read(wanted)
    }

    /// Adds what the evaluation of a plan reads to `wanted`, as far as it is known beforehand.
    ///
    /// Follows `evaluate` through the grids of subqueries. What depends on other results is read when it is needed; so is
    /// what cannot be read, for its error to come where evaluation meets it.
    ///
    /// - Parameters:
    ///   - plan: What is to be evaluated.
    ///   - written: Metrics that are read only when they are needed, since they are still to be written.
    ///   - wanted: What the source is to be asked for.
    func gather(
        _ plan: PlanNode,
        except written: Set<String> = [],
        into wanted: inout WantedColumns
    ) {
        guard !plan.isLiteral, grid.count > 0 else { return }
        if grid.count > 1, plan.isFixed { return once.gather(plan, except: written, into: &wanted) }
        if let shared = run.shared, grid == run.grid, shared.knows(plan) { return }
        if let leaf = plan.leaf {
            if !plan.mayRead(written) { gather(leaf, plan, into: &wanted) }
            for operand in plan.operands where operand.expression.valueType == .scalar {
                gather(operand, except: written, into: &wanted)
            }
            return
        }
        switch plan.expression {
        case .call(let node) where node.function == .info:
            gather(plan.operands[0], except: written, into: &wanted)
        case .subquery(let node):
            // What is wrong with it is said when it is evaluated; here it is only not read beforehand, as below.
            guard let inner = try? subqueryEvaluator(node).evaluator else { return }
            inner.gather(plan.operands[0], except: written, into: &wanted)
        case .number, .string, .vector, .matrix, .call, .aggregation, .binary, .unary,
            .parenthesized:
            for operand in plan.operands { gather(operand, except: written, into: &wanted) }
        }
    }

    private func gather(
        _ leaf: Leaf,
        _ plan: PlanNode,
        into wanted: inout WantedColumns
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
        let key = key(read, leaf)
        if !run.knows(key, of: plan) { wanted.add(key, request(read, leaf)) }
    }
}
