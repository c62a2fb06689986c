import Model
import PromQLSyntax
import Timekeeping

/// What an expression is worth over a grid.
enum Value {
    /// One value a step.
    case scalar([Double])
    case string(String)
    case vector(Frame)
}

/// Evaluates plans over one grid; subqueries get an evaluator over theirs.
struct Evaluator {
    let run: QueryRun
    let grid: TimeGrid

    var delaysNameRemoval: Bool { run.settings.delaysNameRemoval }

    static let duplicateLabels = "vector cannot contain metrics with the same labelset"

    /// Evaluates a plan that is no range vector.
    func evaluate(_ plan: PlanNode) throws(QueryError) -> Value {
        try run.checkCancellation()
        if grid.count > 1, !plan.isLiteral, plan.isFixed { return try evaluateOnce(plan) }
        guard let shared = run.shared, grid == run.grid, !plan.isLiteral else {
            return try evaluateAnew(plan)
        }
        if let known = shared.value(of: plan) { return known }
        let value = try evaluateAnew(plan)
        shared.keep(value, of: plan)
        return value
    }

    private func evaluateAnew(_ plan: PlanNode) throws(QueryError) -> Value {
        switch plan.expression {
        case .number(let literal):
            return .scalar([Double](repeating: literal.value, count: grid.count))
        case .string(let literal): return .string(literal.value)
        case .vector: return .vector(try selected(plan))
        case .unary(let node): return try unary(plan, node)
        case .binary(let node): return try binary(plan, node)
        case .aggregation(let node): return .vector(try aggregation(plan, node))
        case .call(let node): return try call(plan, node)
        case .matrix, .subquery:
            throw .execution("a range vector is an argument of functions only")
        case .parenthesized(let node):
            preconditionFailure("a plan has no parentheses: \(node.inner.printed)")
        }
    }

    /// Evaluates a plan that the parser has typed as an instant vector.
    func vector(_ plan: PlanNode) throws(QueryError) -> Frame {
        guard case .vector(let frame) = try evaluate(plan) else {
            throw .execution("expected an instant vector: \(plan.expression.printed)")
        }
        return frame
    }

    /// Evaluates a plan that the parser has typed as a scalar: one value a step.
    func scalar(_ plan: PlanNode) throws(QueryError) -> [Double] {
        guard case .scalar(let values) = try evaluate(plan) else {
            throw .execution("expected a scalar: \(plan.expression.printed)")
        }
        return values
    }

    /// The text of a string argument.
    func string(_ plan: PlanNode) throws(QueryError) -> String {
        guard case .string(let literal) = plan.expression else {
            throw .execution("expected a string: \(plan.expression.printed)")
        }
        return literal.value
    }

    private func unary(_ plan: PlanNode, _ node: UnaryExpression) throws(QueryError) -> Value {
        switch try evaluate(plan.operands[0]) {
        case .scalar(let values): return .scalar(node.isNegation ? values.map { -$0 } : values)
        case .vector(var frame):
            guard node.isNegation else { return .vector(frame) }
            frame.map { -$0 }
            try dropNames(&frame, plan)
            return .vector(frame)
        case .string: throw .execution("a string has no sign")
        }
    }

    // MARK: Labels

    /// Marks the name of every row as dropped, or drops it at once and merges what is equal then.
    func dropNames(_ frame: inout Frame, _ plan: PlanNode) throws(QueryError) {
        markNamesDropped(&frame, plan)
        if !delaysNameRemoval { try mergeEqualLabels(&frame) }
    }

    /// Marks the name of every row as dropped, or drops it at once.
    func markNamesDropped(_ frame: inout Frame, _ plan: PlanNode) {
        frame.drops = .all
        guard !delaysNameRemoval else { return }
        let known = plan.recall { $0.renamed }
        if let known, known.source === frame.table, known.sourceIsDistinct == frame.isDistinct {
            frame.relabel(known.table, isDistinct: known.isDistinct)
            return
        }
        guard let renamed = RenamedTable(frame) else { return }
        plan.keep { $0.renamed = renamed }
        frame.relabel(renamed.table, isDistinct: renamed.isDistinct)
    }

    func mergeEqualLabels(_ frame: inout Frame) throws(QueryError) {
        guard frame.mergeEqualLabels() else { throw .execution(Evaluator.duplicateLabels) }
    }

    /// The final form of a vector: rows with values only, names dropped where they are to be, no labels twice.
    func named(_ frame: Frame) throws(QueryError) -> Frame {
        var result = frame.compacted()
        result.removeDroppedNames()
        try mergeEqualLabels(&result)
        return result
    }

    /// The values of a frame of one moment, in their final form.
    func vectorSamples(_ frame: Frame) throws(QueryError) -> [VectorSample] {
        guard frame.hasValues else { return [] }
        let named = try named(frame)
        let labels = named.labels
        return named.values.indices.map {
            VectorSample(labels: labels[$0], value: named.values[$0])
        }
    }

    /// The rows of a frame as series.
    func series(_ frame: Frame) -> [SeriesSamples] {
        var result: [SeriesSamples] = []
        result.reserveCapacity(frame.count)
        for row in 0..<frame.count {
            let samples = samples(frame, row)
            if !samples.isEmpty {
                result.append(SeriesSamples(labels: frame.labels[row], samples: samples))
            }
        }
        return result
    }

    /// The values of a row with their times.
    func samples(_ frame: Frame, _ row: Int) -> [Sample] {
        var samples: [Sample] = []
        samples.reserveCapacity(grid.count)
        for step in 0..<grid.count where frame[row, step].isPresent {
            samples.append(Sample(Timestamp(milliseconds: grid.time(step)), frame[row, step]))
        }
        return samples
    }

    // MARK: Parts that do not depend on the step

    private func evaluateOnce(_ plan: PlanNode) throws(QueryError) -> Value {
        switch try once.evaluate(plan) {
        case .string(let text): return .string(text)
        case .scalar(let values):
            return .scalar([Double](repeating: values[0], count: grid.count))
        case .vector(let frame):
            try run.checkSize(rows: frame.count, steps: grid.count)
            try run.count(frame.presentCount * (grid.count - 1))
            return .vector(frame.broadcast(to: grid.count))
        }
    }

    /// The evaluator of what has the same value at all steps.
    var once: Evaluator { Evaluator(run: run, grid: TimeGrid(at: grid.start)) }
}
