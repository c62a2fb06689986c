import Model
import PromQLSyntax

/// Pairs the series of two vectors and applies an arithmetic or comparison operator to each pair.
struct VectorMatcher {
    private let evaluator: Evaluator
    private let node: BinaryExpression
    private let matching: VectorMatching
    /// True for `group_right`: the sides are swapped while pairing, the "one" side stands right.
    private let isSwapped: Bool

    init(evaluator: Evaluator, node: BinaryExpression) {
        self.evaluator = evaluator
        self.node = node
        matching = node.matching ?? VectorMatching()
        isSwapped = matching.cardinality == .oneToMany
    }

    func match(_ left: Frame, _ right: Frame) throws(QueryError) -> Frame {
        let many = isSwapped ? right : left
        let one = isSwapped ? left : right
        var table = LabelTable(matching.key, capacity: many.count + one.count)
        let manyGroups = many.labels.map { table.insert($0).ordinal }
        let oneGroups = one.labels.map { table.insert($0).ordinal }
        if let result = matchFixedPairs(many, one, manyGroups, oneGroups, table.count) {
            return result
        }
        var pairing = Pairing(steps: many.steps, groupCount: table.count)
        for step in 0..<many.steps {
            try pair(many, one, manyGroups, oneGroups, step, &pairing)
        }
        var result = pairing.result
        if result.count > 1 { try evaluator.mergeEqualLabels(&result) }
        return result.compacted()
    }

    /// One-to-one matching where no group ever has two rows on a side: the pairs are the same at each step.
    ///
    /// - Returns: Nil when the pairs must be found step by step.
    private func matchFixedPairs(
        _ left: Frame,
        _ right: Frame,
        _ leftGroups: [Int],
        _ rightGroups: [Int],
        _ groupCount: Int
    ) -> Frame? {
        guard matching.cardinality == .oneToOne, matching.fillLeft == nil,
            matching.fillRight == nil
        else { return nil }
        var rightRows = [Int](repeating: -1, count: groupCount)
        for (row, group) in rightGroups.enumerated() {
            guard rightRows[group] < 0 else { return nil }
            rightRows[group] = row
        }
        var isTaken = [Bool](repeating: false, count: groupCount)
        for group in leftGroups {
            guard !isTaken[group] else { return nil }
            isTaken[group] = true
        }
        var result = Frame(steps: left.steps)
        // The labels of a result are those of its group, with the name or without.
        result.isDistinct = true
        result.reserve(left.count)
        for (row, group) in leftGroups.enumerated() where rightRows[group] >= 0 {
            let partner = rightRows[group]
            var target: Int?
            for step in 0..<left.steps {
                let (a, b) = (left[row, step], right[partner, step])
                guard a.isPresent, b.isPresent, let value = combine(a, b) else { continue }
                if target == nil {
                    let pair = Pair(many: row, one: partner, group: group)
                    target = appendRow(pair, left, right, &result)
                }
                if let target { result[target, step] = value }
            }
        }
        return result
    }

    /// What the operator makes of two values; nil when a comparison filters them out.
    @inline(__always)
    private func combine(_ left: Double, _ right: Double) -> Double? {
        guard node.operation.isComparison else {
            return Arithmetic.between(node.operation, left, right)
        }
        let holds = Arithmetic.holds(node.operation, left, right)
        if node.returnsBool { return holds ? 1 : 0 }
        return holds ? left : nil
    }

    /// The rows made so far and, within a step, what has met what.
    private struct Pairing {
        var result: Frame
        /// Result rows by their pair of input rows; -1 for a filled side, told apart by the group.
        var rows: [Pair: Int] = [:]
        /// By group: the row of the "one" side at this step, or -1.
        var oneRow: [Int]
        /// By group: the result rows of this step's matches.
        var matches: [[Int]]

        init(steps: Int, groupCount: Int) {
            result = Frame(steps: steps)
            oneRow = [Int](repeating: -1, count: groupCount)
            matches = [[Int]](repeating: [], count: groupCount)
        }
    }

    private struct Pair: Hashable {
        var many: Int
        var one: Int
        var group: Int
    }

