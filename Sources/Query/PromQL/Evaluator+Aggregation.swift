import Model
import PromQLSyntax

extension Evaluator {
    func aggregation(_ plan: PlanNode, _ node: Aggregation) throws(QueryError) -> Frame {
        let operand = plan.operands[plan.operands.count - 1]
        if node.operation == .countValues { return try countValues(plan, node, operand) }
        var parameters: [Double] = []
        if node.parameter != nil { parameters = try scalar(plan.operands[0]) }
        let input = try vector(operand)
        guard try checkParameters(node, parameters) else { return Frame(steps: grid.count) }
        let grouped = groups(plan, node, input.table)
        switch node.operation {
        case .topk, .bottomk, .limitk, .limitRatio:
            return ranked(node, parameters, input, grouped)
        default:
            var result = Frame(absent: grouped.table, steps: grid.count, isDistinct: true)
            result.drops = drops(input, grouped)
            fold(node, parameters, input, grouped.groups, into: &result)
            guard let order = order(input, grouped) else { return result }
            return result.selecting(order)
        }
    }

    private func groups(
        _ plan: PlanNode,
        _ node: Aggregation,
        _ table: SeriesTable
    ) -> GroupedTable {
        if let known = plan.recall({ $0.groups }), known.source === table {
            return known
        }
        let made = GroupedTable(table, by: node.key, labels: node.resultLabels)
        plan.keep { $0.groups = made }
        return made
    }

    /// A group loses its name when one of its members does.
    private func drops(_ input: Frame, _ grouped: GroupedTable) -> NameDrops {
        guard case .some(let rows) = input.drops else { return input.drops }
        var drops = [Bool](repeating: false, count: grouped.table.count)
        for row in rows.indices where rows[row] && input.hasValues(row) {
            drops[Int(grouped.groups[row])] = true
        }
        return .some(drops)
    }

    /// The groups that have members, by the first that has a value; nil when that is their order already.
    ///
    /// The order in which later operations meet the groups does not depend on series without values.
    func order(_ input: Frame, _ grouped: GroupedTable) -> [Int]? {
        var isSeen = [Bool](repeating: false, count: grouped.table.count)
        var order: [Int] = []
        var isRising = true
        for row in 0..<input.count {
            let group = Int(grouped.groups[row])
            guard !isSeen[group], input.hasValues(row) else { continue }
            isSeen[group] = true
            if let last = order.last, group < last { isRising = false }
            order.append(group)
            if order.count == isSeen.count { break }
        }
        return isRising ? nil : order
    }

    // MARK: Folding

    private func fold(
        _ node: Aggregation,
        _ parameters: [Double],
        _ input: Frame,
        _ groups: [Int32],
        into result: inout Frame
    ) {
        switch node.operation {
        case .sum:
            fold(input, groups, &result, start: { CompensatedSum($0) }) {
                (state: inout CompensatedSum, value) in
                state.add(value)
            } finish: { state, _ in
                state.value
            }
        case .avg:
            fold(input, groups, &result, start: { CompensatedMean($0) }) {
                (state: inout CompensatedMean, value) in
                state.add(value)
            } finish: { state, _ in
                state.value
            }
        case .count:
            fold(input, groups, &result, start: { _ in 1.0 }) { state, _ in
                state += 1
            } finish: { state, _ in
                state
            }
        case .group:
            fold(input, groups, &result, start: { _ in 1.0 }) { _, _ in
            } finish: { state, _ in
                state
            }
        case .min:
            fold(input, groups, &result, start: { $0 }) { state, value in
                if state > value || state.isNaN { state = value }
            } finish: { state, _ in
                state
            }
        case .max:
            fold(input, groups, &result, start: { $0 }) { state, value in
                if state < value || state.isNaN { state = value }
            } finish: { state, _ in
                state
            }
        case .stddev, .stdvar:
            let isDeviation = node.operation == .stddev
            fold(input, groups, &result, start: { Spread($0) }) { state, value in
                state.add(value)
            } finish: { state, _ in
                isDeviation ? state.variance.squareRoot() : state.variance
            }
        case .quantile:
            fold(input, groups, &result, start: { [$0] }) { state, value in
                state.append(value)
            } finish: { state, step in
                Quantile.of(&state, parameters[step])
            }
        case .topk, .bottomk, .limitk, .limitRatio, .countValues: break
        }
    }

