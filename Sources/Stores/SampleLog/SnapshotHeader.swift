/// The first bytes of a snapshot: who wrote it, from where in the log on it is, and how memory is laid out in it.
///
/// ```
///  0 magic u64, byte order u32, version u32
/// 16 identity u64, shard u32, count of layout words u32
/// 32 start u64, 16 layout words u32
/// 104 spare 20 bytes, checksum u32
/// ```
package struct SnapshotHeader: Hashable, Sendable {
    package static let byteCount = 128
    package static let layoutMax = 16
    private static let version: UInt32 = 1
    private static let magic: UInt64 = 0x0a50_414e_5343_4f54

    package var identity: UInt64
    package var shard: UInt32
    /// Records that end after this may be missing from it.
    package var start: UInt64
    /// Sizes that reader and writer must agree on; at most `layoutMax`.
    package var layout: [UInt32]

    package init(identity: UInt64, shard: UInt32, start: UInt64, layout: [UInt32]) {
        precondition(
            layout.count <= SnapshotHeader.layoutMax,
            "more layout words than there is room for"
        )
        self.identity = identity
        self.shard = shard
        self.start = start
        self.layout = layout
    }

    /// The header as it stands in the file.
    package var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SnapshotHeader.byteCount)
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: SnapshotHeader.magic, as: UInt64.self)
            unsafe bytes.storeBytes(of: SegmentHeader.order, toByteOffset: 8, as: UInt32.self)
            unsafe bytes.storeBytes(of: SnapshotHeader.version, toByteOffset: 12, as: UInt32.self)
            unsafe bytes.storeBytes(of: identity, toByteOffset: 16, as: UInt64.self)
            unsafe bytes.storeBytes(of: shard, toByteOffset: 24, as: UInt32.self)
            unsafe bytes.storeBytes(of: UInt32(layout.count), toByteOffset: 28, as: UInt32.self)
            unsafe bytes.storeBytes(of: start, toByteOffset: 32, as: UInt64.self)
            for (index, word) in layout.enumerated() {
                unsafe bytes.storeBytes(of: word, toByteOffset: 40 + 4 * index, as: UInt32.self)
            }
            let checksum = unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[0..<124]))
            unsafe bytes.storeBytes(of: checksum, toByteOffset: 124, as: UInt32.self)
        }
        return bytes
    }

    /// What the first bytes of a file turned out to be.
    package enum Reading: Equatable {
        case header(SnapshotHeader)
        case damaged
        /// Written by something else; says what.
        case foreign(String)
    }

    /// Reads a header.
    package static func read(_ bytes: [UInt8]) -> Reading {
        guard bytes.count == byteCount else { return .damaged }
        func word<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
            unsafe bytes.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: offset, as: Value.self)
            }
        }
        guard word(0, UInt64.self) == magic else { return .damaged }
        let order = word(8, UInt32.self)
        guard order == SegmentHeader.order else {
            return order == SegmentHeader.order.byteSwapped
                ? .foreign("a machine of the other byte order wrote it") : .damaged
        }
        guard word(12, UInt32.self) == version else {
            return .foreign(
                "its format is version \(word(12, UInt32.self)), and this program knows \(version)"
            )
        }
        let checksum = unsafe bytes.withUnsafeBytes {
            unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: $0[0..<124]))
        }
        let count = Int(word(28, UInt32.self))
        guard checksum == word(124, UInt32.self), count <= layoutMax else { return .damaged }
        return .header(
            SnapshotHeader(
                identity: word(16, UInt64.self),
                shard: word(24, UInt32.self),
                start: word(32, UInt64.self),
                layout: (0..<count).map { word(40 + 4 * $0, UInt32.self) }
            )
        )
    }
}
