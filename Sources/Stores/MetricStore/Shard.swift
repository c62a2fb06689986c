import Buffers
import Model
import SampleLog
import Synchronization
import Timekeeping

/// A shard's mailbox and the thread that keeps its data.
///
/// The thread takes a batch and a slice of a reading in turn: neither can starve the other, nor one reading
/// the next. While it waits for work, a caller with a small question may answer it itself.
final class Shard: Sendable {
    /// Entries of a batch that one shard is to take.
    struct Part: Sendable {
        var work: BatchWork
        var entries: ArraySlice<UInt32>
    }

    /// A question that was posted.
    private enum Question {
        case read(ReadWork)
        case columns(ColumnWork)
    }

    /// A question that is being answered.
    enum Reading {
        case series(ReadProgress)
        case labels(LabelProgress)
        case columns(ColumnProgress)
    }

    private struct Mailbox {
        var parts = FIFO<Part>()
        var questions = FIFO<Question>()
        var snapshots: [SnapshotRequest] = []
        var isClosed = false
    }

    private enum Turn {
        /// At most one batch and one question; whether more batches wait.
        case work(Part?, Question?, more: Bool)
        case snapshot(SnapshotRequest)
        case closed
    }

    /// Questions answered in turns; more wait in the mailbox.
    private static let readingsMax = 8

    let number: Int
    private let mailbox = Monitor(Mailbox())
    private let make: @Sendable (Int) -> ShardCore
    private let longWindows: LongWindowBoard
    /// Locked for a turn of the thread at a time, or for a visit.
    private let home: Mutex<ShardCore>

    /// - Parameters:
    ///   - number: From 0 on.
    ///   - longWindows: What rules need beyond the retention.
    ///   - make: Makes the data, with room for a snapshot of so many bytes.
    init(
        number: Int,
        longWindows: LongWindowBoard,
        core make: @escaping @Sendable (Int) -> ShardCore
    ) {
        self.number = number
        self.longWindows = longWindows
        self.make = make
        home = Mutex(make(0))
    }

    func post(_ part: Part) { mailbox.signal { $0.parts.append(part) } }

    func post(_ read: ReadWork) { mailbox.signal { $0.questions.append(.read(read)) } }

    func post(_ columns: ColumnWork) { mailbox.signal { $0.questions.append(.columns(columns)) } }

    func post(_ snapshot: SnapshotRequest) { mailbox.signal { $0.snapshots.append(snapshot) } }

    /// Lets the thread end once its mailbox is empty.
    func close() { mailbox.signal { $0.isClosed = true } }

    /// Answers on the calling thread, which saves two changes of threads; only while the shard's own one is idle.
    ///
    /// - Parameter columns: Few values: the shard takes nothing else meanwhile.
    /// - Returns: False when the shard is busy; nothing has happened then.
    func visit(_ columns: ColumnWork) -> Bool {
        let isAnswered = home.withLockIfAvailable { core in
            core.adopt(longWindows)
            let progress = ColumnProgress(columns)
            while !core.advance(progress) {}
            return true
        }
        return isAnswered ?? false
    }

