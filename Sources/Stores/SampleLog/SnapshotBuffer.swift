/// Memory for one section of a snapshot on its way from the shard to the disk.
///
/// Filled by one thread, then handed to another, which only reads it.
@safe
package final class SnapshotBuffer: @unchecked Sendable {
    // Sendable: whoever has it has it alone, see above.
    private let start: UnsafeMutableRawPointer
    private let capacity: Int
    /// Bytes of the payload so far.
    package private(set) var count = 0

    /// A buffer for a payload of at most `capacity` bytes.
    package init(capacity: Int) {
        self.capacity = capacity
        unsafe start = .allocate(
            byteCount: SnapshotSection.byteCount + capacity,
            alignment: 16
        )
    }

    deinit { unsafe start.deallocate() }

    package var room: Int { capacity - count }

    /// Adds `bytes` bytes, whose contents are undefined until the caller writes them.
    package func extend(_ bytes: Int) -> UnsafeMutableRawPointer {
        precondition(bytes <= room, "more than the buffer has room for")
        defer { count += bytes }
        return unsafe start + SnapshotSection.byteCount + count
    }

    /// Writes the section's header, checksum included; nothing may be added afterwards.
    package func seal(kind: UInt32, count elements: Int, first: Int, position: UInt64) {
        let section = SnapshotSection(
            kind: kind,
            count: UInt32(elements),
            first: UInt64(first),
            position: position,
            length: UInt64(count)
        )
        unsafe section.seal(start)
    }

    /// Header and payload.
    package var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start, count: SnapshotSection.byteCount + count)
    }
}
