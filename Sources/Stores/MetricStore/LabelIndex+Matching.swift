import Glibc
import Model

/// Finding the series that satisfy matchers.
extension LabelIndex {
    /// A condition on the value that a series has for one label.
    private struct Condition {
        var name: Int
        /// Whether a series without the label passes.
        var allowsMissing: Bool
        /// Which values pass; nil: none does.
        var verdicts: LabelName.Verdicts?
    }

    /// What the matchers come to, before any series is looked at.
    private struct Resolution {
        /// Pairs all of which a series must have.
        var required: [UInt32] = []
        /// For each matcher that only lets through series with one of several values: those pairs.
        var alternatives: [(pairs: [UInt32], total: Int, condition: Condition)] = []
        var conditions: [Condition] = []
    }

    /// Numbers of the series that satisfy all matchers, ascending; expired ones that may come back too.
    mutating func series(
        matching matchers: [LabelMatcher],
        _ storage: borrowing SeriesStorage
    ) -> [UInt32] {
        guard var resolution = resolve(matchers, storage.slab) else { return [] }
        resolution.alternatives.sort { $0.total < $1.total }
        var candidates: [UInt32]?
        for pair in resolution.required.sorted(by: { count(of: $0) < count(of: $1) }) {
            let list = unsafe series(of: pair, storage.slab)
            candidates =
                unsafe candidates.map { unsafe LabelIndex.intersection($0, list) } ?? Array(list)
        }
        for (pairs, total, condition) in resolution.alternatives {
            // Going through the values' lists pays while they are short against what there is to check.
            if let known = candidates, total > known.count / 4 {
                resolution.conditions.append(condition)
                continue
            }
            var union: [UInt32] = []
            union.reserveCapacity(total)
            for pair in pairs { unsafe union.append(contentsOf: series(of: pair, storage.slab)) }
            union.sort()
            candidates =
                candidates.map { known in
                    unsafe union.withUnsafeBufferPointer {
                        unsafe LabelIndex.intersection(known, $0)
                    }
                } ?? union
        }
        let found = candidates ?? Array(0..<UInt32(storage.headCount))
        return found.filter { series in
            let head = storage.head(series)
            guard head.state != SeriesHead.State.free else { return false }
            return resolution.conditions.allSatisfy { passes(head, $0, storage.slab) }
        }
    }

    /// Numbers of the series that came since `creations` was that count and satisfy all matchers, ascending.
    ///
    /// Nil when so many came that it is better to look for all.
    mutating func created(
        since count: UInt64,
        matching matchers: [LabelMatcher],
        _ storage: borrowing SeriesStorage
    ) -> [UInt32]? {
        guard let recent = recentSeries(since: count) else { return nil }
        guard !recent.isEmpty, let resolution = resolve(matchers, storage.slab) else { return [] }
        return recent.filter { series in
            let head = storage.head(series)
            guard head.state != SeriesHead.State.free else { return false }
            return resolution.required.allSatisfy { has(head, $0, storage.slab) }
                && resolution.alternatives.allSatisfy { passes(head, $0.condition, storage.slab) }
                && resolution.conditions.allSatisfy { passes(head, $0, storage.slab) }
        }
    }

    private func has(_ head: SeriesHead, _ pair: UInt32, _ slab: borrowing Slab) -> Bool {
        let labels = unsafe slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        for index in 0..<Int(head.labelCount) where unsafe labels[index] == pair { return true }
        return false
    }

