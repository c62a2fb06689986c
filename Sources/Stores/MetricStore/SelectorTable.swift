import Model

/// A selector's series over all shards: the table, and which rows are whose.
final class SelectorTable: Sendable {
    let table: SeriesTable
    /// By shard: of the plan that the rows come from.
    let versions: [UInt64]
    /// By shard: the row of each series of its plan.
    private let rows: [[UInt32]]

    private init(table: SeriesTable, versions: [UInt64], rows: [[UInt32]]) {
        self.table = table
        self.versions = versions
        self.rows = rows
    }

    /// True when the shards have answered from the same plans.
    func isMade(of parts: [ColumnWork.Part], selector: Int) -> Bool {
        for shard in versions.indices
        where parts[shard].versions[selector] != versions[shard] { return false }
        return true
    }

    /// Puts the shards' values of one request in the order of the rows.
    func merged(_ parts: [ColumnWork.Part], request: Int, steps: Int) -> [Double] {
        let count = table.count * steps
        return unsafe [Double](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = count
            guard let target = buffer.baseAddress else { return }
            for shard in rows.indices {
                let part = parts[shard].values[request]
                precondition(
                    part.count == rows[shard].count * steps,
                    "a part has its plan's series"
                )
                if rows.count == 1 {
                    unsafe target.initialize(from: part.base, count: count)
                } else if steps == 1 {
                    for (place, row) in rows[shard].enumerated() {
                        unsafe (target + Int(row)).initialize(to: part.base[place])
                    }
                } else {
                    for (place, row) in rows[shard].enumerated() {
                        unsafe (target + Int(row) * steps).initialize(
                            from: part.base + place * steps,
                            count: steps
                        )
                    }
                }
            }
        }
    }

    /// The rows of which the shards have noticed something for one request, in order.
    func noticed(_ parts: [ColumnWork.Part], request: Int) -> [Int] {
        var found: [Int] = []
        for shard in rows.indices {
            for place in parts[shard].noticed[request] {
                found.append(Int(rows[shard][Int(place)]))
            }
        }
        return found.count > 1 ? found.sorted() : found
    }

    // MARK: Making

    /// A series of a shard's plan.
    private struct Source {
        var shard: Int32
        var place: UInt32
    }

    /// The table for the shards' plans.
    ///
    /// - Parameters:
    ///   - known: An older one, if there is.
    ///   - parts: By shard; labels in order, nil only when `known` has that version.
    /// - Returns: One whose table is that of `known` when the series are the same.
    static func updated(
        _ known: SelectorTable?,
        _ parts: [(version: UInt64, labelSets: [LabelSet]?)]
    ) -> SelectorTable {
        let versions = parts.map(\.version)
        guard let known else { return merged(versions, parts.map { $0.labelSets ?? [] }) }
        // Where each old row's series is now; nil when it is gone.
        var sources = [Source?](repeating: nil, count: known.table.count)
        var fresh: [(labels: LabelSet, source: Source)] = []
        for (shard, part) in parts.enumerated() {
            let rows = known.rows[shard]
            guard versions[shard] != known.versions[shard], let labelSets = part.labelSets else {
                for (place, row) in rows.enumerated() {
                    sources[Int(row)] = Source(shard: Int32(shard), place: UInt32(place))
                }
                continue
            }
            var old = 0
            for (place, labels) in labelSets.enumerated() {
                let source = Source(shard: Int32(shard), place: UInt32(place))
                // Label sets that both have are most often the same array, which is seen at once.
                while old < rows.count, known.table.labels[Int(rows[old])] != labels,
                    known.table.labels[Int(rows[old])] < labels
                {
                    old += 1
                }
                if old < rows.count, known.table.labels[Int(rows[old])] == labels {
                    sources[Int(rows[old])] = source
                    old += 1
                } else {
                    fresh.append((labels, source))
                }
            }
        }
        return known.changed(versions, sources, fresh.sorted { $0.labels < $1.labels })
    }

    private func changed(
        _ versions: [UInt64],
        _ sources: [Source?],
        _ fresh: [(labels: LabelSet, source: Source)]
    ) -> SelectorTable {
        var order: [Source] = []
        order.reserveCapacity(sources.count + fresh.count)
        if fresh.isEmpty, !sources.contains(where: { $0 == nil }) {
            // The same series under other plans.
            order = sources.compactMap(\.self)
            return SelectorTable(
                table: table,
                versions: versions,
                rows: SelectorTable.rows(order, shards: versions.count)
            )
        }
        var labels: [LabelSet] = []
        labels.reserveCapacity(sources.count + fresh.count)
        var next = 0
        for (labelSet, source) in fresh {
            let end = place(of: labelSet, from: next)
            keep(next..<end, sources, &labels, &order)
            labels.append(labelSet)
            order.append(source)
            next = end
        }
        keep(next..<sources.count, sources, &labels, &order)
        return SelectorTable(
            table: SeriesTable(labels),
            versions: versions,
            rows: SelectorTable.rows(order, shards: versions.count)
        )
    }

    private func keep(
        _ range: Range<Int>,
        _ sources: [Source?],
        _ labels: inout [LabelSet],
        _ order: inout [Source]
    ) {
        for row in range {
            guard let source = sources[row] else { continue }
            labels.append(table.labels[row])
            order.append(source)
        }
    }

    /// The first row at or after `start` that does not come before `labels`: by doubling steps, then by halving.
    private func place(of labels: LabelSet, from start: Int) -> Int {
        var (low, high, step) = (start, start, 1)
        while high < table.count, table.labels[high] < labels {
            low = high + 1
            high += step
            step *= 2
        }
        high = min(high, table.count)
        while low < high {
            let middle = (low + high) / 2
            if table.labels[middle] < labels { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Merges lists that are in order, two by two.
    private static func merged(
        _ versions: [UInt64],
        _ parts: [[LabelSet]]
    ) -> SelectorTable {
        var lists: [[Source]] = parts.enumerated().map { shard, labels in
            labels.indices.map { Source(shard: Int32(shard), place: UInt32($0)) }
        }
        func labels(_ source: Source) -> LabelSet { parts[Int(source.shard)][Int(source.place)] }
        while lists.count > 1 {
            var halved: [[Source]] = []
            for first in stride(from: 0, to: lists.count, by: 2) {
                guard first + 1 < lists.count else {
                    halved.append(lists[first])
                    continue
                }
                let (left, right) = (lists[first], lists[first + 1])
                var both: [Source] = []
                both.reserveCapacity(left.count + right.count)
                var (a, b) = (0, 0)
                while a < left.count, b < right.count {
                    if labels(right[b]) < labels(left[a]) {
                        both.append(right[b])
                        b += 1
                    } else {
                        both.append(left[a])
                        a += 1
                    }
                }
                both.append(contentsOf: left[a...])
                both.append(contentsOf: right[b...])
                halved.append(both)
            }
            lists = halved
        }
        let order = lists.first ?? []
        return SelectorTable(
            table: SeriesTable(parts.count == 1 ? parts[0] : order.map(labels)),
            versions: versions,
            rows: rows(order, shards: parts.count)
        )
    }

    private static func rows(_ order: [Source], shards: Int) -> [[UInt32]] {
        var counts = [Int](repeating: 0, count: shards)
        for source in order { counts[Int(source.shard)] += 1 }
        var rows = counts.map { [UInt32](repeating: 0, count: $0) }
        for (row, source) in order.enumerated() {
            rows[Int(source.shard)][Int(source.place)] = UInt32(row)
        }
        return rows
    }
}
