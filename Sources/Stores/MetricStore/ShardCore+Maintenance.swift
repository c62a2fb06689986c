import Model
import SampleLog

/// Making away with what is out of retention.
extension ShardCore {
    /// Seconds over which every head is looked at once.
    private static let sweepSeconds = 60

    /// Looks at a part of the heads; call once a second.
    ///
    /// - Parameter oldest: Samples at or before this are out of retention.
    mutating func sweep(oldest: Int64) {
        plans.sweep()
        let heads = UInt32(storage.headCount)
        let share = heads / UInt32(ShardCore.sweepSeconds) + 1
        for _ in 0..<min(share, heads) {
            if sweepCursor >= heads { sweepCursor = 0 }
            _ = storage.expire(sweepCursor, oldest: oldest)
            sweepCursor += 1
        }
        sweepsSincePurge += 1
        let isWorthwhile =
            storage.expiredCount > max(1024, Int(heads) / 16)
            || (storage.expiredCount > 0 && sweepsSincePurge >= ShardCore.sweepSeconds)
        if isWorthwhile { isPurgeDue = true }
    }

    /// True when expired series must be purged to make room for so many new ones.
    func needsPurge(for newSeries: Int) -> Bool {
        storage.expiredCount > 0 && budget.series + newSeries > budget.maxSeries
    }

    /// Drops everything that is out of retention now, and the series that have nothing left; call while nothing reads.
    mutating func expire(oldest: Int64) {
        for series in 0..<UInt32(storage.headCount) { _ = storage.expire(series, oldest: oldest) }
        purge()
    }

    /// Takes expired series out of the index and frees their numbers; call while nothing reads.
    mutating func purge() {
        isPurgeDue = false
        sweepsSincePurge = 0
        guard storage.expiredCount > 0 else { return }
        var gone: [UInt32] = []
        for series in 0..<UInt32(storage.headCount)
        where storage.head(series).state == SeriesHead.State.expired {
            gone.append(series)
        }
        if keepsLog {
            for series in gone { records.add(removed: series) }
            records.finish()
        }
        remove(gone)
    }

    /// Takes series that hold no samples out of the index and frees their numbers.
    mutating func remove(_ gone: [UInt32]) {
        var leaving = [UInt64](repeating: 0, count: storage.headCount / 64 + 1)
        var affected: [UInt32] = []
        var hasAliases = false
        for series in gone {
            let head = storage.head(series)
            leaving[Int(series) / 64] |= 1 << UInt64(series % 64)
            let pairs = unsafe storage.slab.address(head.labels).assumingMemoryBound(
                to: UInt32.self
            )
            for label in 0..<Int(head.labelCount) { unsafe affected.append(pairs[label]) }
            if head.aliasCount > 0 {
                hasAliases = true
            } else {
                aliases.remove(primary: head.aliasHash, target: series + 1)
            }
        }
        if hasAliases {
            // Only the canonical hash is known of each series, so the others are looked for.
            aliases.removeAll { target in
                guard target & AliasTable.foreignFlag == 0 else { return false }
                let series = Int(target - 1)
                return leaving[series / 64] & (1 << UInt64(series % 64)) != 0
            }
        }
        plans.purge(leaving)
        index.purge(leaving, affected: affected, &storage.slab)
        for series in gone {
            sources.give(storage.head(series).source)
            storage.slab.free(storage.head(series).labels)
            storage.free(series)
        }
        budget.giveSeries(gone.count)
    }

    /// What this shard holds.
    func statistics() -> ShardStatistics {
        var metrics: [(name: String, series: Int)] = []
        if let name = index.findName(LabelSet.metricName, storage.slab) {
            for pair in index.names[name].values where pair != LabelName.noPair {
                metrics.append((index.string(pair, storage.slab), index.count(of: pair)))
            }
        }
        metrics.sort { ($1.series, $0.name) < ($0.series, $1.name) }
        return ShardStatistics(
            samples: storage.sampleCount,
            evictedSamples: storage.evictedSamples,
            longWindows: LongWindowStatistics(
                series: storage.neededSeries,
                thinnedSamples: storage.thinnedSamples,
                givenUpSamples: storage.givenUpSamples
            ),
            labelNames: index.names.map(\.text).filter { !$0.isEmpty },
            labelPairs: index.valueCount,
            metrics: Dictionary(
                uniqueKeysWithValues: metrics.prefix(100).map { (ByteText($0.name), $0.series) }
            )
        )
    }
}
