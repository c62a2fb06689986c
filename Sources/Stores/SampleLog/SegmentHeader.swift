/// The first bytes of a segment of the log.
///
/// ```
///  0 magic          8 bytes
///  8 byte order     u32, 0x01020304 as the machine writes it
/// 12 version        u32
/// 16 base           u64, position of the first record
/// 24 previous end   u64, where the segment before ended
/// 32 durable        u64, up to where the log was synced when the segment was begun
/// 40 identity       u64, of the store
/// 48 shard          u32
/// 52 spare          8 bytes
/// 60 checksum       u32, of what is before
/// ```
/// Positions count the bytes of records, not those of headers.
package struct SegmentHeader: Hashable, Sendable {
    package static let byteCount = 64
    package static let version: UInt32 = 1
    static let magic: UInt64 = 0x0a47_4f4c_4353_4f54
    static let order: UInt32 = 0x0102_0304

    package var base: UInt64
    package var previousEnd: UInt64
    package var durable: UInt64
    package var identity: UInt64
    package var shard: UInt32

    package init(
        base: UInt64,
        previousEnd: UInt64,
        durable: UInt64,
        identity: UInt64,
        shard: UInt32
    ) {
        self.base = base
        self.previousEnd = previousEnd
        self.durable = durable
        self.identity = identity
        self.shard = shard
    }

    /// The header as it stands in the file.
    package var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: SegmentHeader.magic, as: UInt64.self)
            unsafe bytes.storeBytes(of: SegmentHeader.order, toByteOffset: 8, as: UInt32.self)
            unsafe bytes.storeBytes(of: SegmentHeader.version, toByteOffset: 12, as: UInt32.self)
            unsafe bytes.storeBytes(of: base, toByteOffset: 16, as: UInt64.self)
            unsafe bytes.storeBytes(of: previousEnd, toByteOffset: 24, as: UInt64.self)
            unsafe bytes.storeBytes(of: durable, toByteOffset: 32, as: UInt64.self)
            unsafe bytes.storeBytes(of: identity, toByteOffset: 40, as: UInt64.self)
            unsafe bytes.storeBytes(of: shard, toByteOffset: 48, as: UInt32.self)
            let checksum = unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[0..<60]))
            unsafe bytes.storeBytes(of: checksum, toByteOffset: 60, as: UInt32.self)
        }
        return bytes
    }

    /// What the first bytes of a file turned out to be.
    package enum Reading: Equatable {
        case header(SegmentHeader)
        /// Too short, or the checksum is wrong.
        case damaged
        /// Written by something else; says what.
        case foreign(String)
    }

    /// Reads a header.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        guard bytes.count >= byteCount else { return .damaged }
        guard unsafe bytes.loadUnaligned(as: UInt64.self) == magic else { return .damaged }
        let order = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        let version = unsafe bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        let checksum = unsafe bytes.loadUnaligned(fromByteOffset: 60, as: UInt32.self)
        guard order == SegmentHeader.order else {
            return order == SegmentHeader.order.byteSwapped
                ? .foreign("a machine of the other byte order wrote it") : .damaged
        }
        guard version == SegmentHeader.version else {
            return .foreign(
                "its format is version \(version), and this program knows \(SegmentHeader.version)"
            )
        }
        guard unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[0..<60])) == checksum else {
            return .damaged
        }
        return unsafe .header(
            SegmentHeader(
                base: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                previousEnd: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self),
                durable: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self),
                identity: bytes.loadUnaligned(fromByteOffset: 40, as: UInt64.self),
                shard: bytes.loadUnaligned(fromByteOffset: 48, as: UInt32.self)
            )
        )
    }
}
