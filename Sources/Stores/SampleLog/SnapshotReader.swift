/// Reads a snapshot part by part, each straight to where the caller wants it.
package final class SnapshotReader {
    /// Why a snapshot cannot be used; an older one may do.
    package struct Damage: Error, Sendable {
        package var offset: Int
        package var what: String

        package init(_ what: String, at offset: Int) {
            self.what = what
            self.offset = offset
        }
    }

    private let file: any StoreFile
    /// Bytes in the file.
    package let size: Int
    /// Where the next section begins.
    package private(set) var offset = SnapshotHeader.byteCount
    package let header: SnapshotHeader

    /// Opens a snapshot.
    ///
    /// - Throws: `SampleLogProblem` when it is foreign or cannot be read, `Damage` when it is damaged.
    package init(_ path: String, _ files: any StoreFiles, identity: UInt64, shard: UInt32) throws {
        let opened = try SampleLogProblem.wrapping { () throws(FileProblem) in
            let file = try files.open(path, writes: false)
            let header = try file.read(count: SnapshotHeader.byteCount, at: 0)
            return (file, try file.size(), header)
        }
        (file, size) = (opened.0, opened.1)
        switch SnapshotHeader.read(opened.2) {
        case .damaged: throw Damage("its header is not what was written", at: 0)
        case .foreign(let what): throw SampleLogProblem(.foreign(path: path, what: what))
        case .header(let header):
            guard header.identity == identity, header.shard == shard else {
                throw SampleLogProblem(.foreign(path: path, what: "it belongs to another store"))
            }
            self.header = header
        }
    }

    /// The next section.
    ///
    /// - Parameter place: Gives memory for as many bytes as the payload has; nil: it makes no sense.
    /// - Returns: What precedes the payload.
    /// - Throws: `Damage`, or `SampleLogProblem` when the file cannot be read.
    package func next(
        _ place: (SnapshotSection) -> UnsafeMutableRawPointer?
    ) throws -> SnapshotSection {
        let at = offset
        let bytes = try SampleLogProblem.wrapping { () throws(FileProblem) in
            try file.read(count: SnapshotSection.byteCount, at: at)
        }
        guard bytes.count == SnapshotSection.byteCount else {
            throw Damage("it ends before its end", at: at)
        }
        let section = SnapshotSection.read(bytes)
        guard section.length <= UInt64(size - at - SnapshotSection.byteCount) else {
            throw Damage("a part is longer than the file", at: at)
        }
        guard let target = unsafe place(section) else {
            throw Damage("a part makes no sense", at: at)
        }
        let length = Int(section.length)
        let payload = unsafe UnsafeMutableRawBufferPointer(start: target, count: length)
        let count = try SampleLogProblem.wrapping { () throws(FileProblem) in
            unsafe try file.read(into: payload, at: at + SnapshotSection.byteCount)
        }
        let checksum = unsafe bytes.withUnsafeBytes { bytes in
            unsafe SnapshotSection.checksum(
                header: bytes.baseAddress.unsafelyUnwrapped,
                payload: UnsafeRawBufferPointer(payload)
            )
        }
        let stored = unsafe bytes.withUnsafeBytes {
            unsafe $0.loadUnaligned(fromByteOffset: 44, as: UInt32.self)
        }
        guard count == length, checksum == stored else {
            throw Damage("a part is not what was written", at: at)
        }
        offset = at + SnapshotSection.byteCount + length
        return section
    }
}