    /// Nil when no series can satisfy all of the matchers.
    private mutating func resolve(
        _ matchers: [LabelMatcher],
        _ slab: borrowing Slab
    ) -> Resolution? {
        var resolution = Resolution()
        for matcher in matchers {
            guard let name = findName(matcher.name, slab) else {
                guard matcher.matchesEmpty else { return nil }
                continue
            }
            if matcher.operation == .equal {
                if matcher.value.isEmpty {
                    resolution.conditions.append(
                        Condition(name: name, allowsMissing: true, verdicts: nil)
                    )
                    continue
                }
                guard let pair = findValue(matcher.value, name: name, slab) else { return nil }
                resolution.required.append(pair)
                continue
            }
            let verdicts = verdicts(of: matcher, name: name, slab)
            let condition = Condition(
                name: name,
                allowsMissing: matcher.matchesEmpty,
                verdicts: verdicts
            )
            guard !condition.allowsMissing else {
                resolution.conditions.append(condition)
                continue
            }
            var pairs: [UInt32] = []
            var total = 0
            for (ordinal, pair) in names[name].values.enumerated()
            where pair != LabelName.noPair && verdicts.allows(UInt32(ordinal)) {
                pairs.append(pair)
                total += count(of: pair)
            }
            guard total > 0 else { return nil }
            resolution.alternatives.append((pairs, total, condition))
        }
        return resolution
    }

    private func passes(
        _ head: SeriesHead,
        _ condition: Condition,
        _ slab: borrowing Slab
    ) -> Bool {
        let parent = names[condition.name].pair
        let labels = unsafe slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        for index in 0..<Int(head.labelCount) {
            let entry = unsafe pairs + Int(labels[index])
            guard unsafe entry.pointee.parent == parent else { continue }
            return unsafe condition.verdicts?.allows(entry.pointee.ordinal) ?? false
        }
        return condition.allowsMissing
    }

    /// The numbers in both ascending lists; skips through the longer by doubling steps when it is much longer.
    static func intersection(
        _ left: [UInt32],
        _ right: UnsafeBufferPointer<UInt32>
    ) -> [UInt32] {
        unsafe left.withUnsafeBufferPointer { left in
            let (short, long) =
                left.count <= right.count ? unsafe (left, right) : unsafe (right, left)
            var both: [UInt32] = []
            both.reserveCapacity(short.count)
            var place = 0
            if long.count / 16 > short.count {
                for index in 0..<short.count {
                    let wanted = unsafe short[index]
                    place = unsafe lowerBound(long, wanted, from: place)
                    guard place < long.count else { break }
                    if unsafe long[place] == wanted { both.append(wanted) }
                }
                return both
            }
            for index in 0..<short.count {
                let wanted = unsafe short[index]
                while unsafe place < long.count && long[place] < wanted { place += 1 }
                guard place < long.count else { break }
                if unsafe long[place] == wanted { both.append(wanted) }
            }
            return both
        }
    }

