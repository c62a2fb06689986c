/// What a log on disk turned out to hold.
package struct LogReading: Sendable {
    /// A tail that could not be read and was cut off.
    package struct Cut: Hashable, Sendable {
        package var path: String
        /// Where in the file the last good record ends.
        package var offset: Int
        /// Bytes that were dropped, those of later segments too.
        package var bytes: Int
        /// True when it had been synced: damage, not a write that was under way.
        package var isDamage: Bool
    }

    /// Where the last good record ends.
    package var end: UInt64
    /// Up to where the log is known to have been synced; the rest may be with the kernel alone.
    package var durable: UInt64
    /// Segments that are there, in order.
    package var segments: [(base: UInt64, end: UInt64)] = []
    /// Bytes of records that were read.
    package var bytesRead = 0
    package var cut: Cut?
}

/// Reads a log from a position on, and cuts what a write that was under way has left behind.
package struct LogReader {
    private struct Segment {
        var name: String
        var base: UInt64
        var header: SegmentHeader?
        var size: Int
    }

    private let files: any StoreFiles
    private let folder: String
    private let identity: UInt64
    private let cutsDamage: Bool

    /// A reader of one shard's log.
    ///
    /// - Parameters:
    ///   - files: Where to read.
    ///   - folder: The shard's folder.
    ///   - identity: The store's; a segment of another one is refused.
    ///   - cutsDamage: True: what is behind a damaged record is put aside, and the log goes on before it.
    package init(
        files: any StoreFiles,
        folder: String,
        identity: UInt64,
        cutsDamage: Bool
    ) {
        self.files = files
        self.folder = folder
        self.identity = identity
        self.cutsDamage = cutsDamage
    }

    /// Gives every record from `position` on to `body`, with the position at which it ends.
    ///
    /// - Parameters:
    ///   - position: Records that end at or before it are left out.
    ///   - body: Takes the payload, behind which `RecordDecoder.tailBytes` can be read; false: it makes no sense.
    /// - Returns: What was found, and where the log goes on.
    /// - Throws: When segments are missing, damaged before what had been synced, or foreign.
    package func read(
        from position: UInt64,
        _ body: (_ payload: UnsafeRawBufferPointer, _ end: UInt64) -> Bool
    ) throws(SampleLogProblem) -> LogReading {
        let segments = try segments()
        // A snapshot is finished after the log before it was synced.
        var reading = LogReading(end: position, durable: position)
        guard let first = segments.first else { return reading }
        if first.base > position {
            guard cutsDamage else {
                throw SampleLogProblem(
                    .missing(
                        folder: folder,
                        what: "the log begins at \(first.name), and what was before it is gone"
                    )
                )
            }
        }
        var buffer = SegmentBuffer()
        defer { reading.durable = min(reading.durable, reading.end) }
        for (index, segment) in segments.enumerated() {
            reading.durable = max(reading.durable, segment.header?.durable ?? 0)
            let isNeeded =
                index + 1 == segments.count || segments[index + 1].base > position
            guard isNeeded else {
                // Its length is known from where the next begins, give or take a gap.
                reading.segments.append((segment.base, segments[index + 1].base))
                continue
            }
            let end = unsafe try read(segment, from: position, &buffer, &reading, body)
            let next = index + 1 < segments.count ? segments[index + 1] : nil
            // The next segment says where this one must end.
            let mustEnd = next.flatMap(\.header)?.previousEnd ?? end.position
            let isWhole = end.isWhole && mustEnd == end.position
            reading.end = end.position
            if end.position > segment.base || next != nil {
                reading.segments.append((segment.base, end.position))
            }
            if !isWhole {
                try cut(segments, at: index, end.position, &reading)
                break
            }
        }
        return reading
    }

    private func segments() throws(SampleLogProblem) -> [Segment] {
        var segments: [Segment] = []
        for name in try SampleLogProblem.wrapping({ () throws(FileProblem) in try files.list(folder)
        }) {
            guard let base = LogFileName.position(name, suffix: LogFileName.segmentSuffix) else {
                continue
            }
            segments.append(Segment(name: name, base: base, header: nil, size: 0))
        }
        segments.sort { $0.base < $1.base }
        for index in segments.indices { try readHeader(&segments[index]) }
        return segments
    }

    private func readHeader(_ segment: inout Segment) throws(SampleLogProblem) {
        let path = "\(folder)/\(segment.name)"
        let (size, bytes) = try SampleLogProblem.wrapping { () throws(FileProblem) in
            let file = try files.open(path, writes: false)
            return (try file.size(), try file.read(count: SegmentHeader.byteCount, at: 0))
        }
        segment.size = size
        let reading = unsafe bytes.withUnsafeBytes { unsafe SegmentHeader.read($0) }
        switch reading {
        case .damaged: break
        case .foreign(let what): throw SampleLogProblem(.foreign(path: path, what: what))
        case .header(let header):
            guard header.identity == identity else {
                throw SampleLogProblem(
                    .foreign(path: path, what: "it belongs to another store")
                )
            }
            // A file under another's name is as good as damaged.
            if header.base == segment.base { segment.header = header }
        }
    }

    /// Reads one segment; where its last good record ends, and whether that is the end of the file.
    private func read(
        _ segment: Segment,
        from position: UInt64,
        _ buffer: inout SegmentBuffer,
        _ reading: inout LogReading,
        _ body: (_ payload: UnsafeRawBufferPointer, _ end: UInt64) -> Bool
    ) throws(SampleLogProblem) -> (position: UInt64, isWhole: Bool) {
        guard segment.header != nil else { return (segment.base, false) }
        let path = "\(folder)/\(segment.name)"
        let count = try SampleLogProblem.wrapping { () throws(FileProblem) -> Int in
            let file = try files.open(path, writes: false)
            return try buffer.fill(from: file, count: segment.size)
        }
        return unsafe buffer.withBytes { bytes in
            var offset = SegmentHeader.byteCount
            while count - offset >= RecordEncoder.headerBytes {
                let length = unsafe Int(
                    bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                )
                let checksum = unsafe bytes.loadUnaligned(
                    fromByteOffset: offset + 4,
                    as: UInt32.self
                )
                let start = offset + RecordEncoder.headerBytes
                guard length > 0, length <= count - start else { break }
                let payload = unsafe UnsafeRawBufferPointer(
                    rebasing: bytes[start..<(start + length)]
                )
                let at = segment.base + UInt64(offset - SegmentHeader.byteCount)
                let end = at + UInt64(RecordEncoder.headerBytes + length)
                if end > position {
                    guard unsafe RecordEncoder.checksum(payload, position: at) == checksum,
                        unsafe body(payload, end)
                    else { break }
                    reading.bytesRead += RecordEncoder.headerBytes + length
                }
                offset = start + length
            }
            return (
                segment.base + UInt64(offset - SegmentHeader.byteCount),
                offset == segment.size
            )
        }
    }

    // MARK: Cutting

    /// Ends the log at `position` within segment `index`, when that may be.
    private func cut(
        _ segments: [Segment],
        at index: Int,
        _ position: UInt64,
        _ reading: inout LogReading
    ) throws(SampleLogProblem) {
        let segment = segments[index]
        let path = "\(folder)/\(segment.name)"
        let offset = SegmentHeader.byteCount + Int(position - segment.base)
        let later = segments[(index + 1)...]
        // What was never synced may be gone after a loss of power; what was synced may not.
        let durable = later.compactMap(\.header?.durable).max() ?? 0
        let isDamage = position < durable
        if isDamage, !cutsDamage {
            throw SampleLogProblem(
                .corrupt(
                    path: path,
                    offset: offset,
                    what: "the record there is not what was written, and later ones are on disk"
                )
            )
        }
        reading.cut = LogReading.Cut(
            path: path,
            offset: offset,
            bytes: later.reduce(max(0, segment.size - offset)) { $0 + $1.size },
            isDamage: isDamage
        )
        try SampleLogProblem.wrapping { () throws(FileProblem) in
            for one in later.reversed() {
                let path = "\(folder)/\(one.name)"
                if isDamage {
                    try files.move(path, to: path + LogFileName.damagedSuffix)
                } else {
                    try files.remove(path)
                }
            }
            if isDamage { try keepCopy(path, size: segment.size) }
            if segment.header == nil || position == segment.base {
                try files.remove(path)
            } else {
                let file = try files.open(path, writes: true)
                try file.truncate(to: offset)
                try file.synchronize()
            }
            try files.synchronizeFolder(folder)
        }
        if segment.header == nil || position == segment.base,
            reading.segments.last?.base == segment.base
        {
            reading.segments.removeLast()
        }
    }

    private func keepCopy(_ path: String, size: Int) throws(FileProblem) {
        var buffer = SegmentBuffer()
        let count = try buffer.fill(from: files.open(path, writes: false), count: size)
        let copy = path + LogFileName.damagedSuffix
        try files.remove(copy)
        let file = try files.create(copy)
        try buffer.write(to: file, count: count)
    }
}

/// A segment's bytes in memory, with a tail that readers may run over.
@safe
private struct SegmentBuffer: ~Copyable {
    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0

    init() {
        capacity = 0
        unsafe start = .allocate(byteCount: capacity + RecordDecoder.tailBytes, alignment: 16)
    }

    deinit { unsafe start.deallocate() }

    mutating func fill(from file: any StoreFile, count wanted: Int) throws(FileProblem) -> Int {
        if wanted > capacity {
            unsafe start.deallocate()
            capacity = wanted
            unsafe start = .allocate(byteCount: capacity + RecordDecoder.tailBytes, alignment: 16)
        }
        count = try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(start: start, count: wanted),
            at: 0
        )
        unsafe (start + count).initializeMemory(
            as: UInt8.self,
            repeating: 0,
            count: RecordDecoder.tailBytes
        )
        return count
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(start: start, count: count))
    }

    func write(to file: any StoreFile, count: Int) throws(FileProblem) {
        unsafe try file.write(UnsafeRawBufferPointer(start: start, count: count), at: 0)
    }
}
