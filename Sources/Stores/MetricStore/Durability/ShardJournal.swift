import Buffers
import Model
import SampleLog
import Telemetry
import Timekeeping

/// Writes down what a shard does, and tells the senders once it is written.
///
/// Confined to the shard's thread.
final class ShardJournal {
    private struct Waiting {
        var work: BatchWork
        var result: AppendResult
    }

    private let durability: StoreDurability
    private let standing: ShardStanding
    private let counters: DurabilityCounters
    private let log: Log
    private var writer: LogWriter
    private var waiting: [Waiting] = []
    /// The problem that keeps the log behind.
    private var problem: FileProblem?
    private var retryAt: UInt64 = 0

    /// Batches that are answered together at most.
    private static let waitingMax = 64
    /// Bytes of records that are written together at most.
    private static let bytesMax = 1 << 20
    private static let retryNanoseconds: UInt64 = 200_000_000

    init(
        _ writer: consuming LogWriter,
        durability: StoreDurability,
        standing: ShardStanding,
        counters: DurabilityCounters,
        log: Log
    ) {
        self.durability = durability
        self.standing = standing
        self.counters = counters
        self.log = log
        self.writer = writer
        standing.sync = self.writer.sync
        standing.note(self.writer)
    }

    var position: UInt64 { writer.position }
    var sync: SegmentSync { writer.sync }

    /// Forgets the segments that are needed for nothing before `position`; their paths.
    func forgetSegments(before position: UInt64) -> [String] {
        let paths = writer.forgetSegments(before: position)
        standing.note(writer)
        return paths
    }

    /// True when what waits should be written before more is taken.
    func isFull(_ core: borrowing ShardCore) -> Bool {
        waiting.count >= ShardJournal.waitingMax
            || core.records.byteCount >= ShardJournal.bytesMax
    }

    /// Why a batch must not touch the data now; nil when it may.
    func refusal(of work: BatchWork) -> String? {
        guard writer.isBehind || writer.sync.hasFailed else { return nil }
        retry()
        guard writer.isBehind || writer.sync.hasFailed else { return nil }
        if work.isEssential, writer.unwrittenBytes < durability.unwrittenBytesMax { return nil }
        return ShardJournal.refusalText(problem)
    }

    static func refusalText(_ problem: FileProblem?) -> String {
        "the disk takes no samples (\(problem.map { "\($0)" } ?? "its last sync failed")); "
            + "send them again"
    }

    /// Answers a batch once what it did is written.
    func answer(_ work: BatchWork, _ result: AppendResult) {
        waiting.append(Waiting(work: work, result: result))
    }

    /// Writes what happened and answers who waits for it.
    func commit(_ core: inout ShardCore) {
        if !core.records.isEmpty {
            let count = core.records.byteCount
            var failure: FileProblem?
            unsafe core.records.withRecords { records in
                do throws(FileProblem) {
                    unsafe try writer.append(records)
                } catch {
                    failure = error
                }
            }
            core.records.clear(position: writer.position)
            if let failure { note(failure) } else { counters.bytesWritten.add(count) }
            standing.note(writer)
        }
        guard !waiting.isEmpty else { return }
        if durability.syncsFirst, !writer.isBehind { synchronize() }
        let isSafe = !writer.isBehind && !(durability.syncsFirst && writer.sync.hasFailed)
        for one in waiting {
            var result = one.result
            if !isSafe, !one.work.isEssential {
                // It is in memory and waits to be written; the sender may think it is not, and comes again.
                result.notStored(ShardJournal.refusalText(problem))
            }
            one.work.finish(result)
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// What is to be done once a second.
    func tick() {
        if writer.isBehind { retry() }
    }

    private func retry() {
        let now = MonotonicTime.nanoseconds()
        guard writer.isBehind, now >= retryAt else { return }
        retryAt = now + ShardJournal.retryNanoseconds
        let bytes = writer.unwrittenBytes
        do throws(FileProblem) {
            try writer.retry()
            counters.bytesWritten.add(bytes)
            problem = nil
            log.info("the disk takes samples again", ["waited_bytes": "\(bytes)"])
        } catch {
            note(error)
        }
        standing.note(writer)
    }

    private func synchronize() {
        let began = MonotonicTime.nanoseconds()
        do throws(FileProblem) {
            try writer.sync.synchronize()
            counters.syncSeconds.observe(Double(MonotonicTime.nanoseconds() - began) / 1e9)
        } catch {
            note(error)
        }
    }

    private func note(_ failure: FileProblem) {
        counters.count(failure)
        if problem != failure {
            log.error(
                "the disk takes no samples; senders are told to come again, rules go on",
                ["reason": "\(failure)"]
            )
        }
        problem = failure
        retryAt = MonotonicTime.nanoseconds() + ShardJournal.retryNanoseconds
    }
}

extension AppendResult {
    /// Nothing of it counts as taken, whatever memory holds.
    mutating func notStored(_ reason: String) {
        refuse(.notStored, samples: accepted + duplicates, reason)
        // It is why the sender should come again, so it stands before what is wrong with single samples.
        firstRefusal = reason
        accepted = 0
        duplicates = 0
        revised = 0
    }
}
