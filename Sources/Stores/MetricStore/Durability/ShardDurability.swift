import Buffers
import SampleLog
import Telemetry
import Timekeeping

/// Everything that a shard's thread needs to find its data on disk and to keep it there.
struct ShardDurability: Sendable {
    let shard: Int
    let durability: StoreDurability
    let identity: StoreIdentity
    let standing: ShardStanding
    let counters: DurabilityCounters
    let log: Log

    /// Brings back what the shard held, and opens its log.
    ///
    /// - Parameters:
    ///   - core: Empty; keeps its log from here on.
    ///   - oldest: The moment at or before which samples are out of retention.
    /// - Returns: The log to go on with, and what was found.
    /// - Throws: What on disk cannot be used.
    func recover(
        _ core: inout ShardCore,
        oldest: Timestamp
    ) throws(SampleLogProblem) -> (journal: ShardJournal, recovery: StoreRecovery) {
        let began = MonotonicTime.nanoseconds()
        let folder = identity.folder(of: shard, in: durability.folder)
        let files = durability.files
        try SampleLogProblem.wrapping { () throws(FileProblem) in try files.makeFolder(folder) }
        let reader = LogReader(
            files: files,
            folder: folder,
            identity: identity.number,
            cutsDamage: durability.cutsDamage
        )
        var replay = ShardReplay(oldest: oldest.milliseconds)
        let reading = unsafe try reader.read(from: 0) { payload, end in
            unsafe replay.apply(payload, end: end, to: &core)
        }
        core.storage.rebuildFreeHeads()
        core.records.clear(position: reading.end)
        core.keepsLog = true
        let writer = LogWriter(
            files: files,
            folder: folder,
            identity: identity.number,
            shard: UInt32(shard),
            segmentBytesMax: durability.segmentBytesMax,
            position: reading.end,
            previousEnd: reading.segments.last?.end ?? 0,
            segments: reading.segments
        )
        let journal = ShardJournal(
            writer,
            durability: durability,
            standing: standing,
            counters: counters,
            log: log
        )
        var recovery = StoreRecovery()
        recovery.series = core.storage.headCount - core.storage.freeHeadCount
        recovery.samples = core.storage.sampleCount
        recovery.logBytes = reading.bytesRead
        recovery.seconds = Double(MonotonicTime.nanoseconds() - began) / 1e9
        recovery.cuts = reading.cut.map { [$0] } ?? []
        recovery.seriesLeftOut = replay.tally.seriesLeftOut
        return (journal, recovery)
    }
}
