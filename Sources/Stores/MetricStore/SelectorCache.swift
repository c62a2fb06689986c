import Model

/// Series of the selectors that were asked for lately, in label order, so that asking again costs nothing
/// while no series came or went.
struct SelectorCache {
    /// A selector's series.
    struct Plan {
        /// In label order.
        var series: [UInt32]
        /// Their labels; nil until the plan is used a second time.
        var labelSets: [LabelSet]?
        /// `LabelIndex.changes`, or those of the selector's metric, when the plan was made.
        var changes: UInt64
        /// `LabelIndex.changes` when the plan was made: series made since are new to it.
        var made: UInt64
        var lastUse: UInt64
    }

    private let plansMax: Int
    private let budget: MemoryBudget
    /// Series in all plans together at most, and those whose labels are kept at most.
    private static let seriesMax = 2 << 20
    private static let labelSetsMax = 50_000
    /// What a label set takes, about: its array and its share of the strings.
    private static let labelSetBytes = 400
    private var plans: [[LabelMatcher]: Plan] = [:]
    private var seriesCount = 0
    private var labelSetCount = 0
    private var uses: UInt64 = 0

    init(plansMax: Int, budget: MemoryBudget) {
        self.plansMax = plansMax
        self.budget = budget
    }

    /// The series that satisfy the matchers, in label order, with their labels when those are kept.
    mutating func plan(
        _ matchers: [LabelMatcher],
        _ index: inout LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> Plan {
        uses += 1
        let changes = SelectorCache.changes(of: matchers, index, storage)
        let known = plans.removeValue(forKey: matchers)
        if let known { count(known, -1) }
        if var plan = known, plan.changes == changes {
            plan.lastUse = uses
            if plan.labelSets == nil,
                labelSetCount + plan.series.count <= SelectorCache.labelSetsMax
            {
                plan.labelSets = SelectorCache.labelSets(plan.series, index, storage)
            }
            keep(plan, matchers)
            return plan
        }
        let found = index.series(matching: matchers, storage)
        let plan = Plan(
            series: SelectorCache.ordered(found, like: known, index, storage),
            labelSets: nil,
            changes: changes,
            made: index.changes,
            lastUse: uses
        )
        if plansMax > 0, plan.series.count <= SelectorCache.seriesMax / 4 { keep(plan, matchers) }
        return plan
    }

    // MARK: Keeping

    private mutating func keep(_ plan: Plan, _ matchers: [LabelMatcher]) {
        while !plans.isEmpty,
            plans.count >= plansMax || seriesCount + plan.series.count > SelectorCache.seriesMax
        {
            dropOldest()
        }
        plans[matchers] = plan
        count(plan, 1)
    }

    private mutating func count(_ plan: Plan, _ sign: Int) {
        seriesCount += sign * plan.series.count
        labelSetCount += sign * (plan.labelSets?.count ?? 0)
        budget.add(
            bytes: sign
                * (plan.series.count * 4
                    + (plan.labelSets?.count ?? 0) * SelectorCache.labelSetBytes)
        )
    }

    private mutating func dropOldest() {
        // A quarter at once, so that a full cache is not searched at every miss.
        let byUse = plans.sorted { $0.value.lastUse < $1.value.lastUse }
        for (matchers, plan) in byUse.prefix(max(1, byUse.count / 4)) {
            plans[matchers] = nil
            count(plan, -1)
        }
    }

    private static func labelSets(
        _ series: [UInt32],
        _ index: borrowing LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> [LabelSet] {
        var sets: [LabelSet] = []
        sets.reserveCapacity(series.count)
        var texts: [UInt32: String] = [:]
        for one in series { sets.append(index.labelSet(one, storage, texts: &texts)) }
        return sets
    }

    /// When series that could satisfy the matchers last came or went.
    private static func changes(
        of matchers: [LabelMatcher],
        _ index: borrowing LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> UInt64 {
        for matcher in matchers
        where matcher.operation == .equal && matcher.name == LabelSet.metricName {
            guard let name = index.findName(LabelSet.metricName, storage.slab),
                let pair = index.findValue(matcher.value, name: name, storage.slab)
            else { return 0 }
            return index.metricChanges[pair] ?? index.changes
        }
        return index.changes
    }

    // MARK: Ordering

    /// Puts series in label order, starting from the order of an older plan where it still holds.
    private static func ordered(
        _ series: [UInt32],
        like stale: Plan?,
        _ index: borrowing LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> [UInt32] {
        guard let stale, stale.made >= index.lastPurge else {
            return sorted(series, index, storage)
        }
        // No number changed its meaning: what the old plan had is in order, and only the new need sorting.
        var fresh: [UInt32] = []
        let made = UInt32(truncatingIfNeeded: stale.made)
        for one in series where Int32(bitPattern: storage.head(one).created &- made) > 0 {
            fresh.append(one)
        }
        fresh = sorted(fresh, index, storage)
        var merged: [UInt32] = []
        merged.reserveCapacity(stale.series.count + fresh.count)
        var next = 0
        for old in stale.series {
            while next < fresh.count, index.precedes(fresh[next], old, storage) {
                merged.append(fresh[next])
                next += 1
            }
            merged.append(old)
        }
        merged.append(contentsOf: fresh[next...])
        // Low bits of a count may take what came very long ago for new.
        return merged.count == series.count ? merged : sorted(series, index, storage)
    }

    /// Sorts by labels: the pairs that occur are ranked once, then series are compared by ranks alone.
    private static func sorted(
        _ series: [UInt32],
        _ index: borrowing LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> [UInt32] {
        guard series.count > 1 else { return series }
        var starts: [Int] = []
        starts.reserveCapacity(series.count + 1)
        var row: [UInt32] = []
        for one in series {
            starts.append(row.count)
            index.appendPairs(of: one, to: &row, storage)
        }
        starts.append(row.count)
        index.rank(&row, storage)
        var order = Array(series.indices)
        unsafe row.withUnsafeBufferPointer { row in
            unsafe starts.withUnsafeBufferPointer { starts in
                order.sort { left, right in
                    unsafe precedes(
                        row,
                        starts[left]..<starts[left + 1],
                        starts[right]..<starts[right + 1]
                    )
                }
            }
        }
        return order.map { series[$0] }
    }

    private static func precedes(
        _ row: UnsafeBufferPointer<UInt32>,
        _ left: Range<Int>,
        _ right: Range<Int>
    ) -> Bool {
        for offset in 0..<min(left.count, right.count) {
            let (one, other) = unsafe (
                row[left.lowerBound + offset], row[right.lowerBound + offset]
            )
            if one != other { return one < other }
        }
        return left.count < right.count
    }
}
