import Model

/// A read that a shard is busy with; it goes on in slices, so that batches need not wait for its end.
final class ReadProgress {
    let work: ReadWork
    fileprivate let plan: SelectorCache.Plan
    fileprivate var next = 0
    fileprivate var series: [SeriesSamples] = []
    fileprivate var labelSets: [LabelSet] = []
    fileprivate var texts: Set<String> = []

    fileprivate init(_ work: ReadWork, _ plan: SelectorCache.Plan) {
        self.work = work
        self.plan = plan
    }
}

extension ShardCore {
    /// Series and samples that one slice reads before batches get their turn.
    private static let sliceSeries = 2048
    private static let sliceSamples = 1 << 18

    /// Begins a read; nil when it was answered at once.
    mutating func begin(_ work: ReadWork) -> ReadProgress? {
        switch work.question {
        case .statistics:
            work.finish(.statistics(statistics()), shard: number)
        case .expire:
            expire(oldest: work.start)
            work.finish(.texts([]), shard: number)
        case .labelNames where work.selector.matchers.isEmpty:
            work.finish(.texts(statistics().labelNames), shard: number)
        case .labelValues(let label) where work.selector.matchers.isEmpty:
            var texts: Set<String> = []
            if let name = index.findName(label, storage.slab) {
                for pair in index.names[name].values where pair != LabelName.noPair {
                    texts.insert(index.string(pair, storage.slab))
                }
            }
            work.finish(.texts(texts), shard: number)
        case .samples, .newest, .labelSets, .labelNames, .labelValues:
            return ReadProgress(
                work,
                plans.plan(work.selector, labelsUnless: nil, &index, storage)
            )
        }
        return nil
    }

    /// Reads on for one slice; true when the read is answered.
    mutating func advance(_ read: ReadProgress) -> Bool {
        let work = read.work
        let end = min(read.next + ShardCore.sliceSeries, read.plan.series.count)
        var samples = 0
        while read.next < end, samples < ShardCore.sliceSamples, !work.isOverLimit {
            let count = readNext(read)
            if count > 0, !work.count(count) { break }
            samples += count
        }
        guard read.next == read.plan.series.count || work.isOverLimit else { return false }
        switch work.question {
        case .samples, .newest: work.finish(.series(read.series), shard: number)
        case .labelSets: work.finish(.labelSets(read.labelSets), shard: number)
        case .labelNames, .labelValues, .statistics, .expire:
            work.finish(.texts(read.texts), shard: number)
        }
        return true
    }

    /// Reads the next series; how many samples that were.
    private mutating func readNext(_ read: ReadProgress) -> Int {
        let work = read.work
        let place = read.next
        let series = read.plan.series[place]
        read.next += 1
        if case .samples = work.question {
            let samples = storage.samples(series, after: work.start, through: work.end)
            guard !samples.isEmpty else { return 0 }
            read.series.append(SeriesSamples(labels: labels(read.plan, place), samples: samples))
            return samples.count
        }
        guard let newest = storage.newest(series, after: work.start, through: work.end) else {
            return 0
        }
        switch work.question {
        case .newest:
            read.series.append(SeriesSamples(labels: labels(read.plan, place), samples: [newest]))
            return 1
        case .labelSets: read.labelSets.append(labels(read.plan, place))
        case .labelNames:
            for label in labels(read.plan, place).labels { read.texts.insert(label.name) }
        case .labelValues(let label):
            let value = labels(read.plan, place)[label]
            if !value.isEmpty { read.texts.insert(value) }
        case .samples, .statistics, .expire: break
        }
        return 0
    }

    private func labels(_ plan: SelectorCache.Plan, _ place: Int) -> LabelSet {
        plan.labelSets.map { $0[place] } ?? index.labelSet(plan.series[place], storage)
    }
}
