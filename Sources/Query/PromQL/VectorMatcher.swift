import Model
import PromQLSyntax

/// Pairs the series of two vectors and applies an arithmetic or comparison operator to each pair.
struct VectorMatcher {
    private let evaluator: Evaluator
    private let plan: PlanNode
    private let node: BinaryExpression
    private let matching: VectorMatching
    /// True for `group_right`: the sides are swapped while pairing, the "one" side stands right.
    private let isSwapped: Bool

    init(evaluator: Evaluator, plan: PlanNode, node: BinaryExpression) {
        self.evaluator = evaluator
        self.plan = plan
        self.node = node
        matching = node.matching ?? VectorMatching()
        isSwapped = matching.cardinality == .oneToMany
    }

    func match(_ left: Frame, _ right: Frame) throws(QueryError) -> Frame {
        let many = isSwapped ? right : left
        let one = isSwapped ? left : right
        let pairs = plan.pairs(many.table, one.table) {
            PairedTables(
                many.table,
                one.table,
                by: matching.key,
                matched: matching.cardinality == .oneToOne ? matchedLabels : nil
            )
        }
        if let result = matchFixedPairs(many, one, pairs) { return result }
        var pairing = Pairing(
            steps: many.steps,
            groupCount: pairs.groupCount,
            matches: plan.matches(many.table, one.table)
        )
        for step in 0..<many.steps { try pair(many, one, pairs, step, &pairing) }
        var result = pairing.frame { dropsName($0, many) }
        plan.keep { $0.matches = pairing.matches }
        try evaluator.mergeEqualLabels(&result)
        return result
    }

