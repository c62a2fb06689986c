import Buffers
import Model
import Timekeeping

/// A shard's mailbox and the thread that owns its data.
///
/// The thread takes a batch and a slice of a read in turn: neither can starve the other.
final class Shard: Sendable {
    /// Entries of a batch that one shard is to take.
    struct Part: Sendable {
        var work: BatchWork
        var entries: ArraySlice<UInt32>
    }

    private struct Mailbox {
        var parts = FIFO<Part>()
        var reads = FIFO<ReadWork>()
        var isClosed = false
    }

    private enum Turn {
        case work(Part?, ReadWork?)
        case closed
    }

    let number: Int
    private let mailbox = Monitor(Mailbox())

    init(number: Int) {
        self.number = number
    }

    func post(_ part: Part) { mailbox.signal { $0.parts.append(part) } }

    func post(_ read: ReadWork) { mailbox.signal { $0.reads.append(read) } }

    /// Lets the thread end once its mailbox is empty.
    func close() { mailbox.signal { $0.isClosed = true } }

    /// The thread's life.
    ///
    /// - Parameters:
    ///   - shards: All shards by number, for entries that belong elsewhere.
    ///   - core: Makes the data, on this thread.
    ///   - oldest: The moment at or before which samples are out of retention.
    func run(
        shards: [Shard],
        core: () -> ShardCore,
        oldest: () -> Timestamp
    ) {
        var core = core()
        var reading: ReadProgress?
        var nextSweep = MonotonicTime.nanoseconds() + Shard.sweepNanoseconds
        while true {
            switch take(isReading: reading != nil) {
            case .closed: return
            case .work(let part, let read):
                if let part { append(part, &core, shards) }
                if let read { reading = core.begin(read) }
                if var progress = reading {
                    // Moved out, so that the arrays it builds are not copied at each slice.
                    reading = nil
                    if !core.advance(&progress) { reading = progress }
                }
            }
            let now = MonotonicTime.nanoseconds()
            if now >= nextSweep {
                core.sweep(oldest: oldest().milliseconds, mayPurge: reading == nil)
                nextSweep = now + Shard.sweepNanoseconds
            }
        }
    }

    private static let sweepNanoseconds: UInt64 = 1_000_000_000

    /// At most one batch and, when none is under way, one read; waits a second at most when there is nothing.
    private func take(isReading: Bool) -> Turn {
        func next(_ mailbox: inout Mailbox) -> Turn? {
            let part = mailbox.parts.popFirst()
            let read = isReading ? nil : mailbox.reads.popFirst()
            if part != nil || read != nil || isReading { return .work(part, read) }
            return mailbox.isClosed ? .closed : nil
        }
        return mailbox.wait(milliseconds: 1000, next) ?? .work(nil, nil)
    }

    private func append(_ part: Part, _ core: inout ShardCore, _ shards: [Shard]) {
        let outcome = core.append(part.work, entries: part.entries)
        if !outcome.foreign.isEmpty {
            part.work.expect(outcome.foreign.count)
            for (shard, entries) in outcome.foreign.sorted(by: { $0.key < $1.key }) {
                shards[shard].post(Part(work: part.work, entries: entries[...]))
            }
        }
        part.work.finish(outcome.result)
    }
}
