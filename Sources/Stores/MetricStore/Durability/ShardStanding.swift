import SampleLog
import Synchronization

/// What others may know of one shard's log: whether it takes samples, and what is to be synced.
final class ShardStanding: Sendable {
    private let syncing = Mutex<SegmentSync?>(nil)
    private let failing = Atomic<Bool>(false)
    private let bytes = Atomic<Int>(0)
    private let segments = Atomic<Int>(0)
    private let snapshot = Mutex<(bytes: Int, at: UInt64)?>(nil)

    /// The log's files, once it is open.
    var sync: SegmentSync? {
        get { syncing.withLock { $0 } }
        set { syncing.withLock { $0 = newValue } }
    }

    /// True while the disk takes nothing, or has lost what it took.
    var isFailing: Bool {
        failing.load(ordering: .acquiring) || sync?.hasFailed ?? false
    }

    var logBytes: Int { bytes.load(ordering: .relaxed) }
    var segmentCount: Int { segments.load(ordering: .relaxed) }

    /// The size of the newest snapshot, and the monotonic time at which it was made.
    var newestSnapshot: (bytes: Int, at: UInt64)? {
        get { snapshot.withLock { $0 } }
        set { snapshot.withLock { $0 = newValue } }
    }

    func note(_ writer: borrowing LogWriter) {
        failing.store(writer.isBehind, ordering: .releasing)
        bytes.store(writer.byteCount, ordering: .relaxed)
        segments.store(writer.segmentCount, ordering: .relaxed)
    }
}