    /// One-to-one matching where no group ever has two rows on a side: the pairs are the same at each step.
    ///
    /// - Returns: Nil when the pairs must be found step by step.
    private func matchFixedPairs(
        _ left: Frame,
        _ right: Frame,
        _ pairs: PairedTables
    ) -> Frame? {
        guard matching.cardinality == .oneToOne, matching.fillLeft == nil,
            matching.fillRight == nil, let matched = pairs.matched
        else { return nil }
        var partners = [Int32](repeating: -1, count: pairs.groupCount)
        for row in 0..<right.count where right.hasValues(row) {
            let group = Int(pairs.rightGroups[row])
            guard partners[group] < 0 else { return nil }
            partners[group] = Int32(row)
        }
        var isTaken = [Bool](repeating: false, count: pairs.groupCount)
        // The labels of a result are those of its group, with the name or without.
        var result = Frame(
            absent: matched,
            steps: left.steps,
            drops: node.returnsBool ? .all : node.operation.isComparison ? left.drops : .none,
            isDistinct: true
        )
        for row in 0..<left.count where left.hasValues(row) {
            let group = Int(pairs.leftGroups[row])
            guard !isTaken[group] else { return nil }
            isTaken[group] = true
            let partner = Int(partners[group])
            guard partner >= 0 else { continue }
            for step in 0..<left.steps {
                let (a, b) = (left[row, step], right[partner, step])
                guard a.isPresent, b.isPresent, let value = combine(a, b) else { continue }
                result[row, step] = value
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
        /// What pairs were found in earlier evaluations.
        var matches: MatchedPairs
        var rows: MatchedPairs.Rows
        var values: [Double] = []
        let steps: Int
        /// By group: the row of the "one" side at this step, or -1.
        var oneRow: [Int]
        /// By group: whether it has a match at this step.
        var isMatched: [Bool]
        /// The labels that a group has at this step.
        var taken: Set<GroupLabels> = []

        struct GroupLabels: Hashable {
            var group: Int
            var labels: Int
        }

        init(steps: Int, groupCount: Int, matches: MatchedPairs) {
            self.steps = steps
            self.matches = matches
            rows = MatchedPairs.Rows()
            oneRow = [Int](repeating: -1, count: groupCount)
            isMatched = [Bool](repeating: false, count: groupCount)
        }

        /// The result of all pairs, in the order they were found.
        mutating func frame(dropsName: (MatchedPairs.Pair) -> Bool) -> Frame {
            let table = matches.table(of: rows)
            let drops = rows.pairs.map(dropsName)
            return Frame(
                table,
                values,
                steps: steps,
                drops: drops.contains(true)
                    ? (drops.contains(false) ? .some(drops) : .all) : .none,
                isDistinct: !rows.hasEqualLabels(matches)
            )
        }
    }

    private func pair(
        _ many: Frame,
        _ one: Frame,
        _ pairs: PairedTables,
        _ step: Int,
        _ pairing: inout Pairing
    ) throws(QueryError) {
        for group in pairing.oneRow.indices {
            pairing.oneRow[group] = -1
            pairing.isMatched[group] = false
        }
        pairing.taken.removeAll(keepingCapacity: true)
        // Where a side is empty nothing pairs up: then not even duplicates on the other are an error.
        if matching.fillLeft == nil, matching.fillRight == nil {
            guard many.hasValue(at: step), one.hasValue(at: step) else { return }
        }
        for row in 0..<one.count where one[row, step].isPresent {
            let group = Int(pairs.rightGroups[row])
            let other = pairing.oneRow[group]
            guard other < 0 else { throw .execution(duplicate(one.labels[row], one.labels[other])) }
            pairing.oneRow[group] = row
        }
        // As in Prometheus, fill_right stands for the "one" side and fill_left for the other, whichever of
        // them is written right.
        let fillOne = matching.fillRight
        let fillMany = matching.fillLeft
        for row in 0..<many.count where many[row, step].isPresent {
            let group = Int(pairs.leftGroups[row])
            let partner = pairing.oneRow[group]
            let pair = MatchedPairs.Pair(many: row, one: partner, group: group)
            if partner >= 0 {
                let values = (many[row, step], one[partner, step])
                try apply(values, step, pair, many, one, &pairing)
            } else if let fillOne {
                try apply((many[row, step], fillOne), step, pair, many, one, &pairing)
            }
        }
        guard let fillMany else { return }
        for row in 0..<one.count where one[row, step].isPresent {
            let group = Int(pairs.rightGroups[row])
            guard !pairing.isMatched[group] else { continue }
            let pair = MatchedPairs.Pair(many: -1, one: row, group: group)
            try apply((fillMany, one[row, step]), step, pair, many, one, &pairing)
        }
    }

    private func apply(
        _ values: (many: Double, one: Double),
        _ step: Int,
        _ pair: MatchedPairs.Pair,
        _ many: Frame,
        _ one: Frame,
        _ pairing: inout Pairing
    ) throws(QueryError) {
        let row: Int
        if let known = pairing.rows[pair] {
            row = known
        } else {
            try evaluator.run.checkSize(rows: pairing.rows.count + 1, steps: many.steps)
            row = pairing.rows.append(
                pair,
                labels: pairing.matches.number(pair) { labels(pair, many, one) }
            )
            pairing.values.append(contentsOf: repeatElement(Absent.value, count: many.steps))
        }
        if matching.cardinality == .oneToOne {
            guard !pairing.isMatched[pair.group] else {
                throw .execution(
                    "multiple matches for labels: many-to-one matching must be explicit "
                        + "(group_left/group_right)"
                )
            }
        } else {
            let own = Pairing.GroupLabels(group: pair.group, labels: pairing.rows.labels[row])
            guard pairing.taken.insert(own).inserted else {
                throw .execution(
                    "multiple matches for labels: grouping labels must ensure unique matches"
                )
            }
        }
        pairing.isMatched[pair.group] = true
        let left = isSwapped ? values.one : values.many
        let right = isSwapped ? values.many : values.one
        if let value = combine(left, right) {
            pairing.values[row * many.steps + step] = value
        }
    }

    private func labels(_ pair: MatchedPairs.Pair, _ many: Frame, _ one: Frame) -> LabelSet {
        // A filled side has the labels that both sides must share.
        let manyLabels = pair.many >= 0 ? many.labels[pair.many] : shared(one.labels[pair.one])
        let oneLabels = pair.one >= 0 ? one.labels[pair.one] : shared(manyLabels)
        var labels = matchedLabels(manyLabels)
        for name in matching.include { labels[name] = oneLabels[name] }
        return labels
    }

    /// What is left of the labels of the "many" side.
    private func matchedLabels(_ labels: LabelSet) -> LabelSet {
        let losesName =
            !node.operation.isComparison || (node.returnsBool && !evaluator.delaysNameRemoval)
        return labels.filtering { name in
            if losesName, LabelSet.isMetadata(name) { return false }
            guard matching.cardinality == .oneToOne else { return true }
            return name.isOne(of: matching.labels) == matching.isOn
        }
    }

    private func dropsName(_ pair: MatchedPairs.Pair, _ many: Frame) -> Bool {
        node.returnsBool
            || (node.operation.isComparison && pair.many >= 0 && many.drops[pair.many])
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
