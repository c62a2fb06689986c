import Synchronization

/// Which files of a log were written and not synced yet; whoever wants them synced comes here.
///
/// The writer never waits here while another thread syncs.
package final class SegmentSync: Sendable {
    private struct Files {
        var current: (any StoreFile)?
        /// Full segments that were not synced since their last write.
        var retired: [any StoreFile] = []
        /// A segment was made since the folder was synced.
        var isFolderStale = false
    }

    private let files: any StoreFiles
    private let folder: String
    private let open = Mutex(Files())
    /// Held while syncing: two at once would be double work.
    private let turn = Mutex(())
    private let written: Atomic<UInt64>
    private let synced: Atomic<UInt64>
    private let failed = Atomic<Bool>(false)

    /// - Parameters:
    ///   - files: Where the log is.
    ///   - folder: The shard's folder.
    ///   - position: Up to where the log was written.
    ///   - durable: Up to where it is known to have been synced.
    ///   - unsynced: Segments that hold what is between the two.
    package init(
        files: any StoreFiles,
        folder: String,
        position: UInt64,
        durable: UInt64,
        unsynced: [any StoreFile]
    ) {
        self.files = files
        self.folder = folder
        written = Atomic(position)
        synced = Atomic(durable)
        open.withLock {
            $0.retired = unsynced
            $0.isFolderStale = !unsynced.isEmpty
        }
    }

    /// Up to where the log was written.
    package var writtenPosition: UInt64 { written.load(ordering: .acquiring) }
    /// Up to where the log survives a loss of power.
    package var durablePosition: UInt64 { synced.load(ordering: .acquiring) }
    /// True from a failed sync on, until `forgive`: what the kernel had not written then may be lost for good.
    package var hasFailed: Bool { failed.load(ordering: .acquiring) }

    /// What a failed sync may have lost is on disk by other means.
    package func forgive() { failed.store(false, ordering: .releasing) }

    func wrote(through position: UInt64) { written.store(position, ordering: .releasing) }

    func rotated(to file: any StoreFile) {
        open.withLock { files in
            if let current = files.current { files.retired.append(current) }
            files.current = file
            files.isFolderStale = true
        }
    }

    /// Blocks until all that is written now survives a loss of power.
    ///
    /// - Returns: False when there was nothing to do.
    /// - Throws: When the disk refused; `hasFailed` from then on.
    @discardableResult
    package func synchronize() throws(FileProblem) -> Bool {
        try turn.withLock { (_: inout sending Void) throws(FileProblem) -> Bool in
            let target = writtenPosition
            let files = open.withLock { files in
                defer { files.retired = [] }
                return files
            }
            guard target != durablePosition || !files.retired.isEmpty else { return false }
            do throws(FileProblem) {
                for file in files.retired { try file.synchronize() }
                try files.current?.synchronize()
                if files.isFolderStale {
                    try self.files.synchronizeFolder(folder)
                    open.withLock { open in
                        if open.current === files.current { open.isFolderStale = false }
                    }
                }
            } catch {
                failed.store(true, ordering: .releasing)
                open.withLock { $0.retired.insert(contentsOf: files.retired, at: 0) }
                throw error
            }
            synced.store(target, ordering: .releasing)
            return true
        }
    }
}
