/// Samples that are not newer than their series' newest.
extension SeriesStorage {
    /// A chunk is cut in two when an upsert makes it larger.
    private static let chunkSplit = 88

    /// Judges a late sample, and puts it in its place when the window allows it.
    mutating func appendLate(
        _ head: UnsafeMutablePointer<SeriesHead>,
        time: Int64,
        bits: UInt64,
        window: Window
    ) -> Outcome {
        if unsafe head.pointee.state == SeriesHead.State.expired {
            // The clock stepped back; nothing is held that the sample could be late for.
            unsafe head.pointee.lastTimestamp = .min
            unsafe makeRoom(head, time: time, oldest: window.oldest)
            unsafe head.pointee.lastTimestamp = time
            unsafe head.pointee.lastBits = bits
            unsafe insert(head, at: 0, time, bits)
            unsafe noteLate(head)
            return .accepted
        }
        if let held = unsafe heldBits(head, time) {
            if held == bits { return .duplicate }
            if window.lateWindow < 0 { return .duplicateTimestamp }
        } else if window.lateWindow < 0 {
            return .outOfOrder
        }
        let earliest = unsafe head.pointee.lastTimestamp.subtractingReportingOverflow(
            window.lateWindow
        )
        if !earliest.overflow, time < earliest.partialValue { return .tooOld }
        let outcome = unsafe upsert(head, time, bits, oldest: window.oldest)
        let isNewest = unsafe time == head.pointee.lastTimestamp
        if isNewest, outcome == .revised { unsafe head.pointee.lastBits = bits }
        if outcome == .accepted || outcome == .revised { unsafe noteLate(head) }
        return outcome
    }

    /// A late sample may fall below the one before it, or the next below it: up to the newest nothing is known.
    private func noteLate(_ head: UnsafeMutablePointer<SeriesHead>) {
        unsafe head.pointee.lastBreak = UInt32(
            truncatingIfNeeded: head.pointee.lastTimestamp &- head.pointee.base
        )
    }

    /// The value bits held at exactly `time`.
    private func heldBits(_ head: UnsafeMutablePointer<SeriesHead>, _ time: Int64) -> UInt64? {
        var index = unsafe Int(head.pointee.rawCount) - 1
        while index >= 0 {
            let sample = unsafe raw(head, index)
            if sample.time == time { return sample.bits }
            if sample.time < time { return nil }
            index -= 1
        }
        guard unsafe head.pointee.chunkCount > 0 else { return nil }
        let place = unsafe chunkIndex(head, holding: time)
        let count = unsafe ChunkDecoder.decode(
            slab.address(chunk(head, place)),
            into: columns,
            at: 0
        )
        for index in 0..<count where columns[index].time == time { return columns[index].bits }
        return nil
    }

    private mutating func upsert(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ time: Int64,
        _ bits: UInt64,
        oldest: Int64
    ) -> Outcome {
        guard unsafe time >= head.pointee.base else { return .tooOld }
        let rawCount = unsafe Int(head.pointee.rawCount)
        let sealed = unsafe rawCount - Int(head.pointee.unsealed)
        var place = rawCount
        while place > 0, unsafe raw(head, place - 1).time >= time { place -= 1 }
        let exists = unsafe place < rawCount && raw(head, place).time == time
        if exists, place >= sealed {
            unsafe store(head, SeriesStorage.slot(head, place), time, bits)
            return .revised
        }
        // Just before the unsealed is still the ring's, unless chunks end between there and here.
        let followsSealed = unsafe place == sealed && (sealed > 0 || head.pointee.chunkCount == 0)
        if !exists, place > sealed || followsSealed {
            if unsafe head.pointee.unsealed == head.pointee.rawCapacity {
                unsafe makeRoom(head, time: time, oldest: oldest)
                return unsafe upsert(head, time, bits, oldest: oldest)
            }
            unsafe insert(head, at: place, time, bits)
            return .accepted
        }
        // The place is in a chunk; the ring's copies of sealed samples would be out of date.
        unsafe dropSealedFromRing(head)
        guard unsafe head.pointee.chunkCount > 0 else {
            return unsafe upsert(head, time, bits, oldest: oldest)
        }
        return unsafe upsertSealed(head, time, bits)
    }

