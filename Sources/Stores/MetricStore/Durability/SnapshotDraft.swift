import SampleLog
import Synchronization

/// A snapshot that is being written: shared between the shard that makes it and the thread that writes it.
final class SnapshotDraft: Sendable {
    enum Outcome: Sendable {
        case underway
        case failed(FileProblem)
        /// Bytes of the finished file.
        case done(Int)
    }

    /// Its position in the log: the name it will have.
    let start: UInt64
    let folder: String
    let files: any StoreFiles
    private let header: SnapshotHeader
    private let file = Mutex<(file: (any StoreFile)?, offset: Int)>((nil, 0))
    private let state = Mutex<Outcome>(.underway)

    init(_ header: SnapshotHeader, folder: String, files: any StoreFiles) {
        self.header = header
        self.folder = folder
        self.files = files
        start = header.start
    }

    var outcome: Outcome { state.withLock { $0 } }

    private var path: String { "\(folder)/\(LogFileName.snapshot(start))" }
    private var draftPath: String { path + LogFileName.unfinishedSuffix }

    /// Writes a section behind the last; once one has failed the others are left out.
    func write(_ buffer: SnapshotBuffer) {
        guard case .underway = outcome else { return }
        file.withLock { open in
            do throws(FileProblem) {
                let file: any StoreFile
                if let known = open.file {
                    file = known
                } else {
                    try files.remove(draftPath)
                    file = try files.create(draftPath)
                    try file.write(header.encoded, at: 0)
                    open = (file, SnapshotHeader.byteCount)
                }
                let bytes = unsafe buffer.bytes
                unsafe try file.write(bytes, at: open.offset)
                open.offset += bytes.count
            } catch {
                state.withLock { $0 = .failed(error) }
            }
        }
    }

    /// Makes the snapshot the newest there is, once all of it and of the log before is on disk; older ones than the
    /// one before it are removed.
    func finish(sync: SegmentSync, keeping previous: UInt64?) {
        guard case .underway = outcome else {
            abandon()
            return
        }
        let written = file.withLock { $0 }
        do throws(FileProblem) {
            try written.file?.synchronize()
            try sync.synchronize()
            try files.move(draftPath, to: path)
            try files.synchronizeFolder(folder)
            for name in try files.list(folder) {
                guard
                    let position = LogFileName.position(name, suffix: LogFileName.snapshotSuffix),
                    position != start, position != previous
                else { continue }
                try files.remove("\(folder)/\(name)")
            }
            state.withLock { $0 = .done(written.offset) }
        } catch {
            state.withLock { $0 = .failed(error) }
            abandon()
        }
    }

    /// Removes what was written; a file that cannot be removed is so at the next start.
    func abandon() {
        file.withLock { $0.file = nil }
        try? files.remove(draftPath)
    }
}
