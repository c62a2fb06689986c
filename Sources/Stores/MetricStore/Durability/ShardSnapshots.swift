import SampleLog
import Telemetry
import Timekeeping

/// Decides when a shard makes a snapshot, and sees it through.
///
/// Confined to the shard's thread.
final class ShardSnapshots {
    private let durable: ShardDurability
    private let thread: SnapshotThread
    /// Being copied, a slice at a time.
    private var copying: SnapshotTaking?
    /// Copied, and on its way to the disk.
    private var finishing: SnapshotTaking?
    private var requests: [SnapshotRequest] = []
    /// Where the snapshots on disk begin, oldest first; two at most.
    private var kept: [UInt64]
    private var newestBytes: Int
    private var notBefore: UInt64 = 0
    /// The end of the log a second ago.
    private var positionBefore: UInt64

    /// Bytes of log a second below which a shard has little to do.
    private static let quietBytes: UInt64 = 256 << 10
    private static let retryNanoseconds: UInt64 = 30_000_000_000

    /// - Parameters:
    ///   - durable: The shard's disk.
    ///   - thread: Writes.
    ///   - kept: Where the snapshots on disk begin, oldest first.
    ///   - newestBytes: The size of the last of them.
    ///   - position: The end of the log.
    init(
        _ durable: ShardDurability,
        thread: SnapshotThread,
        kept: [UInt64],
        newestBytes: Int,
        position: UInt64
    ) {
        self.durable = durable
        self.thread = thread
        self.kept = kept
        self.newestBytes = newestBytes
        positionBefore = position
    }

    /// Milliseconds that the shard may wait for work before it calls `advance`.
    var patience: Int {
        if let copying { return copying.hasRoom ? 0 : 2 }
        return requests.isEmpty ? 1000 : 2
    }

    /// True while memory is used for a snapshot that is not on disk yet.
    var isUnderway: Bool { copying != nil || finishing != nil }

    func request(_ request: SnapshotRequest) {
        requests.append(request)
        notBefore = 0
    }

    /// Copies a slice, or looks how far the disk is.
    func advance(_ core: inout ShardCore, _ journal: ShardJournal) {
        if let copying {
            guard copying.hasRoom else { return }
            guard core.takeSlice(copying) else { return }
            core.index.releasePairs(&core.storage.slab)
            copying.finish(sync: journal.sync, keeping: kept.last)
            finishing = copying
            self.copying = nil
        } else if let finishing {
            if !requests.isEmpty { settle(finishing, journal) }
        } else if !requests.isEmpty {
            begin(&core, journal)
        }
    }

    /// What is to be done once a second.
    func tick(_ core: inout ShardCore, _ journal: ShardJournal) {
        let position = journal.position
        let isQuiet = position - positionBefore < ShardSnapshots.quietBytes
        positionBefore = position
        if let copying, case .failed(let problem) = copying.draft.outcome {
            core.index.releasePairs(&core.storage.slab)
            self.copying = nil
            fail(problem, copying)
        }
        if let finishing { settle(finishing, journal) }
        guard copying == nil, finishing == nil else { return }
        let now = MonotonicTime.nanoseconds()
        guard now >= notBefore else { return }
        let logBytes = Int(position - (kept.last ?? 0))
        let wanted =
            isQuiet
            ? max(durable.durability.snapshotQuietLogBytes, newestBytes / 8)
            : max(durable.durability.snapshotLogBytes, newestBytes)
        if logBytes >= wanted || journal.sync.hasFailed { begin(&core, journal) }
    }

    private func begin(_ core: inout ShardCore, _ journal: ShardJournal) {
        let header = SnapshotHeader(
            identity: durable.identity.number,
            shard: UInt32(durable.shard),
            start: core.records.endPosition,
            layout: SnapshotLayout.words
        )
        let draft = SnapshotDraft(header, folder: durable.folder, files: durable.durability.files)
        core.index.holdPairs()
        copying = SnapshotTaking(
            draft,
            thread: thread,
            seriesEnd: core.storage.headCount,
            mendsSync: journal.sync.hasFailed
        )
    }

    /// Looks whether a snapshot is on disk, and forgets what it makes unnecessary.
    private func settle(_ taking: SnapshotTaking, _ journal: ShardJournal) {
        switch taking.draft.outcome {
        case .underway: return
        case .failed(let problem):
            finishing = nil
            fail(problem, taking)
        case .done(let bytes):
            finishing = nil
            newestBytes = bytes
            durable.standing.newestSnapshot = (bytes, MonotonicTime.nanoseconds())
            if taking.mendsSync { journal.sync.forgive() }
            kept = (kept + [taking.draft.start]).suffix(2)
            if kept.count == 2 {
                thread.remove(
                    journal.forgetSegments(before: kept[0]),
                    durable.durability.files
                )
            }
            for request in requests { request.finish(nil) }
            requests = []
        }
    }

    private func fail(_ problem: FileProblem, _ taking: SnapshotTaking) {
        durable.counters.count(problem)
        durable.log.warn(
            "no snapshot of the samples could be made; the log grows until one can",
            ["reason": "\(problem)"]
        )
        thread.abandon(taking.draft)
        notBefore = MonotonicTime.nanoseconds() + ShardSnapshots.retryNanoseconds
        for request in requests { request.finish(problem) }
        requests = []
    }
}
