import Model

/// The labels of the pairs that a matching of two tables found, kept from one evaluation to the next.
struct MatchedPairs: Sendable {
    struct Pair: Hashable {
        /// Rows of the two tables; -1 for a side that is filled, told apart by the group.
        var many: Int
        var one: Int
        var group: Int
    }

    /// The rows of one result.
    struct Rows {
        private(set) var pairs: [Pair] = []
        /// Row by row, the number of its labels.
        private(set) var labels: [Int] = []
        private var places: [Pair: Int] = [:]

        var count: Int { pairs.count }

        subscript(pair: Pair) -> Int? { places[pair] }

        mutating func append(_ pair: Pair, labels number: Int) -> Int {
            places[pair] = pairs.count
            pairs.append(pair)
            labels.append(number)
            return pairs.count - 1
        }

        /// True when two rows have the same labels.
        func hasEqualLabels(_ matches: MatchedPairs) -> Bool {
            var isSeen = [Bool](repeating: false, count: matches.labels.count)
            for number in labels {
                if isSeen[number] { return true }
                isSeen[number] = true
            }
            return false
        }
    }

    let many: SeriesTable
    let one: SeriesTable
    private var labels: LabelTable
    private var numbers: [Pair: Int] = [:]
    /// The last result's rows, by the numbers of their labels, and their table.
    private var last: (numbers: [Int], table: SeriesTable) = ([], .empty)

    init(_ many: SeriesTable, _ one: SeriesTable) {
        self.many = many
        self.one = one
        labels = LabelTable(capacity: 16)
    }

    /// The number of a pair's labels, equal for equal labels.
    mutating func number(_ pair: Pair, labels make: () -> LabelSet) -> Int {
        if let known = numbers[pair] { return known }
        let number = labels.insert(make()).ordinal
        numbers[pair] = number
        return number
    }

    /// The table of a result: the same object while the rows are the same.
    mutating func table(of rows: Rows) -> SeriesTable {
        if last.numbers != rows.labels {
            let all = labels.representatives
            last = (rows.labels, SeriesTable(rows.labels.map { all[$0] }))
        }
        return last.table
    }
}

extension PlanNode {
    /// The pairs found earlier between two tables.
    func matches(_ many: SeriesTable, _ one: SeriesTable) -> MatchedPairs {
        if let known = recall({ $0.matches }), known.many === many, known.one === one {
            return known
        }
        return MatchedPairs(many, one)
    }
}
