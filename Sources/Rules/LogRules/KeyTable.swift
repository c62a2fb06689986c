/// What is remembered of each key, with a bound: over it, the keys that were silent longest are forgotten.
struct KeyTable<Value: Codable & Sendable>: Codable, Sendable {
    private struct Slot: Codable, Sendable {
        var value: Value
        /// Rises with each touch.
        var touched: UInt64
    }

    private var slots: [String: Slot] = [:]
    private var clock: UInt64 = 0

    init() {}

    var count: Int { slots.count }
    /// In alphabetical order, so that what is done for all keys is done in the same order everywhere.
    var keys: [String] { slots.keys.sorted() }

    subscript(key: String) -> Value? { slots[key]?.value }

    /// Changes a key's value in place, made by `fresh` when it is new.
    ///
    /// - Returns: What `change` gives, and whether other keys were forgotten.
    mutating func update<Result>(
        _ key: String,
        max: Int,
        fresh: () -> Value,
        _ change: (inout Value) -> Result
    ) -> (result: Result, forgot: Bool) {
        clock += 1
        var forgot = false
        if slots[key] == nil, slots.count >= max {
            // A tenth goes at once, so that looking for it costs little a key.
            let touches = slots.values.map(\.touched).sorted()
            let limit = touches[Swift.max(0, touches.count / 10 - 1)]
            slots = slots.filter { $0.value.touched > limit }
            forgot = true
        }
        slots[key, default: Slot(value: fresh(), touched: clock)].touched = clock
        guard let index = slots.index(forKey: key) else {
            preconditionFailure("the slot was just made")
        }
        return (change(&slots.values[index].value), forgot)
    }

    mutating func remove(_ key: String) { slots[key] = nil }
}

/// When values were seen last, with a bound: over it, the tenth that was seen longest ago is forgotten.
enum SeenValues {
    /// True when values were forgotten.
    static func trim(_ seen: inout [String: Int64], max: Int) -> Bool {
        guard seen.count > max else { return false }
        let times = seen.values.sorted()
        var left = Swift.max(1, seen.count / 10)
        let limit = times[left - 1]
        // Of values of one moment only as many go as need be.
        seen = seen.filter { one in
            guard one.value <= limit, left > 0 else { return true }
            left -= 1
            return false
        }
        return true
    }
}
