import CLinux

/// Finds a series by the hash of its label bytes: open addressing with linear probing.
///
/// Places grow with the hash, so that a table is rebuilt by one walk in order.
@safe
struct AliasTable: ~Copyable {
    /// One encoding of a series' labels.
    struct Entry {
        var primary: UInt64
        var secondary: UInt32
        /// What the hash stands for; 0 in an empty place.
        var target: UInt32
    }

    /// A target that says which shard knows the series, instead of a series.
    static let foreignFlag: UInt32 = 1 << 31

    private var region: MappedRegion
    private let budget: MemoryBudget
    private(set) var capacity: Int
    private(set) var count = 0

    init(budget: MemoryBudget, capacity: Int = 1024) {
        self.budget = budget
        self.capacity = capacity
        region = AliasTable.reserve(capacity, budget)
    }

    deinit {
        budget.add(bytes: -region.byteCount)
    }

    /// The places; valid until the next insertion.
    var entries: UnsafeMutablePointer<Entry> {
        unsafe region.base.assumingMemoryBound(to: Entry.self)
    }

    /// Where the search for a hash begins.
    @inline(__always)
    static func place(_ primary: UInt64, _ capacity: Int) -> Int {
        Int(truncatingIfNeeded: primary.multipliedFullWidth(by: UInt64(capacity)).high)
    }

    /// The target of a hash; 0 when it is not known.
    ///
    /// `entries` and `capacity` are the table's.
    @inline(__always)
    static func find(
        _ hash: LabelHash,
        _ entries: UnsafeMutablePointer<Entry>,
        _ capacity: Int
    ) -> UInt32 {
        var index = place(hash.primary, capacity)
        let secondary = UInt32(truncatingIfNeeded: hash.secondary)
        while true {
            let entry = unsafe entries[index]
            if entry.primary == hash.primary, entry.secondary == secondary, entry.target != 0 {
                return entry.target
            }
            if entry.target == 0 { return 0 }
            index &+= 1
            if index == capacity { index = 0 }
        }
    }

    func find(_ hash: LabelHash) -> UInt32 {
        unsafe AliasTable.find(hash, entries, capacity)
    }

    /// The second half of a hash that is known by its first; 0 when there is none.
    func secondary(of primary: UInt64, target: UInt32) -> UInt32 {
        let entries = unsafe entries
        var index = AliasTable.place(primary, capacity)
        while unsafe entries[index].target != 0 {
            let isWanted =
                unsafe entries[index].primary == primary && entries[index].target == target
            if isWanted { return unsafe entries[index].secondary }
            index = index + 1 == capacity ? 0 : index + 1
        }
        return 0
    }

    /// Makes room for `count` hashes in an empty table.
    mutating func reserve(_ count: Int) {
        let wanted = count + count / 3 + 1024
        guard self.count == 0, wanted > capacity else { return }
        budget.add(bytes: -region.byteCount)
        region = AliasTable.reserve(wanted, budget)
        capacity = wanted
    }

    /// Adds a hash that is not there yet; `target` is not 0.
    mutating func insert(_ hash: LabelHash, target: UInt32) {
        assert(target != 0)
        // At most four fifths full: a miss then looks at 13 entries on average, a hit at 3.
        if (count + 1) * 5 > capacity * 4 { grow() }
        unsafe AliasTable.place(
            Entry(
                primary: hash.primary,
                secondary: UInt32(truncatingIfNeeded: hash.secondary),
                target: target
            ),
            in: entries,
            capacity
        )
        count += 1
    }

    /// Removes the entry of `primary` that stands for `target`; nothing happens when there is none.
    mutating func remove(primary: UInt64, target: UInt32) {
        let entries = unsafe entries
        var index = AliasTable.place(primary, capacity)
        while unsafe entries[index].target != 0 {
            let isWanted =
                unsafe entries[index].primary == primary && entries[index].target == target
            if isWanted {
                unsafe close(index, entries)
                count -= 1
                return
            }
            index = index + 1 == capacity ? 0 : index + 1
        }
    }

    /// Removes every entry whose target satisfies `condition`.
    mutating func removeAll(where condition: (UInt32) -> Bool) {
        let old = unsafe entries
        let fresh = AliasTable.reserve(capacity, budget)
        let target = unsafe fresh.base.assumingMemoryBound(to: Entry.self)
        count = 0
        for index in 0..<capacity {
            let entry = unsafe old[index]
            guard entry.target != 0, !condition(entry.target) else { continue }
            unsafe AliasTable.place(entry, in: target, capacity)
            count += 1
        }
        budget.add(bytes: -region.byteCount)
        region = fresh
    }

    // MARK: Places

    private static func reserve(_ capacity: Int, _ budget: MemoryBudget) -> MappedRegion {
        let region = MappedRegion(reserving: capacity * MemoryLayout<Entry>.stride)
        budget.add(bytes: region.byteCount)
        return region
    }

    private static func place(
        _ entry: Entry,
        in entries: UnsafeMutablePointer<Entry>,
        _ capacity: Int
    ) {
        var index = place(entry.primary, capacity)
        while unsafe entries[index].target != 0 {
            index = index + 1 == capacity ? 0 : index + 1
        }
        unsafe entries[index] = entry
    }

    private mutating func grow() {
        let old = unsafe entries
        let larger = capacity + capacity / 2
        let fresh = AliasTable.reserve(larger, budget)
        let target = unsafe fresh.base.assumingMemoryBound(to: Entry.self)
        for index in 0..<capacity {
            let entry = unsafe old[index]
            if entry.target != 0 { unsafe AliasTable.place(entry, in: target, larger) }
        }
        budget.add(bytes: -region.byteCount)
        region = fresh
        capacity = larger
    }

    /// Empties a place, moving later entries of its run back so that no search ends early.
    private func close(_ hole: Int, _ entries: UnsafeMutablePointer<Entry>) {
        var hole = hole
        var index = hole
        while true {
            index = index + 1 == capacity ? 0 : index + 1
            let entry = unsafe entries[index]
            guard entry.target != 0 else { break }
            let home = AliasTable.place(entry.primary, capacity)
            // The entry may fill the hole when its home lies cyclically at or before the hole.
            let distanceHome = index >= home ? index - home : index + capacity - home
            let distanceHole = index >= hole ? index - hole : index + capacity - hole
            guard distanceHome >= distanceHole else { continue }
            unsafe entries[hole] = entry
            hole = index
        }
        unsafe entries[hole] = Entry(primary: 0, secondary: 0, target: 0)
    }
}
