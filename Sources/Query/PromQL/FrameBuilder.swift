import Model

/// Makes a frame row by row, where the rows are not known beforehand.
struct FrameBuilder {
    private var labels: [LabelSet] = []
    private var dropsName: [Bool] = []
    private var values: [Double] = []
    let steps: Int

    init(steps: Int) { self.steps = steps }

    var count: Int { labels.count }

    /// Adds a row without values and returns its index.
    @discardableResult
    mutating func appendRow(_ labels: LabelSet, dropsName: Bool = false) -> Int {
        self.labels.append(labels)
        self.dropsName.append(dropsName)
        values.append(contentsOf: repeatElement(Absent.value, count: steps))
        return self.labels.count - 1
    }

    subscript(row: Int, step: Int) -> Double {
        @inline(__always) get { values[row &* steps &+ step] }
        @inline(__always) set { values[row &* steps &+ step] = newValue }
    }

    /// The frame, with a table of its own.
    func frame(isDistinct: Bool = false) -> Frame {
        Frame(
            SeriesTable(labels),
            values,
            steps: steps,
            drops: .some(dropsName),
            isDistinct: isDistinct
        )
    }
}
