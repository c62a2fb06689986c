import SampleLog

/// A snapshot of one shard under way: blocks are put together anew in an image of a slab without gaps, and what
/// points to them is told their new places.
///
/// Confined to the shard's thread.
@safe
final class SnapshotTaking {
    /// A page of the image that has room.
    private struct OpenPage {
        var number: Int
        var buffer: SnapshotBuffer
        var blocks = 0
    }

    /// Series and pairs that one slice copies.
    static let sliceSeries = 256
    static let slicePairs = 2048

    let draft: SnapshotDraft
    /// True when an earlier sync had failed: what it may have lost is in this snapshot.
    let mendsSync: Bool
    private let thread: SnapshotThread
    private var pages: [OpenPage?] = Array(repeating: nil, count: Slab.sizeClassCount)
    private var nextPage = 1
    var nextSeries = 0
    /// Series from here on were made since, and are in the log.
    let seriesEnd: Int
    var nextPair = 0
    var samples = 0

    init(_ draft: SnapshotDraft, thread: SnapshotThread, seriesEnd: Int, mendsSync: Bool) {
        self.draft = draft
        self.seriesEnd = seriesEnd
        self.thread = thread
        self.mendsSync = mendsSync
    }

    var hasRoom: Bool { thread.hasRoom }

    /// Copies a block into the image.
    ///
    /// - Returns: Its place there, and where the copy can be changed until the next call.
    func place(
        _ bytes: UnsafeRawPointer,
        sizeClass: Int
    ) -> (block: BlockReference, copy: UnsafeMutableRawPointer) {
        let length = Slab.blockBytes(sizeClass: sizeClass)
        if let page = pages[sizeClass], page.buffer.room < length { close(page, sizeClass) }
        var page =
            pages[sizeClass]
            ?? OpenPage(number: nextPage, buffer: SnapshotBuffer(capacity: Slab.pageBytes))
        if page.buffer.count == 0 { nextPage += 1 }
        let block = page.number * Slab.pageUnits + page.buffer.count / Slab.unitBytes
        let copy = unsafe page.buffer.extend(length)
        unsafe copy.copyMemory(from: bytes, byteCount: length)
        page.blocks += 1
        pages[sizeClass] = page
        return unsafe (BlockReference(block), copy)
    }

    private func close(_ page: OpenPage, _ sizeClass: Int) {
        page.buffer.seal(
            kind: SnapshotSection.Kind.page,
            count: sizeClass,
            first: page.number,
            position: UInt64(page.blocks)
        )
        thread.write(page.buffer, to: draft)
        pages[sizeClass] = nil
    }

    func write(
        _ buffer: SnapshotBuffer,
        kind: UInt32,
        count: Int,
        first: Int,
        position: UInt64
    ) {
        buffer.seal(kind: kind, count: count, first: first, position: position)
        thread.write(buffer, to: draft)
    }

    /// Writes what is left and the totals.
    func end(_ totals: SnapshotTotals, position: UInt64) {
        for (sizeClass, page) in pages.enumerated() {
            if let page { close(page, sizeClass) }
        }
        let buffer = SnapshotBuffer(capacity: MemoryLayout<SnapshotTotals>.size)
        unsafe buffer.extend(MemoryLayout<SnapshotTotals>.size).storeBytes(
            of: totals,
            as: SnapshotTotals.self
        )
        write(buffer, kind: SnapshotSection.Kind.end, count: 0, first: nextPage, position: position)
    }

    func finish(sync: SegmentSync, keeping previous: UInt64?) {
        thread.finish(draft, sync: sync, keeping: previous)
    }

    func abandon() { thread.abandon(draft) }
}

/// What a snapshot holds in all.
struct SnapshotTotals: BitwiseCopyable {
    var heads: UInt64 = 0
    var pairs: UInt64 = 0
    var samples: UInt64 = 0
    /// `LabelIndex.changes`.
    var changes: UInt64 = 0
}

/// Sizes that a snapshot's reader must share with its writer.
enum SnapshotLayout {
    /// Counts changes of what the fields of a head, a pair or a chunk mean.
    private static let version: UInt32 = 1

    static let words: [UInt32] = [
        version, UInt32(MemoryLayout<SeriesHead>.stride), UInt32(MemoryLayout<LabelPair>.stride),
        UInt32(SeriesHead.ringMax), UInt32(SeriesHead.slotBytes), UInt32(ChunkLayout.countMax),
        UInt32(SeriesHead.directoryEntryBytes), UInt32(Slab.unitBytes), UInt32(Slab.pageBytes),
        UInt32(Slab.sizeClassCount), UInt32(SnapshotTaking.sliceSeries),
    ]
}
