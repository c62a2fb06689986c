import Matching
import Model

/// What a node has made of the labels of its operands' tables.
///
/// Each is good as long as the operand's table is the same object; the next evaluation over another table replaces it.
struct Derivations {
    var groups: GroupedTable?
    var renamed: RenamedTable?
    var pairs: PairedTables?
    /// Of matchings whose pairs are found step by step.
    var matches: MatchedPairs?
    var buckets: BucketTable?
    var replacement: LabelReplacement?
    var relabelled: RelabelledTable?
    var suspects: SuspectNames?
}

/// A table without the metric names, row by row.
final class RenamedTable: Sendable {
    let source: SeriesTable
    let sourceIsDistinct: Bool
    let table: SeriesTable
    /// True when rows that were distinct still are.
    let isDistinct: Bool

    /// Removes name, type and unit of the frame's rows that are to lose them; nil when none is.
    init?(_ frame: Frame) {
        let labels = frame.labels
        guard let first = labels.indices.first(where: { frame.drops[$0] }) else { return nil }
        source = frame.table
        sourceIsDistinct = frame.isDistinct
        // Labels that were distinct stay so when all lose the same.
        isDistinct =
            frame.isDistinct
            && labels.indices.allSatisfy { frame.drops[$0] }
            && labels.allSatisfy { $0.hasSameMetadata(as: labels[first]) }
        table = SeriesTable(
            labels.indices.map {
                frame.drops[$0] ? labels[$0].withoutMetadata : labels[$0]
            }
        )
    }
}

/// Which group each row of a table belongs to, and the groups' labels.
final class GroupedTable: Sendable {
    let source: SeriesTable
    /// Row by row.
    let groups: [Int32]
    /// Group by group, in the order of their first rows.
    let table: SeriesTable

    /// Groups the rows by some of their labels.
    ///
    /// - Parameters:
    ///   - source: The rows.
    ///   - key: Labels that make a group.
    ///   - labels: What a group is labelled with, of any of its rows.
    init(_ source: SeriesTable, by key: LabelTable.Key, labels: (LabelSet) -> LabelSet) {
        self.source = source
        var numbers = LabelTable(key, capacity: 16)
        groups = source.labels.map { Int32(numbers.insert($0).ordinal) }
        table = SeriesTable(numbers.representatives.map(labels))
    }
}

/// Which rows of two tables belong together.
final class PairedTables: Sendable {
    let left: SeriesTable
    let right: SeriesTable
    /// Row by row, groups numbered over both.
    let leftGroups: [Int32]
    let rightGroups: [Int32]
    let groupCount: Int
    /// The rows of the left followed by those of the right.
    let both: SeriesTable?
    /// The labels of the left rows once they are matched, row by row.
    let matched: SeriesTable?

    /// Pairs by some labels.
    ///
    /// - Parameters:
    ///   - left: The rows that are numbered first.
    ///   - right: The others.
    ///   - key: Labels by which rows belong together.
    ///   - needsBoth: Whether `both` is asked for.
    ///   - matched: The labels of a left row once it is matched; nil leaves them out.
    init(
        _ left: SeriesTable,
        _ right: SeriesTable,
        by key: LabelTable.Key,
        needsBoth: Bool = false,
        matched: ((LabelSet) -> LabelSet)? = nil
    ) {
        self.left = left
        self.right = right
        var numbers = LabelTable(key, capacity: left.count + right.count)
        leftGroups = left.labels.map { Int32(numbers.insert($0).ordinal) }
        rightGroups = right.labels.map { Int32(numbers.insert($0).ordinal) }
        groupCount = numbers.count
        both = needsBoth ? SeriesTable(left.labels + right.labels) : nil
        self.matched = matched.map { SeriesTable(left.labels.map($0)) }
    }
}

/// The rows whose metrics look like no counters.
final class SuspectNames: Sendable {
    let source: SeriesTable
    /// By name, its rows in order.
    let rows: [(name: String, rows: [Int])]

    init(_ source: SeriesTable) {
        self.source = source
        var found: [(name: String, rows: [Int])] = []
        for (row, labels) in source.labels.enumerated() {
            let name = labels.name
            if let last = found.last, last.name == name {
                found[found.count - 1].rows.append(row)
                continue
            }
            let looksLikeCounter = ["_total", "_sum", "_count", "_bucket"].contains {
                name.hasSuffix($0)
            }
            guard !name.isEmpty, !looksLikeCounter else { continue }
            if let index = found.firstIndex(where: { $0.name == name }) {
                found[index].rows.append(row)
            } else {
                found.append((name, [row]))
            }
        }
        rows = found
    }
}