    /// Puts a sample into the unsealed part of a ring whose unsealed part has room.
    private mutating func insert(
        _ head: UnsafeMutablePointer<SeriesHead>,
        at place: Int,
        _ time: Int64,
        _ bits: UInt64
    ) {
        var place = place
        if unsafe head.pointee.rawCount == head.pointee.rawCapacity {
            // Full, but not all unsealed: the oldest is in a chunk.
            unsafe head.pointee.rawStart = UInt8(SeriesStorage.slot(head, 1))
            unsafe head.pointee.rawCount -= 1
            place -= 1
        }
        var index = unsafe Int(head.pointee.rawCount)
        while index > place {
            let moved = unsafe raw(head, index - 1)
            unsafe store(head, SeriesStorage.slot(head, index), moved.time, moved.bits)
            index -= 1
        }
        unsafe store(head, SeriesStorage.slot(head, place), time, bits)
        unsafe head.pointee.rawCount += 1
        unsafe head.pointee.unsealed += 1
        sampleCount += 1
    }

    private mutating func upsertSealed(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ time: Int64,
        _ bits: UInt64
    ) -> Outcome {
        let place = unsafe chunkIndex(head, holding: time)
        var count = unsafe ChunkDecoder.decode(
            slab.address(chunk(head, place)),
            into: columns,
            at: 0
        )
        var index = 0
        while index < count, columns[index].time < time { index += 1 }
        let replaces = index < count && columns[index].time == time
        if replaces {
            columns[index] = (time, bits)
        } else {
            columns.insert(time: time, bits: bits, at: index, count: count)
            count += 1
        }
        let first = count > SeriesStorage.chunkSplit ? count / 2 : count
        if first < count {
            // Room for the second half comes before anything is changed.
            guard unsafe head.pointee.chunkCount < UInt16(SeriesHead.directoryMax),
                unsafe makeDirectoryRoom(head),
                unsafe insertChunk(head, at: place + 1, from: first, count: count - first)
            else { return .noMemory }
        }
        guard unsafe replaceChunk(head, at: place, count: first) else {
            if first < count { unsafe removeChunk(head, at: place + 1) }
            return .noMemory
        }
        guard !replaces else { return .revised }
        sampleCount += 1
        return .accepted
    }

    /// Packs the first `count` columns in place of chunk `place`; false when no memory is to be had.
    private mutating func replaceChunk(
        _ head: UnsafeMutablePointer<SeriesHead>,
        at place: Int,
        count: Int
    ) -> Bool {
        let length = unsafe encoder.encode(
            columns,
            from: 0,
            count: count,
            exponent: &head.pointee.exponent
        )
        let old = unsafe chunk(head, place)
        var block = old
        if length + ChunkLayout.tailBytes > slab.blockBytes(of: old) {
            block = slab.allocate(length + ChunkLayout.tailBytes, isEssential: false)
            guard block != 0 else { return false }
            slab.free(old)
        }
        unsafe slab.address(block).copyMemory(from: encoder.output, byteCount: length)
        unsafe setChunk(head, place, block, firstTime: columns[0].time)
        return true
    }

    /// Packs columns into a new chunk at `place`, for which the directory has room.
    ///
    /// False when no memory is to be had.
    private mutating func insertChunk(
        _ head: UnsafeMutablePointer<SeriesHead>,
        at place: Int,
        from first: Int,
        count: Int
    ) -> Bool {
        let length = unsafe encoder.encode(
            columns,
            from: first,
            count: count,
            exponent: &head.pointee.exponent
        )
        let block = slab.allocate(length + ChunkLayout.tailBytes, isEssential: false)
        guard block != 0 else { return false }
        unsafe slab.address(block).copyMemory(from: encoder.output, byteCount: length)
        let entries = unsafe slab.address(head.pointee.directory)
        let bytes = SeriesHead.directoryEntryBytes
        unsafe (entries + (place + 1) * bytes).copyMemory(
            from: entries + place * bytes,
            byteCount: (Int(head.pointee.chunkCount) - place) * bytes
        )
        unsafe head.pointee.chunkCount += 1
        unsafe setChunk(head, place, block, firstTime: columns[first].time)
        return true
    }

    /// Frees chunk `place` and takes it from the directory; its samples stay counted.
    mutating func removeChunk(_ head: UnsafeMutablePointer<SeriesHead>, at place: Int) {
        unsafe slab.free(chunk(head, place))
        let entries = unsafe slab.address(head.pointee.directory)
        let bytes = SeriesHead.directoryEntryBytes
        unsafe (entries + place * bytes).copyMemory(
            from: entries + (place + 1) * bytes,
            byteCount: (Int(head.pointee.chunkCount) - place - 1) * bytes
        )
        unsafe head.pointee.chunkCount -= 1
    }
}
