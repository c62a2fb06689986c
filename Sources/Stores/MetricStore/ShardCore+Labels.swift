import Model

/// A search for label names or values that a shard is busy with.
final class LabelProgress {
    let work: ReadWork
    /// The values to look for; nil when the series of a plan tell.
    fileprivate let pairs: [UInt32]?
    fileprivate let series: [UInt32]
    /// Pairs, or series of the plan, that are done.
    fileprivate var next = 0
    /// The pair's series up to this one are done.
    fileprivate var last: UInt32?
    fileprivate var foundNames: Set<Int> = []
    fileprivate var foundPairs: Set<UInt32> = []

    fileprivate init(_ work: ReadWork, pairs: [UInt32]?, series: [UInt32]) {
        self.work = work
        self.pairs = pairs
        self.series = series
    }
}

extension ShardCore {
    /// Series that one slice looks at before batches get their turn.
    private static let sliceChecks = 8192

    /// Begins a search for the names, or one name's values, of the series with a sample in the range.
    mutating func beginLabels(_ work: ReadWork) -> LabelProgress {
        guard work.selector.matchers.isEmpty else {
            let plan = plans.plan(work.selector, labelsUnless: nil, &index, storage)
            return LabelProgress(work, pairs: nil, series: plan.series)
        }
        var pairs: [UInt32] = []
        if case .labelValues(let label) = work.question {
            if let name = index.findName(label, storage.slab) { pairs = index.names[name].values }
        } else {
            for name in index.names { pairs += name.values }
        }
        return LabelProgress(work, pairs: pairs.filter { $0 != LabelName.noPair }, series: [])
    }

    /// Searches on for one slice; true when the search is answered.
    mutating func advance(_ search: LabelProgress) -> Bool {
        var checks = ShardCore.sliceChecks
        if let pairs = search.pairs {
            while search.next < pairs.count, checks > 0 {
                look(search, pairs[search.next], &checks)
            }
        } else {
            while search.next < search.series.count, checks > 0 {
                checks -= 1
                note(search, search.series[search.next])
                search.next += 1
            }
        }
        guard search.next == search.pairs?.count ?? search.series.count else { return false }
        let texts =
            search.foundNames.map { index.names[$0].text }
            + search.foundPairs.map { index.string($0, storage.slab) }
        search.work.finish(.texts(texts), shard: number)
        return true
    }

    private func isSeen(_ search: LabelProgress, _ series: UInt32) -> Bool {
        let work = search.work
        let start = max(work.start, storage.bound(series, oldest: work.oldest))
        return storage.newestSample(series, after: start, through: work.end) != nil
    }

    /// Looks through a pair's series until one has a sample in the range: most often the first.
    private func look(_ search: LabelProgress, _ pair: UInt32, _ checks: inout Int) {
        let name = index.name(of: pair)
        let isName = search.work.question == .labelNames
        var isDone = true
        if !isName || !search.foundNames.contains(name) {
            let list = unsafe index.series(of: pair, storage.slab)
            for place in 0..<list.count {
                let series = unsafe list[place]
                if let last = search.last, series <= last { continue }
                guard checks > 0 else {
                    isDone = false
                    break
                }
                checks -= 1
                search.last = series
                guard isSeen(search, series) else { continue }
                if isName {
                    search.foundNames.insert(name)
                } else {
                    search.foundPairs.insert(pair)
                }
                break
            }
        }
        guard isDone else { return }
        checks -= 1
        search.next += 1
        search.last = nil
    }

    /// Notes what is asked for of a series, when it has a sample in the range.
    private func note(_ search: LabelProgress, _ series: UInt32) {
        guard isSeen(search, series) else { return }
        let head = storage.head(series)
        let pairs = unsafe storage.slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        for label in 0..<Int(head.labelCount) {
            let pair = unsafe pairs[label]
            let name = index.name(of: pair)
            if case .labelValues(let wanted) = search.work.question {
                if index.names[name].text.hasSameBytes(as: wanted) {
                    search.foundPairs.insert(pair)
                }
            } else {
                search.foundNames.insert(name)
            }
        }
    }
}
