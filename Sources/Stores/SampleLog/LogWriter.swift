/// Appends records to the segments of one shard's log.
///
/// Confined to the shard's thread; others sync through `sync`. A write that fails is kept and tried again, so
/// that the log never lacks what memory holds.
package struct LogWriter: ~Copyable {
    /// A segment that is full.
    private struct Full {
        var base: UInt64
        var end: UInt64
    }

    private let files: any StoreFiles
    private let folder: String
    private let identity: UInt64
    private let shard: UInt32
    private let segmentBytesMax: Int
    package let sync: SegmentSync
    private var file: (any StoreFile)?
    private var base: UInt64
    private var length = 0
    private var previousEnd: UInt64
    private var full: [Full]
    /// Records that could not be written yet, the first of which belongs at the end of the file.
    private var unwritten: [UInt8] = []
    /// Where the next record goes, counting those that could not be written yet.
    package private(set) var position: UInt64

    /// A log that goes on at `position` with a new segment, made at the first write.
    ///
    /// - Parameters:
    ///   - files: Where to write.
    ///   - folder: The shard's folder, which is there.
    ///   - identity: The store's.
    ///   - shard: Its number.
    ///   - segmentBytesMax: A segment with more bytes of records is full.
    ///   - position: Where the first record will stand.
    ///   - previousEnd: Where the last segment that is there ends.
    ///   - segments: Those that are there, by first position and end.
    ///   - durable: Up to where they are known to have been synced.
    ///   - unsynced: Those of them that hold more.
    package init(
        files: any StoreFiles,
        folder: String,
        identity: UInt64,
        shard: UInt32,
        segmentBytesMax: Int,
        position: UInt64,
        previousEnd: UInt64,
        segments: [(base: UInt64, end: UInt64)],
        durable: UInt64,
        unsynced: [any StoreFile]
    ) {
        self.files = files
        self.folder = folder
        self.identity = identity
        self.shard = shard
        self.segmentBytesMax = segmentBytesMax
        self.position = position
        self.previousEnd = previousEnd
        base = position
        full = segments.map { Full(base: $0.base, end: $0.end) }
        sync = SegmentSync(
            files: files,
            folder: folder,
            position: position,
            durable: durable,
            unsynced: unsynced
        )
    }

    /// True while records wait that could not be written.
    package var isBehind: Bool { !unwritten.isEmpty }
    /// Bytes of the records that wait.
    package var unwrittenBytes: Int { unwritten.count }

    /// Segments on disk and their bytes.
    package var segmentCount: Int { full.count + (file == nil ? 0 : 1) }
    package var byteCount: Int {
        full.reduce(length) { $0 + Int($1.end - $1.base) }
            + segmentCount * SegmentHeader.byteCount
    }

    /// Writes complete records; they are with the kernel when this returns without a problem.
    ///
    /// - Parameter records: The first stands at `position`.
    /// - Throws: Why they were not written; they are kept then, and `retry` writes them.
    package mutating func append(_ records: UnsafeRawBufferPointer) throws(FileProblem) {
        guard unsafe !records.isEmpty else { return }
        position += UInt64(records.count)
        guard unwritten.isEmpty else {
            unsafe unwritten.append(contentsOf: records)
            return try retry()
        }
        do throws(FileProblem) {
            let file = try currentFile()
            unsafe try file.write(records, at: SegmentHeader.byteCount + length)
            wrote(records.count)
        } catch {
            unsafe unwritten.append(contentsOf: records)
            throw error
        }
    }

    /// Writes what could not be written before.
    package mutating func retry() throws(FileProblem) {
        guard !unwritten.isEmpty else { return }
        // From the same place at each try: a part that was written before is written again.
        let file = try currentFile()
        try file.write(unwritten, at: SegmentHeader.byteCount + length)
        wrote(unwritten.count)
        unwritten = []
    }

    private mutating func currentFile() throws(FileProblem) -> any StoreFile {
        if let file, length < segmentBytesMax { return file }
        return try begin()
    }

    private mutating func wrote(_ count: Int) {
        length += count
        sync.wrote(through: base + UInt64(length))
    }

    /// Begins the next segment, even when the current one is not full.
    @discardableResult
    package mutating func begin() throws(FileProblem) -> any StoreFile {
        let start = base + UInt64(length)
        let header = SegmentHeader(
            base: start,
            previousEnd: file == nil ? previousEnd : start,
            durable: sync.durablePosition,
            identity: identity,
            shard: shard
        )
        let path = "\(folder)/\(LogFileName.segment(start))"
        // Left by a try that failed, or by a process that died before it wrote a record.
        try files.remove(path)
        let next = try files.create(path)
        do throws(FileProblem) {
            try next.write(header.encoded, at: 0)
        } catch {
            try files.remove(path)
            throw error
        }
        if file != nil { full.append(Full(base: base, end: start)) }
        file = next
        base = start
        length = 0
        sync.rotated(to: next)
        return next
    }

    /// Forgets the full segments whose records all lie before `position`; their paths, for the caller to remove.
    package mutating func forgetSegments(before position: UInt64) -> [String] {
        let gone = full.prefix { $0.end <= position }
        full.removeFirst(gone.count)
        return gone.map { "\(folder)/\(LogFileName.segment($0.base))" }
    }
}
