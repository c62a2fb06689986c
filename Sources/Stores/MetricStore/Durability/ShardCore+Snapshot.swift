import Model
import SampleLog

/// Copying a shard's data for a snapshot, a slice at a time.
extension ShardCore {
    /// Copies the next slice; true when that was the last.
    ///
    /// Samples come between slices: each slice says how much of the log it reflects.
    mutating func takeSlice(_ taking: SnapshotTaking) -> Bool {
        if taking.nextSeries < taking.seriesEnd {
            copySeries(taking)
            return false
        }
        if taking.nextPair < index.pairCount {
            copyPairs(taking)
            return false
        }
        taking.end(
            SnapshotTotals(
                heads: UInt64(taking.nextSeries),
                pairs: UInt64(taking.nextPair),
                samples: UInt64(taking.samples),
                changes: index.changes
            ),
            position: records.endPosition
        )
        return true
    }

    private func copySeries(_ taking: SnapshotTaking) {
        let first = taking.nextSeries
        let count = min(SnapshotTaking.sliceSeries, taking.seriesEnd - first)
        let heads = SnapshotBuffer(capacity: count * MemoryLayout<SeriesHead>.stride)
        let hashes = SnapshotBuffer(capacity: count * 4)
        for series in first..<(first + count) {
            let ahead = unsafe storage.heads + min(series + 4, first + count - 1)
            storage.slab.prefetch(unsafe ahead.pointee.raw)
            storage.slab.prefetch(unsafe ahead.pointee.labels)
            storage.slab.prefetch(unsafe ahead.pointee.directory)
            var head = unsafe storage.heads[series]
            var hash: UInt32 = 0
            if head.state != SeriesHead.State.free {
                hash = aliases.secondary(of: head.aliasHash, target: UInt32(series) + 1)
                copyBlocks(&head, taking)
            }
            // Other encodings are found out again, and numbers of sources are this process's own.
            head.aliasCount = 0
            head.source = SeriesSources.nobody
            unsafe heads.extend(MemoryLayout<SeriesHead>.stride).storeBytes(
                of: head,
                as: SeriesHead.self
            )
            unsafe hashes.extend(4).storeBytes(of: hash, as: UInt32.self)
        }
        let position = records.endPosition
        taking.write(
            heads,
            kind: SnapshotSection.Kind.heads,
            count: count,
            first: first,
            position: position
        )
        taking.write(
            hashes,
            kind: SnapshotSection.Kind.hashes,
            count: count,
            first: first,
            position: position
        )
        writeStarts(first..<(first + count), taking, position)
        taking.nextSeries += count
    }

    /// Writes the start timestamps of the series that have any: `number u32, count u32, then from i64, start i64` each.
    private func writeStarts(
        _ range: Range<Int>,
        _ taking: SnapshotTaking,
        _ position: UInt64
    ) {
        guard !storage.starts.isEmpty else { return }
        let known = range.compactMap { series in
            storage.startTimes(UInt32(series)).map { (series: UInt32(series), runs: $0.runs) }
        }
        guard !known.isEmpty else { return }
        let buffer = SnapshotBuffer(capacity: known.reduce(0) { $0 + 8 + 16 * $1.runs.count })
        for one in known {
            unsafe buffer.extend(4).storeBytes(of: one.series, as: UInt32.self)
            unsafe buffer.extend(4).storeBytes(of: UInt32(one.runs.count), as: UInt32.self)
            for run in one.runs {
                unsafe buffer.extend(8).storeBytes(of: run.from, as: Int64.self)
                unsafe buffer.extend(8).storeBytes(of: run.start, as: Int64.self)
            }
        }
        taking.write(
            buffer,
            kind: SnapshotSection.Kind.starts,
            count: known.count,
            first: range.lowerBound,
            position: position
        )
    }

    /// Copies what a head points to, and makes it point to the copies.
    private func copyBlocks(_ head: inout SeriesHead, _ taking: SnapshotTaking) {
        head.labels = copy(head.labels, taking)
        if head.raw != 0 { head.raw = copy(head.raw, taking) }
        taking.samples += Int(head.unsealed)
        guard head.directory != 0 else { return }
        let bytes = SeriesHead.directoryEntryBytes
        var chunks: [BlockReference] = []
        chunks.reserveCapacity(Int(head.chunkCount))
        for index in 0..<Int(head.chunkCount) {
            let chunk = unsafe storage.slab.address(head.directory).load(
                fromByteOffset: index * bytes + 4,
                as: BlockReference.self
            )
            taking.samples += unsafe ChunkDecoder.count(storage.slab.address(chunk))
            chunks.append(copy(chunk, taking))
        }
        let directory = unsafe taking.place(
            storage.slab.address(head.directory),
            sizeClass: storage.slab.sizeClass(of: head.directory)
        )
        for (index, chunk) in chunks.enumerated() {
            unsafe directory.copy.storeBytes(
                of: chunk,
                toByteOffset: index * bytes + 4,
                as: BlockReference.self
            )
        }
        head.directory = unsafe directory.block
    }

    private func copy(_ block: BlockReference, _ taking: SnapshotTaking) -> BlockReference {
        unsafe taking.place(
            storage.slab.address(block),
            sizeClass: storage.slab.sizeClass(of: block)
        ).block
    }

    private func copyPairs(_ taking: SnapshotTaking) {
        let first = taking.nextPair
        let count = min(SnapshotTaking.slicePairs, index.pairCount - first)
        let buffer = SnapshotBuffer(capacity: count * MemoryLayout<LabelPair>.stride)
        for number in first..<(first + count) {
            var pair = unsafe index.pairs[number]
            if pair.text != 0 { pair.text = copy(pair.text, taking) }
            // Lists are made anew from the series' labels; a name keeps its number.
            if pair.parent != LabelPair.rootParent { pair.list = 0 }
            pair.count = 0
            pair.capacity = 0
            pair.isSorted = true
            unsafe buffer.extend(MemoryLayout<LabelPair>.stride).storeBytes(
                of: pair,
                as: LabelPair.self
            )
        }
        taking.write(
            buffer,
            kind: SnapshotSection.Kind.pairs,
            count: count,
            first: first,
            position: records.endPosition
        )
        taking.nextPair += count
    }
}
