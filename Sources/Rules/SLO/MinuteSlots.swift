/// Event counts in slots of one minute, a ring over the longest window asked of it.
///
/// A slot is named by whole minutes since 1970. Counts are integers, so a month of additions and
/// subtractions leaves no residue. A slot nobody has reported on is unknown, which is not zero.
struct MinuteSlots: Sendable {
    /// Sums over a range of slots.
    struct Sum: Hashable, Sendable {
        /// Events of the indicator's first side: bad ones, or good ones.
        var counted: Int64 = 0
        var total: Int64 = 0
        /// Slots that somebody reported on.
        var known: Int = 0
    }

    struct Slot: Hashable, Sendable {
        var counted: Int64
        var total: Int64
        var isKnown: Bool
    }

    let capacity: Int
    /// The newest minute that was touched; nil before the first.
    private(set) var newest: Int64?
    private var counted: [Int64]
    private var total: [Int64]
    private var known: [Bool]
    /// Minutes changed since they were last taken by `takeChanged()`.
    private var changed: Set<Int64> = []

    init(capacity: Int) {
        precondition(capacity > 0, "a ring has slots")
        self.capacity = capacity
        counted = Array(repeating: 0, count: capacity)
        total = Array(repeating: 0, count: capacity)
        known = Array(repeating: false, count: capacity)
    }

    /// The oldest minute the ring still holds.
    private var oldest: Int64 { (newest ?? 0) - Int64(capacity) + 1 }

    private func index(_ minute: Int64) -> Int {
        let remainder = Int(minute % Int64(capacity))
        return remainder < 0 ? remainder + capacity : remainder
    }

    /// Moves the ring's newer end to `minute`, emptying the slots that come round again.
    private mutating func advance(to minute: Int64) {
        guard let newest else {
            self.newest = minute
            return
        }
        guard minute > newest else { return }
        for stale in max(newest + 1, minute - Int64(capacity) + 1)...minute {
            let place = index(stale)
            counted[place] = 0
            total[place] = 0
            known[place] = false
        }
        self.newest = minute
    }

    /// Adds to a slot and marks it known; false when the ring no longer holds that minute.
    mutating func add(counted more: Int64, total moreTotal: Int64, minute: Int64) -> Bool {
        advance(to: minute)
        guard minute >= oldest else { return false }
        let place = index(minute)
        counted[place] += more
        total[place] += moreTotal
        known[place] = true
        changed.insert(minute)
        return true
    }

    /// Marks slots as reported on, their counts unchanged.
    mutating func markKnown(_ minutes: ClosedRange<Int64>) {
        advance(to: minutes.upperBound)
        for minute in max(minutes.lowerBound, oldest)...max(minutes.upperBound, oldest)
        where !known[index(minute)] {
            known[index(minute)] = true
            changed.insert(minute)
        }
    }

    /// Puts back a slot that was kept on disk.
    mutating func restore(_ slot: Slot, minute: Int64) {
        advance(to: minute)
        guard minute >= oldest else { return }
        let place = index(minute)
        counted[place] = slot.counted
        total[place] = slot.total
        known[place] = slot.isKnown
    }

    /// The slot of a minute; nil outside the ring.
    subscript(minute: Int64) -> Slot? {
        guard let newest, minute <= newest, minute >= oldest else { return nil }
        let place = index(minute)
        return Slot(counted: counted[place], total: total[place], isKnown: known[place])
    }

    /// Sums the slots of a half-open range of minutes; slots outside the ring are unknown.
    func sum(_ minutes: Range<Int64>) -> Sum {
        var sum = Sum()
        guard let newest else { return sum }
        let first = max(minutes.lowerBound, oldest)
        let last = min(minutes.upperBound, newest + 1)
        guard first < last else { return sum }
        var place = index(first)
        for _ in first..<last {
            sum.counted += counted[place]
            sum.total += total[place]
            sum.known += known[place] ? 1 : 0
            place += 1
            if place == capacity { place = 0 }
        }
        return sum
    }

    /// Counts minutes as changed again, when writing them failed.
    mutating func owe(_ minutes: some Sequence<Int64>) { changed.formUnion(minutes) }

    /// The changed minutes with their slots, oldest first; the next call begins afresh.
    mutating func takeChanged() -> [(minute: Int64, slot: Slot)] {
        defer { changed.removeAll(keepingCapacity: true) }
        return changed.sorted().compactMap { minute in
            self[minute].map { (minute, $0) }
        }
    }
}
