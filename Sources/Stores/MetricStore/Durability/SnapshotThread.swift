import Buffers
import SampleLog

/// Writes the snapshots of all shards, on a thread of its own: a slow disk then holds up no shard.
final class SnapshotThread: Sendable {
    private enum Job: Sendable {
        case write(SnapshotBuffer, SnapshotDraft)
        case finish(SnapshotDraft, SegmentSync, previous: UInt64?)
        case abandon(SnapshotDraft)
        case remove([String], any StoreFiles)
    }

    private struct Queue {
        var jobs = FIFO<Job>()
        var bytes = 0
        var isClosed = false
    }

    /// Bytes on their way at most, before shards wait with the next slice.
    private static let bytesMax = 4 << 20
    private let queue = Monitor(Queue())

    /// True when a shard may go on with its snapshot.
    var hasRoom: Bool { queue.withLock { $0.bytes < SnapshotThread.bytesMax } }

    func write(_ buffer: SnapshotBuffer, to draft: SnapshotDraft) {
        let count = unsafe buffer.bytes.count
        queue.signal {
            $0.jobs.append(.write(buffer, draft))
            $0.bytes += count
        }
    }

    func finish(_ draft: SnapshotDraft, sync: SegmentSync, keeping previous: UInt64?) {
        queue.signal { $0.jobs.append(.finish(draft, sync, previous: previous)) }
    }

    func abandon(_ draft: SnapshotDraft) { queue.signal { $0.jobs.append(.abandon(draft)) } }

    /// Removes files that nobody needs any more; one that cannot be removed is tried again after the next snapshot.
    func remove(_ paths: [String], _ files: any StoreFiles) {
        if !paths.isEmpty { queue.signal { $0.jobs.append(.remove(paths, files)) } }
    }

    func stop() { queue.signal { $0.isClosed = true } }

    /// The thread's life: until it is stopped and nothing is left to do.
    func run() {
        /// Files that could not be removed yet: they are tried again with the next ones.
        var unremoved: [String] = []
        while true {
            let job: Job?? = queue.wait { queue in
                if let job = queue.jobs.popFirst() { return .some(job) }
                return queue.isClosed ? .some(nil) : nil
            }
            switch job {
            case .write(let buffer, let draft):
                draft.write(buffer)
                let count = unsafe buffer.bytes.count
                queue.signal { $0.bytes -= count }
            case .finish(let draft, let sync, let previous):
                draft.finish(sync: sync, keeping: previous)
            case .abandon(let draft): draft.abandon()
            case .remove(let paths, let files):
                unremoved = (unremoved + paths).filter { path in
                    do throws(FileProblem) {
                        try files.remove(path)
                        return false
                    } catch {
                        return true
                    }
                }
            case .none, .some(.none): return
            }
        }
    }
}
