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

    let thread: SnapshotThread

    var folder: String { identity.folder(of: shard, in: durability.folder) }

    /// What a shard goes on with.
    struct Opened {
        var journal: ShardJournal
        var snapshots: ShardSnapshots
        var recovery: StoreRecovery
    }

    /// Brings back what the shard held, and opens its log.
    ///
    /// - Parameters:
    ///   - core: Takes the data; keeps its log from here on.
    ///   - make: Makes an empty one with room for a snapshot of so many bytes.
    ///   - oldest: The moment at or before which samples are out of retention.
    /// - Returns: The log to go on with, and what was found.
    /// - Throws: What on disk cannot be used.
    func recover(
        _ core: inout ShardCore,
        make: (Int) -> ShardCore,
        oldest: Timestamp
    ) throws(SampleLogProblem) -> Opened {
        let began = MonotonicTime.nanoseconds()
        let (files, folder) = (durability.files, folder)
        try SampleLogProblem.wrapping { () throws(FileProblem) in try files.makeFolder(folder) }
        let restored = try restore(&core, make: make, oldest: oldest)
        let (found, reading) = (restored.found, restored.reading)
        // After a loss of power the snapshot may reflect more of the log than is left of it.
        let position = max(reading.end, found.coverage.end)
        core.records.clear(position: position)
        core.keepsLog = true
        // A process that was killed leaves with the kernel what it had not synced.
        let unsynced = try SampleLogProblem.wrapping { () throws(FileProblem) in
            var open: [any StoreFile] = []
            for segment in reading.segments where segment.end > reading.durable {
                let path = "\(folder)/\(LogFileName.segment(segment.base))"
                open.append(try files.open(path, writes: true))
            }
            return open
        }
        let writer = LogWriter(
            files: files,
            folder: folder,
            identity: identity.number,
            shard: UInt32(shard),
            segmentBytesMax: durability.segmentBytesMax,
            position: position,
            previousEnd: reading.segments.last?.end ?? 0,
            segments: reading.segments,
            durable: reading.durable,
            unsynced: unsynced
        )
        let journal = ShardJournal(
            writer,
            durability: durability,
            standing: standing,
            counters: counters,
            log: log
        )
        let snapshots = ShardSnapshots(
            self,
            thread: thread,
            kept: found.positions,
            newestBytes: found.bytes,
            position: position
        )
        var recovery = restored.recovery
        recovery.seconds = Double(MonotonicTime.nanoseconds() - began) / 1e9
        return Opened(journal: journal, snapshots: snapshots, recovery: recovery)
    }

    /// What was read from disk.
    struct Restored {
        fileprivate var found: Found
        fileprivate var reading: LogReading
        /// Without its time.
        var recovery: StoreRecovery
    }

    /// Brings back what the shard held; its log is not opened.
    ///
    /// - Parameters:
    ///   - core: Takes the data.
    ///   - make: Makes an empty one with room for a snapshot of so many bytes.
    ///   - oldest: The moment at or before which samples are out of retention.
    /// - Returns: What was found.
    /// - Throws: What on disk cannot be used.
    func restore(
        _ core: inout ShardCore,
        make: (Int) -> ShardCore,
        oldest: Timestamp
    ) throws(SampleLogProblem) -> Restored {
        let found = try loadSnapshot(&core, make: make)
        let reader = LogReader(
            files: durability.files,
            folder: folder,
            identity: identity.number,
            cutsDamage: durability.cutsDamage
        )
        var replay = ShardReplay(oldest: oldest.milliseconds, coverage: found.coverage)
        let reading = unsafe try reader.read(from: found.positions.last ?? 0) { payload, end in
            unsafe replay.apply(payload, end: end, to: &core)
        }
        core.storage.rebuildFreeHeads()
        var recovery = StoreRecovery()
        recovery.series = core.storage.headCount - core.storage.freeHeadCount
        recovery.samples = core.storage.sampleCount
        recovery.logBytes = reading.bytesRead
        recovery.snapshotBytes = found.bytes
        recovery.cuts = reading.cut.map { [$0] } ?? []
        recovery.seriesLeftOut = replay.tally.seriesLeftOut
        return Restored(found: found, reading: reading, recovery: recovery)
    }

    fileprivate struct Found {
        var coverage = SnapshotCoverage()
        /// Where the snapshots that are there begin, oldest first.
        var positions: [UInt64] = []
        /// Bytes of the one that was loaded.
        var bytes = 0
    }

    /// Loads the newest snapshot that is whole; damaged ones are put aside.
    private func loadSnapshot(
        _ core: inout ShardCore,
        make: (Int) -> ShardCore
    ) throws(SampleLogProblem) -> Found {
        let (files, folder) = (durability.files, folder)
        let names = try SampleLogProblem.wrapping { () throws(FileProblem) in
            let names = try files.list(folder)
            for name in names where name.hasSuffix(LogFileName.unfinishedSuffix) {
                try files.remove("\(folder)/\(name)")
            }
            return names
        }
        var found = Found()
        found.positions = names.compactMap {
            LogFileName.position($0, suffix: LogFileName.snapshotSuffix)
        }.sorted()
        while let newest = found.positions.last {
            let path = "\(folder)/\(LogFileName.snapshot(newest))"
            do {
                let reader = try SnapshotReader(
                    path,
                    files,
                    identity: identity.number,
                    shard: UInt32(shard)
                )
                guard reader.header.layout == SnapshotLayout.words else {
                    throw SampleLogProblem(
                        .foreign(
                            path: path,
                            what: "samples lie in it as in another version's memory"
                        )
                    )
                }
                core = make(reader.size)
                found.coverage = try core.load(reader)
                found.bytes = reader.size
                standing.newestSnapshot = (reader.size, MonotonicTime.nanoseconds())
                return found
            } catch let damage as SnapshotReader.Damage {
                log.error(
                    "a snapshot of the samples is damaged; it is put aside, and the one before it is tried",
                    ["file": path, "offset": "\(damage.offset)", "reason": damage.what]
                )
                try SampleLogProblem.wrapping { () throws(FileProblem) in
                    try files.move(path, to: path + LogFileName.damagedSuffix)
                }
                found.positions.removeLast()
                core = make(0)
            } catch let problem as SampleLogProblem {
                throw problem
            } catch {
                preconditionFailure("a snapshot's reader throws nothing else")
            }
        }
        return found
    }
}
