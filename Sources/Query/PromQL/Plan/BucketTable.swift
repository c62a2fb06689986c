import Model

/// Which rows of a table are the buckets of which histogram.
final class BucketTable: Sendable {
    let source: SeriesTable
    /// Histogram by histogram, its buckets by bound.
    let members: [[(bound: Double, row: Int)]]
    /// The histograms' labels, of results.
    let table: SeriesTable
    /// The same with their names.
    let named: SeriesTable
    /// Rows whose bound cannot be read.
    let malformed: [Int]

    init(_ source: SeriesTable, keepsNames: Bool) {
        self.source = source
        var numbers = LabelTable(.without(["le"]), capacity: 16)
        var members: [[(bound: Double, row: Int)]] = []
        var malformed: [Int] = []
        for (row, labels) in source.labels.enumerated() {
            guard let bound = BucketTable.bound(labels["le"]) else {
                malformed.append(row)
                continue
            }
            let (ordinal, isNew) = numbers.insert(labels)
            if isNew { members.append([]) }
            members[ordinal].append((bound, row))
        }
        self.members = members.map { unsorted in
            unsorted.sorted { ($0.bound, $0.row) < ($1.bound, $1.row) }
        }
        self.malformed = malformed
        named = SeriesTable(numbers.representatives.map { $0.dropping(["le"]) })
        table =
            keepsNames ? named : SeriesTable(named.labels.map(\.withoutMetadata))
    }

    /// Reads an upper bound as Go's ParseFloat does.
    private static func bound(_ text: String) -> Double? {
        switch text.lowercased() {
        case "+inf", "inf", "infinity", "+infinity": .infinity
        case "-inf", "-infinity": -.infinity
        case "nan": .nan
        // A bound too large for a number is malformed, not infinite.
        default: Double(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }
}
