import Model

/// Numbers label sets in the order they are first seen, by all their labels or by some.
///
/// Deterministic: the numbers depend on the order of insertion alone.
struct LabelTable {
    /// Which labels count.
    enum Key {
        case all
        /// Only these, sorted.
        case on([String])
        /// All but these, sorted.
        case without([String])
    }

    private let key: Key
    /// First ordinal of each hash.
    private var heads: [Int: Int]
    /// The next ordinal with the same hash, or -1.
    private var next: [Int] = []
    private(set) var representatives: [LabelSet] = []

    init(_ key: Key = .all, capacity: Int) {
        self.key = key
        heads = Dictionary(minimumCapacity: capacity)
    }

    var count: Int { representatives.count }

    /// The ordinal of the labels' key, new when it was not there before.
    mutating func insert(_ labels: LabelSet) -> (ordinal: Int, isNew: Bool) {
        let hash = hash(labels)
        var candidate = heads[hash] ?? -1
        let first = candidate
        while candidate >= 0 {
            if isSame(representatives[candidate], labels) { return (candidate, false) }
            candidate = next[candidate]
        }
        let ordinal = representatives.count
        representatives.append(labels)
        next.append(first)
        heads[hash] = ordinal
        return (ordinal, true)
    }

    private func hash(_ labels: LabelSet) -> Int {
        var hasher = Hasher()
        switch key {
        case .all: hasher.combine(labels)
        case .on(let names):
            for name in names { hasher.combine(labels[name]) }
        case .without(let names):
            for label in labels.labels where !label.name.isOne(of: names) {
                hasher.combine(label)
            }
        }
        return hasher.finalize()
    }

    private func isSame(_ left: LabelSet, _ right: LabelSet) -> Bool {
        switch key {
        case .all: return left == right
        case .on(let names): return names.allSatisfy { left[$0].hasSameBytes(as: right[$0]) }
        case .without(let names):
            var a = left.labels[...]
            var b = right.labels[...]
            while true {
                a = a.drop { $0.name.isOne(of: names) }
                b = b.drop { $0.name.isOne(of: names) }
                guard let x = a.first, let y = b.first else { return a.isEmpty && b.isEmpty }
                guard x == y else { return false }
                a = a.dropFirst()
                b = b.dropFirst()
            }
        }
    }
}
