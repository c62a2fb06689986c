import Model

/// An instant vector over all steps of a grid: one row of values a series, `Absent` where there is none.
struct Frame {
    var labels: [LabelSet]
    /// True for series whose metric name is to be dropped from the result.
    var dropsName: [Bool]
    /// Row by row, `steps` values each.
    var values: [Double]
    let steps: Int
    /// True when it is known that no two rows have equal labels.
    var isDistinct = false

    init(steps: Int) {
        self.steps = steps
        labels = []
        dropsName = []
        values = []
    }

    var count: Int { labels.count }

    mutating func reserve(_ rows: Int) {
        labels.reserveCapacity(rows)
        dropsName.reserveCapacity(rows)
        values.reserveCapacity(rows * steps)
    }

    /// Adds a row without values and returns its index.
    @discardableResult
    mutating func appendRow(_ labels: LabelSet, dropsName: Bool = false) -> Int {
        self.labels.append(labels)
        self.dropsName.append(dropsName)
        values.append(contentsOf: repeatElement(Absent.value, count: steps))
        return self.labels.count - 1
    }

    /// Removes the last row.
    mutating func removeLastRow() {
        labels.removeLast()
        dropsName.removeLast()
        values.removeLast(steps)
    }

    subscript(row: Int, step: Int) -> Double {
        @inline(__always) get { values[row &* steps &+ step] }
        @inline(__always) set { values[row &* steps &+ step] = newValue }
    }

    /// True when the row has a value at some step.
    func hasValues(_ row: Int) -> Bool {
        for step in 0..<steps where self[row, step].isPresent { return true }
        return false
    }

    /// True when some row has a value at the step.
    func hasValue(at step: Int) -> Bool {
        for row in 0..<count where self[row, step].isPresent { return true }
        return false
    }

    /// The same frame with only the rows that have a value.
    func compacted() -> Frame {
        let kept = (0..<count).filter(hasValues)
        return kept.count == count ? self : selecting(kept)
    }

    /// The rows at `indices`, in that order.
    func selecting(_ indices: [Int]) -> Frame {
        var result = Frame(steps: steps)
        result.reserve(indices.count)
        for index in indices { result.append(row: index, of: self) }
        result.isDistinct = isDistinct
        return result
    }

    /// Adds a copy of a row of a frame over the same grid.
    mutating func append(row: Int, of other: Frame) {
        labels.append(other.labels[row])
        dropsName.append(other.dropsName[row])
        values.append(contentsOf: other.values[(row * steps)..<((row + 1) * steps)])
    }

    /// Applies `function` to every value there is.
    @inline(__always)
    mutating func map(_ function: (Double) -> Double) {
        for index in values.indices where values[index].isPresent {
            values[index] = function(values[index])
        }
    }

    /// Marks the name of every row as dropped, or drops it at once.
    mutating func dropNames(delayed: Bool) {
        for row in 0..<count { dropsName[row] = true }
        if !delayed { removeDroppedNames() }
    }

    /// Removes name, type and unit from the labels of the rows that are to lose them.
    mutating func removeDroppedNames() {
        guard let first = dropsName.firstIndex(of: true) else { return }
        // Labels that were distinct stay so when all lose the same.
        if isDistinct {
            isDistinct =
                dropsName.allSatisfy { $0 }
                && labels.allSatisfy { $0.hasSameMetadata(as: labels[first]) }
        }
        for row in first..<count where dropsName[row] {
            labels[row] = labels[row].withoutMetadata
        }
    }

    /// One step's frame repeated for all of `steps`.
    func broadcast(to steps: Int) -> Frame {
        precondition(self.steps == 1, "only a single moment can stand for all")
        var result = Frame(steps: steps)
        result.labels = labels
        result.dropsName = dropsName
        result.isDistinct = isDistinct
        result.values.reserveCapacity(count * steps)
        for value in values {
            result.values.append(contentsOf: repeatElement(value, count: steps))
        }
        return result
    }

    /// Merges rows of equal labels that never have a value at one step.
    ///
    /// - Returns: False when two rows of equal labels have a value at the same step.
    mutating func mergeEqualLabels() -> Bool {
        guard count > 1, !isDistinct else { return true }
        var rows = LabelTable(capacity: count)
        var merged: [Int] = []
        for row in 0..<count {
            let (ordinal, isNew) = rows.insert(labels[row])
            guard !isNew else {
                merged.append(row)
                continue
            }
            let target = merged[ordinal]
            for step in 0..<steps where self[row, step].isPresent {
                guard self[target, step].isAbsent else { return false }
                self[target, step] = self[row, step]
            }
        }
        if merged.count < count { self = selecting(merged) }
        isDistinct = true
        return true
    }
}
