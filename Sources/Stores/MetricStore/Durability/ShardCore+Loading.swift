import Glibc
import Model
import SampleLog

/// How much of the log each slice of a snapshot reflects.
struct SnapshotCoverage: Sendable {
    /// By slice of `SnapshotTaking.sliceSeries` series.
    fileprivate(set) var slices: [UInt64] = []
    fileprivate(set) var heads = 0
    /// Of series that the snapshot does not have.
    fileprivate(set) var start: UInt64 = 0
    /// Records that end after this are in no slice.
    fileprivate(set) var end: UInt64 = 0

    /// True when what a record that ends at `position` says of a series is in the snapshot.
    @inline(__always)
    func holds(_ series: UInt32, _ position: UInt64) -> Bool {
        let slice = Int(series) / SnapshotTaking.sliceSeries
        return position <= (Int(series) < heads ? slices[slice] : start)
    }
}

/// Reading a snapshot into an empty shard.
extension ShardCore {
    /// Reads a snapshot: pages, heads and pairs go where they were made to lie, lists and tables are made anew.
    ///
    /// - Parameter reader: At its beginning.
    /// - Returns: Which records need not be replayed.
    /// - Throws: `SnapshotReader.Damage`, after which the shard is of no use; or why the file cannot be read.
    mutating func load(_ reader: SnapshotReader) throws -> SnapshotCoverage {
        var coverage = SnapshotCoverage()
        coverage.start = reader.header.start
        var hashes: [UInt32] = []
        var totals = SnapshotTotals()
        var pairCount = 0
        var pages: [(number: Int, sizeClass: Int, blocks: Int)] = []
        var starts: [SnapshotStarts] = []
        while true {
            // Hashes and totals go through here; the other parts have places of their own.
            var spare = [UInt32](repeating: 0, count: SnapshotTaking.sliceSeries)
            let headsSoFar = coverage.slices.count * SnapshotTaking.sliceSeries
            let section = try unsafe spare.withUnsafeMutableBytes { spare in
                try unsafe reader.next { section in
                    guard section.kind == SnapshotSection.Kind.starts else {
                        return unsafe place(
                            section,
                            spare,
                            headsSoFar,
                            hashes.count,
                            pairCount,
                            pages.count
                        )
                    }
                    guard let made = SnapshotStarts(section) else { return nil }
                    starts.append(made)
                    return unsafe made.base
                }
            }
            switch section.kind {
            case SnapshotSection.Kind.heads: coverage.slices.append(section.position)
            case SnapshotSection.Kind.hashes: hashes += spare.prefix(Int(section.count))
            case SnapshotSection.Kind.page:
                pages.append((Int(section.first), Int(section.count), Int(section.position)))
            case SnapshotSection.Kind.pairs: pairCount += Int(section.count)
            case SnapshotSection.Kind.starts: break
            default:
                unsafe spare.withUnsafeBytes {
                    totals = unsafe $0.loadUnaligned(as: SnapshotTotals.self)
                }
                coverage.end = section.position
                coverage.heads = hashes.count
                guard section.first == UInt64(pages.count + 1),
                    totals.heads == UInt64(hashes.count), totals.pairs == UInt64(pairCount),
                    totals.samples < 1 << 48, totals.changes < 1 << 62,
                    coverage.slices.count == (hashes.count + SnapshotTaking.sliceSeries - 1)
                        / SnapshotTaking.sliceSeries
                else { throw SnapshotReader.Damage("its totals are wrong", at: reader.offset) }
                guard storage.slab.adopt(pages), adopt(hashes, totals),
                    starts.allSatisfy({ adopt($0) })
                else {
                    throw SnapshotReader.Damage("its parts do not fit together", at: reader.offset)
                }
                return coverage
            }
        }
    }

    /// Where a section's payload goes; nil when it cannot be.
    private func place(
        _ section: SnapshotSection,
        _ spare: UnsafeMutableRawBufferPointer,
        _ heads: Int,
        _ hashes: Int,
        _ pairs: Int,
        _ pages: Int
    ) -> UnsafeMutableRawPointer? {
        let count = Int(section.count)
        switch section.kind {
        case SnapshotSection.Kind.heads:
            // All slices but the last are full.
            guard section.first == UInt64(heads), heads == hashes, count > 0,
                count <= SnapshotTaking.sliceSeries, heads + count <= storage.headsMax,
                section.length == UInt64(count * MemoryLayout<SeriesHead>.stride)
            else { return nil }
            return unsafe UnsafeMutableRawPointer(storage.heads + heads)
        case SnapshotSection.Kind.hashes:
            guard section.first == UInt64(hashes), section.length == UInt64(count * 4),
                count > 0, count <= SnapshotTaking.sliceSeries
            else { return nil }
            return spare.baseAddress
        case SnapshotSection.Kind.page:
            guard section.first < UInt64(storage.slab.pagesMax), section.first > 0,
                count < Slab.sizeClassCount, section.length <= UInt64(Slab.pageBytes),
                section.position <= UInt64(Slab.pageUnits),
                section.length == section.position * UInt64(Slab.blockBytes(sizeClass: count)),
                section.length > 0
            else { return nil }
            return unsafe storage.slab.address(BlockReference(Int(section.first) * Slab.pageUnits))
        case SnapshotSection.Kind.pairs:
            guard section.first == UInt64(pairs), count > 0, pairs + count <= index.pairsMax,
                section.length == UInt64(count * MemoryLayout<LabelPair>.stride)
            else { return nil }
            return unsafe UnsafeMutableRawPointer(index.pairs + pairs)
        case SnapshotSection.Kind.end:
            guard section.length == UInt64(MemoryLayout<SnapshotTotals>.size) else { return nil }
            return spare.baseAddress
        default: return nil
        }
    }

    /// Gives series their start timestamps; false when they make no sense.
    private mutating func adopt(_ starts: SnapshotStarts) -> Bool {
        starts.forEach { series, known in
            guard series < storage.headCount,
                storage.head(series).state != SeriesHead.State.free
            else { return false }
            var known = known
            _ = known.keep(countMax: storage.startRunsMax)
            storage.adopt(known, of: series)
            return true
        }
    }

    /// Makes heads and pairs that lie in their places the shard's own; false when they make no sense.
    private mutating func adopt(_ hashes: [UInt32], _ totals: SnapshotTotals) -> Bool {
        guard storage.adopt(heads: hashes.count, samples: Int(totals.samples)) else { return false }
        guard index.adopt(pairs: Int(totals.pairs), changes: totals.changes, &storage) else {
            return false
        }
        var live = 0
        aliases.reserve(hashes.count)
        for (series, secondary) in hashes.enumerated() {
            let head = unsafe storage.heads + series
            guard unsafe head.pointee.state != SeriesHead.State.free else { continue }
            live += 1
            aliases.insert(
                unsafe LabelHash(
                    primary: head.pointee.aliasHash,
                    secondary: UInt64(secondary)
                ),
                target: UInt32(series) + 1
            )
        }
        budget.holdSeries(live)
        return true
    }
}
