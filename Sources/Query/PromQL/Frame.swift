import Model

/// An instant vector over all steps of a grid: one row of values a series, `Absent` where there is none.
///
/// Rows stand one to one for the series of a table that is shared, not copied. A row may have no value at any step: it
/// then counts for nothing, so that no result depends on series that have none.
struct Frame {
    private(set) var table: SeriesTable
    /// Which series' metric names are to be dropped from the result.
    var drops: NameDrops
    /// Row by row, `steps` values each.
    var values: [Double]
    let steps: Int
    /// True when it is known that no two rows with values have equal labels.
    var isDistinct: Bool

    init(
        _ table: SeriesTable,
        _ values: [Double],
        steps: Int,
        drops: NameDrops = .none,
        isDistinct: Bool
    ) {
        self.table = table
        self.values = values
        self.steps = steps
        self.drops = drops
        self.isDistinct = isDistinct
    }

    /// A frame whose rows have no values yet.
    init(absent table: SeriesTable, steps: Int, drops: NameDrops = .none, isDistinct: Bool) {
        self.init(
            table,
            [Double](repeating: Absent.value, count: table.count * steps),
            steps: steps,
            drops: drops,
            isDistinct: isDistinct
        )
    }

    /// A frame without rows.
    init(steps: Int) {
        self.init(.empty, [], steps: steps, isDistinct: true)
    }

    /// A frame of one row without labels.
    init(single values: [Double]) {
        self.init(.bare, values, steps: values.count, isDistinct: true)
    }

    var count: Int { table.count }
    var labels: [LabelSet] { table.labels }

    subscript(row: Int, step: Int) -> Double {
        @inline(__always) get { values[row &* steps &+ step] }
        @inline(__always) set { values[row &* steps &+ step] = newValue }
    }

    /// True when the row has a value at some step.
    @inline(__always)
    func hasValues(_ row: Int) -> Bool {
        for step in 0..<steps where self[row, step].isPresent { return true }
        return false
    }

    /// True when some row has a value at the step.
    func hasValue(at step: Int) -> Bool {
        for row in 0..<count where self[row, step].isPresent { return true }
        return false
    }

    /// How many values there are.
    var presentCount: Int {
        var count = 0
        for value in values where value.isPresent { count += 1 }
        return count
    }

    /// True when there is any value.
    var hasValues: Bool { values.contains { $0.isPresent } }

    /// The same frame with only the rows that have a value.
    func compacted() -> Frame {
        let kept = (0..<count).filter(hasValues)
        return kept.count == count ? self : selecting(kept)
    }

    /// The rows at `indices`, in that order.
    func selecting(_ indices: [Int]) -> Frame {
        var chosen: [Double] = []
        chosen.reserveCapacity(indices.count * steps)
        for row in indices {
            chosen.append(contentsOf: values[(row * steps)..<((row + 1) * steps)])
        }
        let labels = table.labels
        return Frame(
            SeriesTable(indices.map { labels[$0] }),
            chosen,
            steps: steps,
            drops: drops.selecting(indices),
            isDistinct: isDistinct
        )
    }

    /// Applies `function` to every value there is.
    @inline(__always)
    mutating func map(_ function: (Double) -> Double) {
        for index in values.indices where values[index].isPresent {
            values[index] = function(values[index])
        }
    }

    /// Puts another table of as many rows in place of the frame's.
    mutating func relabel(_ table: SeriesTable, isDistinct: Bool) {
        assert(table.count == count, "a table stands one to one for the rows")
        self.table = table
        self.isDistinct = isDistinct
    }

    /// Removes name, type and unit from the labels of the rows that are to lose them.
    mutating func removeDroppedNames() {
        guard drops != .none, let renamed = RenamedTable(self) else { return }
        relabel(renamed.table, isDistinct: renamed.isDistinct)
    }

    /// One step's frame repeated for all of `steps`.
    func broadcast(to steps: Int) -> Frame {
        precondition(self.steps == 1, "only a single moment can stand for all")
        var repeated: [Double] = []
        repeated.reserveCapacity(count * steps)
        for value in values { repeated.append(contentsOf: repeatElement(value, count: steps)) }
        return Frame(table, repeated, steps: steps, drops: drops, isDistinct: isDistinct)
    }

    /// Merges rows of equal labels that never have a value at one step.
    ///
    /// - Returns: False when two rows of equal labels have a value at the same step.
    mutating func mergeEqualLabels() -> Bool {
        guard count > 1, !isDistinct else { return true }
        var frame = compacted()
        var rows = LabelTable(capacity: frame.count)
        var merged: [Int] = []
        for row in 0..<frame.count {
            let (ordinal, isNew) = rows.insert(frame.labels[row])
            guard !isNew else {
                merged.append(row)
                continue
            }
            let target = merged[ordinal]
            for step in 0..<steps where frame[row, step].isPresent {
                guard frame[target, step].isAbsent else { return false }
                frame[target, step] = frame[row, step]
            }
        }
        self = merged.count < frame.count ? frame.selecting(merged) : frame
        isDistinct = true
        return true
    }
}

/// Which rows of a frame are to lose their metric name in the end.
enum NameDrops: Equatable {
    case none, all
    /// Row by row.
    case some([Bool])

    @inline(__always)
    subscript(row: Int) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .some(let rows): rows[row]
        }
    }

    func selecting(_ indices: [Int]) -> NameDrops {
        guard case .some(let rows) = self else { return self }
        return .some(indices.map { rows[$0] })
    }

    /// The flags of `count` rows followed by those of others.
    func followed(by other: NameDrops, _ count: Int, _ otherCount: Int) -> NameDrops {
        if self == other, self == .none || self == .all { return self }
        return .some((0..<count).map { self[$0] } + (0..<otherCount).map { other[$0] })
    }
}

extension SeriesTable {
    /// No series.
    static let empty = SeriesTable([])
    /// One series without labels.
    static let bare = SeriesTable([LabelSet()])
}