    /// The thread's life.
    ///
    /// - Parameters:
    ///   - shards: All shards by number, for entries that belong elsewhere.
    ///   - durable: Where the data is on disk; nil: nowhere.
    ///   - recovered: Told once the data is back.
    ///   - oldest: The moment at or before which samples are out of retention.
    func run(
        shards: [Shard],
        durable: ShardDurability?,
        recovered: (Result<StoreRecovery, SampleLogProblem>) -> Void,
        oldest: () -> Timestamp
    ) {
        var disk: ShardDurability.Opened?
        if let durable {
            do throws(SampleLogProblem) {
                let opened = try home.withLock { core throws(SampleLogProblem) in
                    try durable.recover(&core, make: make, oldest: oldest())
                }
                disk = opened
                recovered(.success(opened.recovery))
            } catch {
                recovered(.failure(error))
            }
        }
        var readings = FIFO<Reading>()
        var nextSweep = MonotonicTime.nanoseconds() + Shard.sweepNanoseconds
        var freed = FreedMemory()
        var isPurgeDue = false
        while true {
            // Numbers of series are given to others only while nothing reads: let the readings come to their end.
            let takesQuestions = readings.count < Shard.readingsMax && !isPurgeDue
            let patience = readings.isEmpty ? disk?.snapshots.patience ?? 1000 : 0
            let turn = take(patience: patience, takesQuestions: takesQuestions)
            let goesOn = home.withLock { core in
                let moreParts: Bool
                switch turn {
                case .closed:
                    disk?.journal.commit(&core)
                    core = make(0)
                    return false
                case .snapshot(let request):
                    disk?.snapshots.request(request)
                    moreParts = false
                case .work(let part, let question, let more):
                    moreParts = more
                    core.adopt(longWindows)
                    if let part {
                        freed.noteWork()
                        if core.needsPurge(for: part.entries.count) { finish(&readings, &core) }
                        append(part, &core, disk?.journal, shards)
                    }
                    if case .read(let work) = question, case .expire = work.question {
                        finish(&readings, &core)
                    }
                    if let question, let reading = begin(question, &core) {
                        readings.append(reading)
                    }
                    if let reading = readings.popFirst(), !advance(reading, &core) {
                        readings.append(reading)
                    }
                }
                let now = MonotonicTime.nanoseconds()
                if now >= nextSweep {
                    core.sweep(oldest: oldest().milliseconds)
                    if disk?.snapshots.isUnderway ?? false { freed.noteWork() }
                    freed.tick()
                    if let disk {
                        disk.journal.tick()
                        disk.snapshots.tick(&core, disk.journal)
                    }
                    nextSweep = now + Shard.sweepNanoseconds
                }
                if core.isPurgeDue, readings.isEmpty { core.purge() }
                isPurgeDue = core.isPurgeDue
                // What has queued up meanwhile is written in one go.
                guard let disk else { return true }
                if !moreParts || disk.journal.isFull(core) { disk.journal.commit(&core) }
                disk.snapshots.advance(&core, disk.journal)
                return true
            }
            guard goesOn else { return }
        }
    }

    private static let sweepNanoseconds: UInt64 = 1_000_000_000

    /// At most one batch and one question; waits `patience` milliseconds at most when there is nothing.
    private func take(patience: Int, takesQuestions: Bool) -> Turn {
        func next(_ mailbox: inout Mailbox) -> Turn? {
            let part = mailbox.parts.popFirst()
            let question = takesQuestions ? mailbox.questions.popFirst() : nil
            if part != nil || question != nil || patience == 0 {
                return .work(part, question, more: !mailbox.parts.isEmpty)
            }
            if let request = mailbox.snapshots.popLast() { return .snapshot(request) }
            return mailbox.isClosed ? .closed : nil
        }
        return mailbox.wait(milliseconds: patience, next) ?? .work(nil, nil, more: false)
    }

    private func begin(_ question: Question, _ core: inout ShardCore) -> Reading? {
        switch question {
        case .read(let work): core.begin(work)
        case .columns(let work): .columns(ColumnProgress(work))
        }
    }

    /// Goes on for a slice; true when the question is answered.
    private func advance(_ reading: Reading, _ core: inout ShardCore) -> Bool {
        switch reading {
        case .series(let progress): core.advance(progress)
        case .labels(let progress): core.advance(progress)
        case .columns(let progress): core.advance(progress)
        }
    }

    private func finish(_ readings: inout FIFO<Reading>, _ core: inout ShardCore) {
        while let reading = readings.popFirst() {
            while !advance(reading, &core) {}
        }
    }

    private func append(
        _ part: Part,
        _ core: inout ShardCore,
        _ journal: ShardJournal?,
        _ shards: [Shard]
    ) {
        if let reason = journal?.refusal(of: part.work) {
            var result = AppendResult()
            let samples = part.entries.reduce(0) {
                $0 + part.work.batch.entries[Int($1)].samples.count
            }
            result.refuse(.notStored, samples: samples, reason)
            part.work.finish(result)
            return
        }
        let outcome = core.append(part.work, entries: part.entries)
        if !outcome.foreign.isEmpty {
            part.work.expect(outcome.foreign.count)
            for (shard, entries) in outcome.foreign.sorted(by: { $0.key < $1.key }) {
                shards[shard].post(Part(work: part.work, entries: entries[...]))
            }
        }
        if let journal {
            journal.answer(part.work, outcome.result)
        } else {
            part.work.finish(outcome.result)
        }
    }
}