    private func pair(
        _ many: Frame,
        _ one: Frame,
        _ manyGroups: [Int],
        _ oneGroups: [Int],
        _ step: Int,
        _ pairing: inout Pairing
    ) throws(QueryError) {
        for group in pairing.oneRow.indices {
            pairing.oneRow[group] = -1
            pairing.matches[group].removeAll(keepingCapacity: true)
        }
        // Where a side is empty nothing pairs up: then not even duplicates on the other are an error.
        if matching.fillLeft == nil, matching.fillRight == nil {
            guard many.hasValue(at: step), one.hasValue(at: step) else { return }
        }
        for row in 0..<one.count where one[row, step].isPresent {
            let group = oneGroups[row]
            let other = pairing.oneRow[group]
            guard other < 0 else { throw .execution(duplicate(one.labels[row], one.labels[other])) }
            pairing.oneRow[group] = row
        }
        // As in Prometheus, fill_right stands for the "one" side and fill_left for the other, whichever of
        // them is written right.
        let fillOne = matching.fillRight
        let fillMany = matching.fillLeft
        for row in 0..<many.count where many[row, step].isPresent {
            let group = manyGroups[row]
            let partner = pairing.oneRow[group]
            if partner >= 0 {
                try apply(
                    many[row, step],
                    one[partner, step],
                    step,
                    Pair(many: row, one: partner, group: group),
                    many,
                    one,
                    &pairing
                )
            } else if let fillOne {
                try apply(
                    many[row, step],
                    fillOne,
                    step,
                    Pair(many: row, one: -1, group: group),
                    many,
                    one,
                    &pairing
                )
            }
        }
        guard let fillMany else { return }
        for row in 0..<one.count
        where one[row, step].isPresent && pairing.matches[oneGroups[row]].isEmpty {
            try apply(
                fillMany,
                one[row, step],
                step,
                Pair(many: -1, one: row, group: oneGroups[row]),
                many,
                one,
                &pairing
            )
        }
    }

    private func apply(
        _ manyValue: Double,
        _ oneValue: Double,
        _ step: Int,
        _ pair: Pair,
        _ many: Frame,
        _ one: Frame,
        _ pairing: inout Pairing
    ) throws(QueryError) {
        let row: Int
        if let known = pairing.rows[pair] {
            row = known
        } else {
            try evaluator.run.checkSize(rows: pairing.result.count + 1, steps: many.steps)
            row = appendRow(pair, many, one, &pairing.result)
            pairing.rows[pair] = row
        }
        if matching.cardinality == .oneToOne {
            guard pairing.matches[pair.group].isEmpty else {
                throw .execution(
                    "multiple matches for labels: many-to-one matching must be explicit "
                        + "(group_left/group_right)"
                )
            }
        } else {
            let labels = pairing.result.labels[row]
            let isTaken = pairing.matches[pair.group].contains {
                pairing.result.labels[$0] == labels
            }
            if isTaken {
                throw .execution(
                    "multiple matches for labels: grouping labels must ensure unique matches"
                )
            }
        }
        pairing.matches[pair.group].append(row)
        let left = isSwapped ? oneValue : manyValue
        let right = isSwapped ? manyValue : oneValue
        if let value = combine(left, right) { pairing.result[row, step] = value }
    }

    private func appendRow(
        _ pair: Pair,
        _ many: Frame,
        _ one: Frame,
        _ result: inout Frame
    ) -> Int {
        // A filled side has the labels that both sides must share.
        let manyLabels = pair.many >= 0 ? many.labels[pair.many] : shared(one.labels[pair.one])
        let oneLabels = pair.one >= 0 ? one.labels[pair.one] : shared(manyLabels)
        let isArithmetic = !node.operation.isComparison
        let losesName = isArithmetic || (node.returnsBool && !evaluator.delaysNameRemoval)
        var labels = manyLabels.filtering { name in
            if losesName, LabelSet.isMetadata(name) { return false }
            guard matching.cardinality == .oneToOne else { return true }
            return name.isOne(of: matching.labels) == matching.isOn
        }
        for name in matching.include { labels[name] = oneLabels[name] }
        let dropsName =
            node.returnsBool || (!isArithmetic && pair.many >= 0 && many.dropsName[pair.many])
        return result.appendRow(labels, dropsName: dropsName)
    }

    /// The labels by which a series pairs up.
    private func shared(_ labels: LabelSet) -> LabelSet {
        matching.isOn
            ? labels.keeping(matching.labels)
            : labels.dropping(matching.labels + [LabelSet.metricName])
    }

    private func duplicate(_ labels: LabelSet, _ other: LabelSet) -> String {
        "found duplicate series for the match group \(shared(labels)) on the "
            + "\(isSwapped ? "left" : "right") hand-side of the operation: "
            + "[\(labels.asPrometheus), \(other.asPrometheus)];many-to-many matching not allowed: "
            + "matching labels must be unique on one side"
    }
}

extension LabelSet {
    /// As Prometheus prints label sets in errors: `{__name__="up", job="a"}`.
    var asPrometheus: String {
        "{\(labels.map { "\($0.name)=\(LabelSet.quoted($0.value))" }.joined(separator: ", "))}"
    }
}
