/// Values that are asked for again and again, within a total cost.
///
/// What was used once gives way to what is new. What was used more often stays until nobody has asked for it
/// for a while: one large question does not push out what many small ones need every second.
struct UsageCache<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        var cost: Int
        var uses: Int
        var lastUse: Int64
    }

    private var entries: [Key: Entry] = [:]
    private let countMax: Int
    private let costMax: Int
    /// Of all values together.
    private(set) var cost = 0

    init(countMax: Int, costMax: Int) {
        self.countMax = countMax
        self.costMax = costMax
    }

    var count: Int { entries.count }

    /// The value kept for a key; counts a use.
    mutating func use(_ key: Key, at now: Int64) -> Value? {
        guard let index = entries.index(forKey: key) else { return nil }
        return UsageCache.use(&entries.values[index], at: now)
    }

    private static func use(_ entry: inout Entry, at now: Int64) -> Value {
        entry.uses += 1
        entry.lastUse = now
        return entry.value
    }

    /// The value kept for a key; counts no use.
    func peek(_ key: Key) -> Value? { entries[key]?.value }

    /// Takes a value out, to be changed and kept again, and says how often it was used.
    mutating func take(_ key: Key) -> (value: Value, uses: Int)? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        cost -= entry.cost
        return (entry.value, entry.uses)
    }

    /// Keeps a value in place of the one there is.
    ///
    /// - Parameters:
    ///   - value: What to keep.
    ///   - key: What to find it by.
    ///   - valueCost: Its share of the total cost.
    ///   - uses: How often it was used, when it was taken out before.
    ///   - now: The moment of this use; any unit.
    /// - Returns: False when there is no room; then nothing is kept for the key.
    @discardableResult
    mutating func keep(
        _ value: Value,
        for key: Key,
        cost valueCost: Int,
        uses: Int = 1,
        at now: Int64
    ) -> Bool {
        var uses = uses
        if let known = entries.removeValue(forKey: key) {
            cost -= known.cost
            uses = max(uses, known.uses)
        }
        if !hasRoom(valueCost) { dropUsedOnce(toFit: valueCost) }
        guard hasRoom(valueCost) else { return false }
        entries[key] = Entry(value: value, cost: valueCost, uses: uses, lastUse: now)
        cost += valueCost
        return true
    }

    /// Drops what was not used since `moment`.
    mutating func dropIdle(since moment: Int64) {
        for (key, entry) in entries where entry.lastUse < moment {
            entries[key] = nil
            cost -= entry.cost
        }
    }

    /// Changes values in place; `change` returns the new cost of one that it changed.
    mutating func updateAll(_ change: (inout Value) -> Int?) {
        for index in entries.values.indices {
            guard let changed = change(&entries.values[index].value) else { continue }
            cost += changed - entries.values[index].cost
            entries.values[index].cost = changed
        }
    }

    private func hasRoom(_ more: Int) -> Bool {
        entries.count < countMax && more <= costMax - cost
    }

    /// Drops what was used once, longest unused first, until there is room and a quarter to spare.
    private mutating func dropUsedOnce(toFit more: Int) {
        guard more <= costMax else { return }
        let once = entries.filter { $0.value.uses == 1 }.sorted {
            $0.value.lastUse < $1.value.lastUse
        }
        for (key, entry) in once {
            if entries.count < countMax - countMax / 4, more + costMax / 4 <= costMax - cost {
                return
            }
            entries[key] = nil
            cost -= entry.cost
        }
    }
}
