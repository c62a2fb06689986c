import Buffers
import Model
import SampleLog
import Timekeeping

/// Brings over what was written with another number of shards: every series is read and appended anew.
struct Resharding: Sendable {
    let disk: StoreDisk
    let shards: [Shard]
    let settings: MetricStoreSettings
    let counters: StoreCounters
    let hasher: LabelHasher
    let oldest: Timestamp

    /// Samples of one batch, about.
    private static let batchSamples = 100_000

    /// Reads the old shards one by one, writes snapshots of the new ones, and removes the old.
    ///
    /// - Returns: What was found.
    /// - Throws: Why it could not be done; what is on disk stays as it was.
    func run() throws(SampleLogProblem) -> StoreRecovery {
        let began = MonotonicTime.nanoseconds()
        var total = StoreRecovery()
        for number in 0..<(disk.outdatedShards ?? 0) {
            guard let durable = disk.outdated(number) else { continue }
            total.merge(try bring(durable))
        }
        let request = SnapshotRequest(shards: shards.count)
        for shard in shards { shard.post(request) }
        try SampleLogProblem.wrapping { () throws(FileProblem) in try request.wait() }
        try disk.adoptShards()
        total.seconds = Double(MonotonicTime.nanoseconds() - began) / 1e9
        return total
    }

    private func bring(_ durable: ShardDurability) throws(SampleLogProblem) -> StoreRecovery {
        // Limits apply where the series go, not where they come from.
        let budget = MemoryBudget(
            maxBytes: settings.maxMemoryBytes,
            maxSeries: max(settings.maxSeries, 1 << 22)
        )
        func make(_ snapshotBytes: Int) -> ShardCore {
            ShardCore(
                number: durable.shard,
                shardCount: Int(durable.identity.shards),
                settings: settings,
                budget: budget,
                sources: SeriesSources(seriesMax: .max),
                counters: counters,
                hasher: hasher,
                snapshotBytes: snapshotBytes
            )
        }
        var core = make(0)
        var recovery = try durable.restore(&core, make: make, oldest: oldest).recovery
        var batch = SampleBatch()
        for series in 0..<UInt32(core.storage.headCount) {
            let head = core.storage.head(series)
            guard head.state == SeriesHead.State.live else { continue }
            let samples = core.storage.samples(
                series,
                after: oldest.milliseconds,
                through: .max
            )
            batch.append(
                core.index.labelSet(series, core.storage),
                samples: samples,
                starts: core.storage.startTimes(series)
            )
            guard batch.sampleCount >= Resharding.batchSamples else { continue }
            recovery.seriesLeftOut += append(batch)
            batch = SampleBatch()
        }
        recovery.seriesLeftOut += append(batch)
        return recovery
    }

    /// Hands a batch to the new shards; how many of its series found no room.
    private func append(_ filled: SampleBatch) -> Int {
        guard !filled.entries.isEmpty else { return 0 }
        var batch = filled
        batch.completeStarts()
        let work = BatchWork(
            batch,
            window: SeriesStorage.Window(
                oldest: oldest.milliseconds,
                newest: .max,
                lateWindow: .max
            ),
            isEssential: true,
            source: SeriesSources.nobody,
            hasher: hasher,
            shards: shards.count
        )
        for (shard, part) in zip(shards, work.parts) where !part.isEmpty {
            shard.post(Shard.Part(work: work, entries: work.entries[part]))
        }
        let result = work.wait()
        let leftOut = (result.refused[.seriesLimit] ?? 0) + (result.refused[.memoryLimit] ?? 0)
        return min(batch.entries.count, leftOut)
    }
}
