import Model
import PromQLSyntax

extension Evaluator {
    func binary(_ plan: PlanNode, _ node: BinaryExpression) throws(QueryError) -> Value {
        if node.operation.isSet { return .vector(try setOperation(plan, node)) }
        let left = try evaluate(plan.operands[0])
        let right = try evaluate(plan.operands[1])
        switch (left, right) {
        case (.scalar(let a), .scalar(let b)):
            if node.operation.isTrim { throw .execution(trimError(node)) }
            return .scalar(
                zip(a, b).map { Arithmetic.between(node.operation, $0, $1) }
            )
        case (.vector(let frame), .scalar(let values)):
            return .vector(withScalar(plan, node, frame, values, scalarIsLeft: false))
        case (.scalar(let values), .vector(let frame)):
            return .vector(withScalar(plan, node, frame, values, scalarIsLeft: true))
        case (.vector(let a), .vector(let b)):
            if node.operation.isTrim {
                noteTrim(node)
                return .vector(Frame(steps: grid.count))
            }
            return .vector(
                try VectorMatcher(evaluator: self, plan: plan, node: node).match(a, b)
            )
        case (.string, _), (_, .string):
            throw .execution("a string is no operand: \(node.left.printed)")
        }
    }

    private func withScalar(
        _ plan: PlanNode,
        _ node: BinaryExpression,
        _ frame: Frame,
        _ scalars: [Double],
        scalarIsLeft: Bool
    ) -> Frame {
        let operation = node.operation
        if operation.isTrim {
            if frame.hasValues { noteTrim(node) }
            return Frame(steps: grid.count)
        }
        var result = frame
        if operation.isComparison {
            // The series' own value is what passes a comparison, whichever side it stands on.
            let returnsBool = node.returnsBool
            combine(&result.values, scalars) { value, scalar in
                let holds =
                    scalarIsLeft
                    ? Arithmetic.holds(operation, scalar, value)
                    : Arithmetic.holds(operation, value, scalar)
                return returnsBool ? (holds ? 1 : 0) : (holds ? value : Absent.value)
            }
            if !node.returnsBool { return result }
        } else {
            combine(&result.values, scalars) { value, scalar in
                scalarIsLeft
                    ? Arithmetic.between(operation, scalar, value)
                    : Arithmetic.between(operation, value, scalar)
            }
        }
        markNamesDropped(&result, plan)
        return result
    }

    /// Combines every value there is with the scalar of its step.
    @inline(__always)
    private func combine(
        _ values: inout [Double],
        _ scalars: [Double],
        _ function: (Double, Double) -> Double
    ) {
        let steps = scalars.count
        var step = 0
        for index in values.indices {
            let value = values[index]
            if value.isPresent { values[index] = function(value, scalars[step]) }
            step &+= 1
            if step == steps { step = 0 }
        }
    }

    private func trimError(_ node: BinaryExpression) -> String {
        "operator \"\(node.operation.rawValue)\" not allowed for Scalar operations"
    }

    private func noteTrim(_ node: BinaryExpression) {
        let name = node.operation.rawValue
        run.inform(
            "incompatible sample types encountered for binary operator \"\(name)\": "
                + "float \(name) float",
            at: node.span
        )
    }

    // MARK: Set operators

    private func setOperation(
        _ plan: PlanNode,
        _ node: BinaryExpression
    ) throws(QueryError) -> Frame {
        let left = try vector(plan.operands[0])
        let right = try vector(plan.operands[1])
        let matching = node.matching ?? VectorMatching()
        let isUnion = node.operation == .or
        let pairs = plan.pairs(left.table, right.table) {
            PairedTables(left.table, right.table, by: matching.key, needsBoth: isUnion)
        }
        if isUnion { return try union(left, right, pairs) }
        let present = presence(right, pairs.rightGroups, groupCount: pairs.groupCount)
        let keepsMatched = node.operation == .and
        var result = left
        for row in 0..<left.count {
            let group = Int(pairs.leftGroups[row]) * grid.count
            for step in 0..<grid.count where present[group + step] != keepsMatched {
                result[row, step] = Absent.value
            }
        }
        return result
    }

    /// Group by group and step by step, whether some row has a value.
    private func presence(_ frame: Frame, _ groups: [Int32], groupCount: Int) -> [Bool] {
        var present = [Bool](repeating: false, count: groupCount * grid.count)
        for row in 0..<frame.count {
            let group = Int(groups[row]) * grid.count
            for step in 0..<grid.count where frame[row, step].isPresent {
                present[group + step] = true
            }
        }
        return present
    }

    private func union(
        _ left: Frame,
        _ right: Frame,
        _ pairs: PairedTables
    ) throws(QueryError) -> Frame {
        let present = presence(left, pairs.leftGroups, groupCount: pairs.groupCount)
        var rest = right
        for row in 0..<right.count {
            let group = Int(pairs.rightGroups[row]) * grid.count
            for step in 0..<grid.count where present[group + step] {
                rest[row, step] = Absent.value
            }
        }
        guard rest.hasValues, let both = pairs.both else { return left }
        try run.checkSize(rows: both.count, steps: grid.count)
        var result = Frame(
            both,
            left.values + rest.values,
            steps: grid.count,
            drops: left.drops.followed(by: rest.drops, left.count, rest.count),
            isDistinct: false
        )
        if grid.count > 1 || !delaysNameRemoval { try mergeEqualLabels(&result) }
        return result
    }
}

extension PlanNode {
    /// The pairs of two tables, made when they were not made before.
    func pairs(
        _ left: SeriesTable,
        _ right: SeriesTable,
        make: () -> PairedTables
    ) -> PairedTables {
        if let known = recall({ $0.pairs }), known.left === left, known.right === right {
            return known
        }
        let made = make()
        keep { $0.pairs = made }
        return made
    }
}

extension BinaryOperation {
    /// The operators on native histograms.
    var isTrim: Bool { self == .trimUpper || self == .trimLower }
}

extension VectorMatching {
    /// The labels by which series pair up.
    var key: LabelTable.Key {
        isOn
            ? .on(labels.sorted()) : .without((labels + [LabelSet.metricName]).sorted())
    }
}
