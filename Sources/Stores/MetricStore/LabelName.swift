import Model

/// What the index knows of one label name.
struct LabelName {
    /// What a matcher says of each value of its label, found out once for each value.
    struct Verdicts {
        /// Values that were judged, and those that satisfy the matcher: bits by ordinal.
        var known: [UInt64] = []
        var allowed: [UInt64] = []
        /// The name's `changes` when all values were known.
        var changes = -1

        func allows(_ ordinal: UInt32) -> Bool {
            allowed[Int(ordinal) / 64] & (1 << UInt64(ordinal % 64)) != 0
        }
    }

    /// Matchers whose verdicts are kept, for one name.
    static let verdictsMax = 256
    static let noPair = UInt32.max

    var text = ""
    /// The name's own pair.
    var pair: UInt32 = 0
    /// Pairs of the name's values by ordinal; `noPair` where one was freed.
    var values: [UInt32] = []
    var freeOrdinals: [UInt32] = []
    /// Counts values that came or went.
    var changes = 0
    var verdicts: [LabelMatcher: Verdicts] = [:]

    var valueCount: Int { values.count - freeOrdinals.count }

    mutating func add(_ pair: UInt32) -> UInt32 {
        changes += 1
        if let ordinal = freeOrdinals.popLast() {
            values[Int(ordinal)] = pair
            return ordinal
        }
        values.append(pair)
        return UInt32(values.count - 1)
    }

    mutating func remove(_ ordinal: UInt32) {
        changes += 1
        values[Int(ordinal)] = LabelName.noPair
        freeOrdinals.append(ordinal)
        let word = Int(ordinal) / 64
        let bit = UInt64(1) << UInt64(ordinal % 64)
        for key in verdicts.keys where word < verdicts[key]?.known.count ?? 0 {
            verdicts[key]?.known[word] &= ~bit
        }
    }
}
