import Model
import SampleLog

/// A section of start timestamps as it was read from a snapshot.
@safe
final class SnapshotStarts {
    let base: UnsafeMutableRawPointer
    private let byteCount: Int

    /// Bytes of a section at most: what a slice of series with very many runs each would take.
    private static let bytesMax: UInt64 = 1 << 30

    /// Room for a section's payload; nil when it cannot be one.
    init?(_ section: SnapshotSection) {
        guard section.length > 0, section.length <= SnapshotStarts.bytesMax else { return nil }
        byteCount = Int(section.length)
        unsafe base = .allocate(byteCount: byteCount, alignment: 16)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { unsafe base.deallocate() }

    /// Gives each series and its runs to `body`; false when the bytes make no sense, or `body` says so.
    func forEach(_ body: (UInt32, StartTimes) -> Bool) -> Bool {
        let bytes = unsafe UnsafeRawBufferPointer(start: base, count: byteCount)
        var cursor = 0
        while cursor < byteCount {
            guard byteCount - cursor >= 8 else { return false }
            let series = unsafe bytes.loadUnaligned(fromByteOffset: cursor, as: UInt32.self)
            let count = unsafe Int(
                bytes.loadUnaligned(fromByteOffset: cursor + 4, as: UInt32.self)
            )
            cursor += 8
            guard count <= (byteCount - cursor) / 16 else { return false }
            var known = StartTimes()
            var last = Int64.min
            for _ in 0..<count {
                let from = unsafe bytes.loadUnaligned(fromByteOffset: cursor, as: Int64.self)
                let start = unsafe bytes.loadUnaligned(fromByteOffset: cursor + 8, as: Int64.self)
                cursor += 16
                guard from > last else { return false }
                last = from
                known.apply(StartTimes.Change(from: from, start: start))
            }
            guard body(series, known) else { return false }
        }
        return true
    }
}