    /// Folds each group's values at each step, in the order of the rows.
    @inline(__always)
    private func fold<State>(
        _ input: Frame,
        _ groups: [Int32],
        _ result: inout Frame,
        start: (Double) -> State,
        add: (inout State, Double) -> Void,
        finish: (inout State, Int) -> Double
    ) {
        var states = [State?](repeating: nil, count: result.count)
        for step in 0..<input.steps {
            for row in 0..<input.count {
                let value = input[row, step]
                guard value.isPresent else { continue }
                let group = Int(groups[row])
                guard var state = states[group] else {
                    states[group] = start(value)
                    continue
                }
                // Taken out first, so that lists of values are not copied.
                states[group] = nil
                add(&state, value)
                states[group] = state
            }
            for group in states.indices {
                guard var state = states[group] else { continue }
                result[group, step] = finish(&state, step)
                states[group] = nil
            }
        }
    }

    // MARK: Parameters

    /// False when the parameter says that there is nothing to answer.
    private func checkParameters(
        _ node: Aggregation,
        _ parameters: [Double]
    ) throws(QueryError) -> Bool {
        guard let parameter = node.parameter, let first = parameters.first else {
            return !node.operation.takesParameter
        }
        var least = first
        var most = first
        var hasNaN = false
        for value in parameters {
            if value.isNaN { hasNaN = true }
            if value < least || least.isNaN { least = value }
            if value > most || most.isNaN { most = value }
        }
        // As in Prometheus, one NaN hides the extremes.
        if hasNaN { (least, most) = (.nan, .nan) }
        switch node.operation {
        case .topk, .bottomk, .limitk:
            if most < 1 { return false }
            if hasNaN { throw .execution("Parameter value is NaN") }
            if least <= Double(Int64.min) {
                throw .execution(
                    "Scalar value \(PromQLNumber.general(least)) underflows int64"
                )
            }
            if most >= Double(Int64.max) {
                throw .execution("Scalar value \(PromQLNumber.general(most)) overflows int64")
            }
        case .limitRatio:
            if most == 0, least == 0 { return false }
            if hasNaN { throw .execution("Ratio value is NaN") }
            if most > 1 { warnRatio(most, 1, at: parameter.span) }
            if least < -1 { warnRatio(least, -1, at: parameter.span) }
        case .quantile:
            if hasNaN { warnQuantile(.nan, at: parameter.span) }
            if most > 1 { warnQuantile(most, at: parameter.span) }
            if least < 0 { warnQuantile(least, at: parameter.span) }
        case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar, .countValues: break
        }
        return true
    }

    private func warnRatio(_ ratio: Double, _ cap: Double, at span: SourceSpan) {
        run.warn(
            "ratio value should be between -1 and 1, got \(PromQLNumber.general(ratio)), "
                + "capping to \(PromQLNumber.general(cap))",
            at: span
        )
    }

    // MARK: count_values

    private func countValues(
        _ plan: PlanNode,
        _ node: Aggregation,
        _ operand: PlanNode
    ) throws(QueryError) -> Frame {
        guard node.parameter != nil else { throw .execution("count_values lacks its label") }
        let label = try string(plan.operands[0])
        guard !label.isEmpty else {
            throw .execution("invalid label name \(GoQuoting.quoted(label))")
        }
        let input = try vector(operand)
        var grouped = node
        if !node.isWithout { grouped.grouping.append(label) }
        var table = LabelTable(grouped.key, capacity: input.count)
        var result = FrameBuilder(steps: grid.count)
        for step in 0..<grid.count {
            for row in 0..<input.count where input[row, step].isPresent {
                var labels = input.labels[row]
                labels[label] = PromQLNumber.text(input[row, step])
                let (ordinal, isNew) = table.insert(labels)
                if isNew {
                    try run.checkSize(rows: result.count + 1, steps: grid.count)
                    result.appendRow(grouped.resultLabels(labels))
                }
                let count = result[ordinal, step]
                result[ordinal, step] = count.isPresent ? count + 1 : 1
            }
        }
        return result.frame()
    }
}

extension Aggregation {
    /// The labels that make a group.
    fileprivate var key: LabelTable.Key {
        isWithout
            ? .without((grouping + [LabelSet.metricName]).sorted()) : .on(grouping.sorted())
    }

    /// The labels of the group that a series belongs to.
    fileprivate func resultLabels(_ labels: LabelSet) -> LabelSet {
        isWithout
            ? labels.dropping(grouping + [LabelSet.metricName]) : labels.keeping(grouping)
    }
}

/// Mean and variance of at least one value, value by value.
private struct Spread {
    private var count = 1.0
    private var mean: Double
    private var squares: Double

    init(_ first: Double) {
        mean = first
        squares = first.isFinite ? 0 : .nan
    }

    mutating func add(_ value: Double) {
        count += 1
        let delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
    }

    var variance: Double { squares / count }
}
