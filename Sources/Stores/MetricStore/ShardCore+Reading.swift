import Model

/// A read that a shard is busy with; it goes on in slices, so that batches need not wait for its end.
final class ReadProgress {
    let work: ReadWork
    fileprivate let plan: SelectorCache.Plan
    fileprivate var next = 0
    fileprivate var series: [SeriesSamples] = []
    fileprivate var labelSets: [LabelSet] = []

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
    mutating func begin(_ work: ReadWork) -> Shard.Reading? {
        switch work.question {
        case .statistics:
            work.finish(.statistics(statistics()), shard: number)
        case .expire:
            expire(oldest: work.oldest)
            work.finish(.texts([]), shard: number)
        case .labelNames, .labelValues: return .labels(beginLabels(work))
        case .samples, .labelSets:
            let progress = ReadProgress(
                work,
                plans.plan(work.selector, labelsUnless: nil, &index, storage)
            )
            return .series(progress)
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
        if case .samples = work.question {
            work.finish(.series(read.series), shard: number)
        } else {
            work.finish(.labelSets(read.labelSets), shard: number)
        }
        return true
    }

    /// Reads the next series; how many samples that were.
    private mutating func readNext(_ read: ReadProgress) -> Int {
        let work = read.work
        let place = read.next
        let series = read.plan.series[place]
        read.next += 1
        let start = max(work.start, storage.bound(series, oldest: work.oldest))
        guard case .samples = work.question else {
            if storage.newestSample(series, after: start, through: work.end) != nil {
                read.labelSets.append(labels(read.plan, place))
            }
            return 0
        }
        let samples = storage.samples(series, after: start, through: work.end)
        guard !samples.isEmpty else { return 0 }
        read.series.append(
            SeriesSamples(
                labels: labels(read.plan, place),
                samples: samples,
                starts: storage.startTimes(series)
            )
        )
        return samples.count
    }

    private func labels(_ plan: SelectorCache.Plan, _ place: Int) -> LabelSet {
        plan.labelSets.map { $0[place] } ?? index.labelSet(plan.series[place], storage)
    }
}