    /// The first place from `start` on whose number is not below `wanted`.
    private static func lowerBound(
        _ list: UnsafeBufferPointer<UInt32>,
        _ wanted: UInt32,
        from start: Int
    ) -> Int {
        var step = 1
        var low = start
        var high = start
        while unsafe high < list.count && list[high] < wanted {
            low = high + 1
            high += step
            step *= 2
        }
        high = min(high, list.count)
        while low < high {
            let middle = (low + high) / 2
            if unsafe list[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Labels of series, and their order.
extension LabelIndex {
    /// The labels of a series; `texts` shares the strings of values between series.
    func labelSet(
        _ series: UInt32,
        _ storage: borrowing SeriesStorage,
        texts: inout [UInt32: String]
    ) -> LabelSet {
        let head = storage.head(series)
        let labels = unsafe storage.slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        var set: [Label] = []
        set.reserveCapacity(Int(head.labelCount))
        for index in 0..<Int(head.labelCount) {
            let pair = unsafe labels[index]
            let value: String
            if let known = texts[pair] {
                value = known
            } else {
                value = string(pair, storage.slab)
                texts[pair] = value
            }
            set.append(Label(names[name(of: pair)].text, value))
        }
        return LabelSet(sortedUnique: set)
    }

    /// The labels of one series.
    func labelSet(_ series: UInt32, _ storage: borrowing SeriesStorage) -> LabelSet {
        var texts: [UInt32: String] = [:]
        return labelSet(series, storage, texts: &texts)
    }

    /// Whether the labels of one series come before another's, in the order of `LabelSet`.
    func precedes(_ left: UInt32, _ right: UInt32, _ storage: borrowing SeriesStorage) -> Bool {
        let (a, b) = (storage.head(left), storage.head(right))
        let first = unsafe storage.slab.address(a.labels).assumingMemoryBound(to: UInt32.self)
        let second = unsafe storage.slab.address(b.labels).assumingMemoryBound(to: UInt32.self)
        for index in 0..<Int(min(a.labelCount, b.labelCount)) {
            let (one, other) = unsafe (first[index], second[index])
            if one != other { return pairPrecedes(one, other, storage.slab) }
        }
        return a.labelCount < b.labelCount
    }

    /// Adds the pairs of a series, in order of names.
    func appendPairs(
        of series: UInt32,
        to list: inout [UInt32],
        _ storage: borrowing SeriesStorage
    ) {
        let head = storage.head(series)
        let labels = unsafe storage.slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        unsafe list.append(
            contentsOf: UnsafeBufferPointer(start: labels, count: Int(head.labelCount))
        )
    }

    /// Puts in place of each pair in a list its rank in the order of names and values.
    func rank(_ list: inout [UInt32], _ storage: borrowing SeriesStorage) {
        // A table of all pairs is quickest when the list has a good part of them; few are looked up by hash.
        guard list.count > pairCount / 16 else {
            let sorted = sorted(Array(Set(list)), storage)
            var ranks: [UInt32: UInt32] = [:]
            for (rank, pair) in sorted.enumerated() { ranks[pair] = UInt32(rank) }
            for place in list.indices { list[place] = ranks[list[place]] ?? 0 }
            return
        }
        var ranks = [UInt32](repeating: 0, count: pairCount)
        var distinct: [UInt32] = []
        for pair in list where ranks[Int(pair)] == 0 {
            ranks[Int(pair)] = 1
            distinct.append(pair)
        }
        for (rank, pair) in sorted(distinct, storage).enumerated() {
            ranks[Int(pair)] = UInt32(rank)
        }
        for place in list.indices { list[place] = ranks[Int(list[place])] }
    }

    /// Merge sort of pairs by name and value, as `sort(by:)` takes no closure over borrowed values.
    private func sorted(_ list: [UInt32], _ storage: borrowing SeriesStorage) -> [UInt32] {
        var source = list
        var target = list
        var width = 1
        while width < source.count {
            for start in stride(from: 0, to: source.count, by: 2 * width) {
                let middle = min(start + width, source.count)
                let end = min(start + 2 * width, source.count)
                var (left, right) = (start, middle)
                for place in start..<end {
                    let takesLeft =
                        left < middle
                        && (right >= end
                            || !pairPrecedes(source[right], source[left], storage.slab))
                    target[place] = takesLeft ? source[left] : source[right]
                    if takesLeft { left += 1 } else { right += 1 }
                }
            }
            swap(&source, &target)
            width *= 2
        }
        return source
    }

    private func pairPrecedes(_ left: UInt32, _ right: UInt32, _ slab: borrowing Slab) -> Bool {
        let parents = unsafe (pairs[Int(left)].parent, pairs[Int(right)].parent)
        return parents.0 == parents.1
            ? order(left, right, slab) < 0 : order(parents.0, parents.1, slab) < 0
    }

    /// Negative, zero or positive as the text of one pair sorts before, equal to or after another's, by bytes.
    private func order(_ left: UInt32, _ right: UInt32, _ slab: borrowing Slab) -> Int {
        let (a, b) = unsafe (text(left, slab), text(right, slab))
        let common = min(a.count, b.count)
        if common > 0, let one = a.baseAddress, let other = b.baseAddress {
            let difference = unsafe memcmp(one, other, common)
            if difference != 0 { return Int(difference) }
        }
        return a.count - b.count
    }
}
