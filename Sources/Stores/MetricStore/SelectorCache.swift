import Model

/// A selector as the shards know it.
struct SelectorReference: Sendable {
    /// Tells selectors apart that are asked for again; 0 when nothing is to be remembered.
    var id: UInt64
    var matchers: [LabelMatcher]
}

/// One shard's series of the selectors that were asked for lately, in label order.
///
/// Kept up as series come and go: asking again costs nothing while none did.
struct SelectorCache {
    /// A selector's series.
    struct Plan {
        /// In label order.
        fileprivate(set) var series: [UInt32]
        /// Their labels; nil until somebody needed them.
        fileprivate(set) var labelSets: [LabelSet]?
        /// Another one whenever `series` is; never 0.
        fileprivate(set) var version: UInt64
        /// `LabelIndex.changes` when the plan was looked at last.
        fileprivate var seen: UInt64
        /// `LabelIndex.changes`, or those of the selector's metric, when the plan was brought up.
        fileprivate var changes: UInt64
        /// `LabelIndex.creations` when the plan was brought up.
        fileprivate var creations: UInt64

        fileprivate var cost: Int {
            SelectorCache.planBytes + series.count * 12
                + (labelSets?.count ?? 0) * SelectorCache.labelSetBytes
        }
    }

    /// What a plan takes beside its series, and a label set with its share of the strings, about.
    static let planBytes = 256
    static let labelSetBytes = 400
    /// Seconds after which what nobody asked for is dropped.
    static let idleSeconds: Int64 = 900
    /// The share of the memory limit that plans may take, with the labels of their series.
    static let memoryShare = 8

    private var plans: UsageCache<UInt64, Plan>
    private let budget: MemoryBudget
    private var accounted = 0
    private var versions: UInt64 = 0
    private var seconds: Int64 = 0

    init(plansMax: Int, shards: Int, budget: MemoryBudget) {
        self.budget = budget
        plans = UsageCache(
            countMax: plansMax,
            costMax: budget.maxBytes / SelectorCache.memoryShare / shards
        )
    }

    /// The series that satisfy the matchers, in label order.
    ///
    /// - Parameters:
    ///   - selector: The matchers and what they are remembered by.
    ///   - known: Labels are wanted unless the plan has this version; nil: they are not wanted.
    ///   - index: Where series are found.
    ///   - storage: Where their heads are.
    /// - Returns: Numbers that are theirs until the next purge.
    mutating func plan(
        _ selector: SelectorReference,
        labelsUnless known: UInt64?,
        _ index: inout LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> Plan {
        func needsLabels(_ plan: Plan) -> Bool {
            known.map { $0 != plan.version } == true && plan.labelSets == nil
        }
        if let plan = plans.use(selector.id, at: seconds), plan.seen == index.changes,
            !needsLabels(plan)
        {
            return plan
        }
        defer { account() }
        let changes = SelectorCache.changes(of: selector.matchers, index, storage)
        var (plan, uses) =
            plans.take(selector.id)
            ?? (
                Plan(series: [], labelSets: nil, version: 0, seen: 0, changes: 0, creations: 0), 1
            )
        if plan.version == 0 || plan.changes != changes {
            bringUp(&plan, selector.matchers, &index, storage)
            plan.changes = changes
        }
        plan.seen = index.changes
        if needsLabels(plan) {
            plan.labelSets = SelectorCache.labelSets(plan.series, index, storage)
        }
        if selector.id != 0 {
            plans.keep(plan, for: selector.id, cost: plan.cost, uses: uses, at: seconds)
        }
        return plan
    }

    /// A second has passed: drops what nobody has asked for lately.
    mutating func sweep() {
        seconds += 1
        if seconds % 60 == 0 { plans.dropIdle(since: seconds - SelectorCache.idleSeconds) }
        account()
    }

    /// Takes series out of all plans; call before their numbers are given to others.
    ///
    /// - Parameter leaving: Bits by number of series.
    mutating func purge(_ leaving: [UInt64]) {
        var versions = versions
        plans.updateAll { plan in
            let kept = plan.series.indices.filter { place in
                let series = Int(plan.series[place])
                return leaving[series / 64] & (1 << UInt64(series % 64)) == 0
            }
            guard kept.count < plan.series.count else { return nil }
            plan.series = kept.map { plan.series[$0] }
            plan.labelSets = plan.labelSets.map { labelSets in kept.map { labelSets[$0] } }
            versions += 1
            plan.version = versions
            return plan.cost
        }
        self.versions = versions
        account()
    }

    private mutating func account() {
        guard plans.cost != accounted else { return }
        budget.add(bytes: plans.cost - accounted)
        accounted = plans.cost
    }

    // MARK: Keeping up

    /// Adds to a plan the series that came since it was brought up last.
    private mutating func bringUp(
        _ plan: inout Plan,
        _ matchers: [LabelMatcher],
        _ index: inout LabelIndex,
        _ storage: borrowing SeriesStorage
    ) {
        var fresh: [UInt32]
        if plan.version != 0,
            let created = index.created(since: plan.creations, matching: matchers, storage)
        {
            fresh = created
        } else {
            fresh = index.series(matching: matchers, storage)
            if !plan.series.isEmpty {
                var isKnown = [Bool](repeating: false, count: storage.headCount)
                for series in plan.series { isKnown[Int(series)] = true }
                fresh.removeAll { isKnown[Int($0)] }
            }
        }
        plan.creations = index.creations
        guard !fresh.isEmpty || plan.version == 0 else { return }
        versions += 1
        plan.version = versions
        fresh = SelectorCache.sorted(fresh, index, storage)
        guard !plan.series.isEmpty else {
            plan.series = fresh
            plan.labelSets = nil
            return
        }
        var places: [Int] = []
        places.reserveCapacity(fresh.count)
        for series in fresh {
            places.append(
                SelectorCache.place(
                    of: series,
                    in: plan.series,
                    from: places.last ?? 0,
                    index,
                    storage
                )
            )
        }
        SortedInsertion.insert(fresh, into: &plan.series, at: places)
        guard var labelSets = plan.labelSets else { return }
        plan.labelSets = nil
        SortedInsertion.insert(
            SelectorCache.labelSets(fresh, index, storage),
            into: &labelSets,
            at: places
        )
        plan.labelSets = labelSets
    }

    /// Where a series goes in a list in label order, at or after `start`: by doubling steps, then by halving.
    private static func place(
        of series: UInt32,
        in list: [UInt32],
        from start: Int,
        _ index: borrowing LabelIndex,
        _ storage: borrowing SeriesStorage
    ) -> Int {
        var (low, high, step) = (start, start, 1)
        while high < list.count, index.precedes(list[high], series, storage) {
            low = high + 1
            high += step
            step *= 2
        }
        high = min(high, list.count)
        while low < high {
            let middle = (low + high) / 2
            if index.precedes(list[middle], series, storage) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
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
