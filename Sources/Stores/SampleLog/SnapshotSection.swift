/// What precedes each part of a snapshot.
///
/// ```
///  0 kind u32, count u32, first u64, position u64, length u64
/// 32 spare 12 bytes, checksum u32 of header and payload
/// ```
package struct SnapshotSection: Hashable, Sendable {
    package static let byteCount = 48

    package enum Kind {
        /// Heads of series `first` and on, as of `position` in the log.
        package static let heads: UInt32 = 1
        /// The second halves of the hashes of the heads before.
        package static let hashes: UInt32 = 2
        /// Page `first` of the slab, its size class in `count`; `position`: blocks in it.
        package static let page: UInt32 = 3
        /// Label pairs `first` and on.
        package static let pairs: UInt32 = 4
        /// Totals; nothing comes after it.
        package static let end: UInt32 = 5
        /// Start timestamps of `count` of the series whose heads came last; there is none where they have none.
        package static let starts: UInt32 = 6
    }

    package var kind: UInt32
    package var count: UInt32
    package var first: UInt64
    package var position: UInt64
    /// Bytes of the payload.
    package var length: UInt64

    package init(kind: UInt32, count: UInt32, first: UInt64, position: UInt64, length: UInt64) {
        self.kind = kind
        self.count = count
        self.first = first
        self.position = position
        self.length = length
    }

    /// Writes the section before its payload, which lies behind `start`'s first `byteCount` bytes.
    package func seal(_ start: UnsafeMutableRawPointer) {
        unsafe store(start)
        unsafe SnapshotSection.correct(
            UnsafeMutableRawBufferPointer(
                start: start,
                count: SnapshotSection.byteCount + Int(length)
            )
        )
    }

    /// Puts the right checksum on a section whose header lies at the beginning of `bytes`.
    package static func correct(_ bytes: UnsafeMutableRawBufferPointer) {
        let start = unsafe bytes.baseAddress.unsafelyUnwrapped
        let length = unsafe start.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        let checksum = unsafe checksum(
            header: start,
            payload: UnsafeRawBufferPointer(start: start + byteCount, count: Int(length))
        )
        unsafe start.storeBytes(of: checksum, toByteOffset: 44, as: UInt32.self)
    }

    private func store(_ start: UnsafeMutableRawPointer) {
        unsafe start.initializeMemory(
            as: UInt8.self,
            repeating: 0,
            count: SnapshotSection.byteCount
        )
        unsafe start.storeBytes(of: kind, as: UInt32.self)
        unsafe start.storeBytes(of: count, toByteOffset: 4, as: UInt32.self)
        unsafe start.storeBytes(of: first, toByteOffset: 8, as: UInt64.self)
        unsafe start.storeBytes(of: position, toByteOffset: 16, as: UInt64.self)
        unsafe start.storeBytes(of: length, toByteOffset: 24, as: UInt64.self)
    }

    static func checksum(
        header: UnsafeRawPointer,
        payload: UnsafeRawBufferPointer
    ) -> UInt32 {
        let seed = unsafe Checksum.of(UnsafeRawBufferPointer(start: header, count: 44))
        return unsafe Checksum.of(payload, seed: seed)
    }

    static func read(_ bytes: [UInt8]) -> SnapshotSection {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe SnapshotSection(
                kind: bytes.loadUnaligned(as: UInt32.self),
                count: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                first: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                position: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                length: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }
}
