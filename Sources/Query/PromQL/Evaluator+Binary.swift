import Model
import PromQLSyntax

extension Evaluator {
    func binary(_ node: BinaryExpression) throws(QueryError) -> Value {
        if node.operation.isSet { return .vector(try setOperation(node)) }
        let left = try evaluate(node.left)
        let right = try evaluate(node.right)
        switch (left, right) {
        case (.scalar(let a), .scalar(let b)):
            if node.operation.isTrim { throw .execution(trimError(node)) }
            return .scalar(
                zip(a, b).map { Arithmetic.between(node.operation, $0, $1) }
            )
        case (.vector(let frame), .scalar(let values)):
            return .vector(withScalar(node, frame, values, scalarIsLeft: false))
        case (.scalar(let values), .vector(let frame)):
            return .vector(withScalar(node, frame, values, scalarIsLeft: true))
        case (.vector(let a), .vector(let b)):
            if node.operation.isTrim {
                noteTrim(node)
                return .vector(Frame(steps: grid.count))
            }
            return .vector(try VectorMatcher(evaluator: self, node: node).match(a, b))
        case (.string, _), (_, .string):
            throw .execution("a string is no operand: \(node.left.printed)")
        }
    }

    private func withScalar(
        _ node: BinaryExpression,
        _ frame: Frame,
        _ scalars: [Double],
        scalarIsLeft: Bool
    ) -> Frame {
        var result = frame
        let operation = node.operation
        if operation.isTrim {
            if frame.count > 0 { noteTrim(node) }
            return Frame(steps: grid.count)
        }
        let steps = grid.count
        if operation.isComparison {
            for index in result.values.indices where result.values[index].isPresent {
                let value = result.values[index]
                let scalar = scalars[index % steps]
                let holds =
                    scalarIsLeft
                    ? Arithmetic.holds(operation, scalar, value)
                    : Arithmetic.holds(operation, value, scalar)
                // The series' own value is what passes a comparison, whichever side it stands on.
                if node.returnsBool {
                    result.values[index] = holds ? 1 : 0
                } else if !holds {
                    result.values[index] = Absent.value
                }
            }
            if !node.returnsBool { return result.compacted() }
        } else {
            for index in result.values.indices where result.values[index].isPresent {
                let value = result.values[index]
                let scalar = scalars[index % steps]
                result.values[index] =
                    scalarIsLeft
                    ? Arithmetic.between(operation, scalar, value)
                    : Arithmetic.between(operation, value, scalar)
            }
        }
        result.dropNames(delayed: delaysNameRemoval)
        return result
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

    private func setOperation(_ node: BinaryExpression) throws(QueryError) -> Frame {
        let left = try vector(node.left)
        let right = try vector(node.right)
        let matching = node.matching ?? VectorMatching()
        var table = LabelTable(matching.key, capacity: left.count + right.count)
        let leftGroups = left.labels.map { table.insert($0).ordinal }
        let rightGroups = right.labels.map { table.insert($0).ordinal }
        switch node.operation {
        case .or:
            return try union(left, right, leftGroups, rightGroups, groupCount: table.count)
        default:
            let present = presence(right, rightGroups, groupCount: table.count)
            let keepsMatched = node.operation == .and
            var result = left
            for row in 0..<left.count {
                for step in 0..<grid.count
                where present[leftGroups[row] * grid.count + step] != keepsMatched {
                    result[row, step] = Absent.value
                }
            }
            return result.compacted()
        }
    }

    /// Group by group and step by step, whether some row has a value.
    private func presence(_ frame: Frame, _ groups: [Int], groupCount: Int) -> [Bool] {
        var present = [Bool](repeating: false, count: groupCount * grid.count)
        for row in 0..<frame.count {
            for step in 0..<grid.count where frame[row, step].isPresent {
                present[groups[row] * grid.count + step] = true
            }
        }
        return present
    }

    private func union(
        _ left: Frame,
        _ right: Frame,
        _ leftGroups: [Int],
        _ rightGroups: [Int],
        groupCount: Int
    ) throws(QueryError) -> Frame {
        try run.checkSize(rows: left.count + right.count, steps: grid.count)
        let present = presence(left, leftGroups, groupCount: groupCount)
        var result = left
        result.reserve(left.count + right.count)
        result.isDistinct = false
        for row in 0..<right.count {
            result.append(row: row, of: right)
            let added = result.count - 1
            for step in 0..<grid.count where present[rightGroups[row] * grid.count + step] {
                result[added, step] = Absent.value
            }
            if !result.hasValues(added) { result.removeLastRow() }
        }
        if result.count == left.count { result.isDistinct = left.isDistinct }
        if result.count > left.count, grid.count > 1 || !delaysNameRemoval {
            try mergeEqualLabels(&result)
        }
        return result
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
