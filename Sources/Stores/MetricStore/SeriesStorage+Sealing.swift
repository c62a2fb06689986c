/// Making room in rings, sealing chunks, giving up old ones.
extension SeriesStorage {
    /// Sees to it that a newest sample at `time` fits the ring.
    mutating func makeRoom(
        _ head: UnsafeMutablePointer<SeriesHead>,
        time: Int64,
        oldest: Int64
    ) {
        if unsafe head.pointee.state == SeriesHead.State.expired {
            unsafe head.pointee.state = SeriesHead.State.live
            expiredCount -= 1
        }
        if unsafe head.pointee.rawCapacity == 0 {
            let block = slab.allocate(
                SeriesHead.ringStep * SeriesHead.slotBytes,
                isEssential: true
            )
            unsafe moveRing(
                head,
                to: block,
                capacity: SeriesHead.ringStep,
                base: time &- SeriesHead.baseLead
            )
            unsafe head.pointee.lastBreak = 0
            return
        }
        if unsafe UInt64(bitPattern: time &- head.pointee.base) > UInt64(UInt32.max) {
            // Seven weeks on: the samples left in the ring go to a chunk, and it starts afresh.
            unsafe seal(head, oldest: oldest)
            unsafe forgetOldestRaw(head, Int(head.pointee.unsealed))
            let base = time &- SeriesHead.baseLead
            let lastBreak = unsafe head.pointee.base &+ Int64(head.pointee.lastBreak)
            unsafe head.pointee.lastBreak = UInt32(clamping: lastBreak &- base)
            unsafe head.pointee.base = base
        }
        let capacity = unsafe Int(head.pointee.rawCapacity)
        if capacity < SeriesHead.ringMax {
            guard unsafe Int(head.pointee.rawCount) == capacity else { return }
            let grown = min(capacity + SeriesHead.ringStep, SeriesHead.ringMax)
            let block = slab.allocate(grown * SeriesHead.slotBytes, isEssential: false)
            if block != 0 {
                unsafe moveRing(head, to: block, capacity: grown, base: head.pointee.base)
            } else {
                unsafe forgetOldestRaw(head, capacity / 2)
            }
        } else if unsafe Int(head.pointee.unsealed) == capacity {
            unsafe seal(head, oldest: oldest)
        }
    }

    /// Moves the ring's samples to another block; their offsets from `base` fit 32 bits.
    private mutating func moveRing(
        _ head: UnsafeMutablePointer<SeriesHead>,
        to block: BlockReference,
        capacity: Int,
        base: Int64
    ) {
        let count = unsafe Int(head.pointee.rawCount)
        for index in 0..<count { unsafe columns[index] = raw(head, index) }
        if unsafe head.pointee.raw != 0 { unsafe slab.free(head.pointee.raw) }
        unsafe head.pointee.raw = block
        unsafe setRingCapacity(head, capacity)
        unsafe head.pointee.rawStart = 0
        unsafe head.pointee.base = base
        for index in 0..<count {
            unsafe store(head, index, columns[index].time, columns[index].bits)
        }
    }

    /// What a ring of this capacity will still take to be full-grown.
    static func promised(_ capacity: Int) -> Int {
        capacity == 0 ? 0 : (SeriesHead.ringMax - capacity) * SeriesHead.slotBytes
    }

    /// Notes a ring's size, and what it will still take to be full-grown.
    private func setRingCapacity(_ head: UnsafeMutablePointer<SeriesHead>, _ capacity: Int) {
        let before = unsafe SeriesStorage.promised(Int(head.pointee.rawCapacity))
        budget.promise(bytes: SeriesStorage.promised(capacity) - before)
        unsafe head.pointee.rawCapacity = UInt8(capacity)
    }

    /// Takes from the ring what chunks hold as well.
    func dropSealedFromRing(_ head: UnsafeMutablePointer<SeriesHead>) {
        let sealed = unsafe Int(head.pointee.rawCount - head.pointee.unsealed)
        unsafe head.pointee.rawStart = UInt8(SeriesStorage.slot(head, sealed))
        unsafe head.pointee.rawCount = head.pointee.unsealed
    }

    /// Gives up the oldest samples of a ring all of whose samples are in no chunk.
    private mutating func forgetOldestRaw(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ count: Int
    ) {
        unsafe dropSealedFromRing(head)
        let forgotten = unsafe min(count, Int(head.pointee.unsealed))
        unsafe head.pointee.rawStart = UInt8(SeriesStorage.slot(head, forgotten))
        unsafe head.pointee.rawCount -= UInt8(forgotten)
        unsafe head.pointee.unsealed = head.pointee.rawCount
        sampleCount -= forgotten
        evictedSamples += forgotten
    }

    /// Packs the samples that are in no chunk yet, together with the last chunk while that is short.
    ///
    /// When no memory is to be had, some of what is held beyond the retention makes room, then the series' own
    /// oldest chunks, one by one; when it has none left, half of what was to be sealed is given up. What is
    /// held stays without a hole.
    ///
    /// - Parameters:
    ///   - head: The series.
    ///   - oldest: Samples at or before this are out of retention.
    mutating func seal(_ head: UnsafeMutablePointer<SeriesHead>, oldest: Int64) {
        let unsealed = unsafe Int(head.pointee.unsealed)
        guard unsealed > 0 else { return }
        unsafe dropExpiredChunks(head, oldest: bound(head, oldest: oldest))
        var searches = SeriesStorage.searchesMax
        while true {
            let held = unsafe unpackShortLastChunk(head)
            let first = unsafe Int(head.pointee.rawCount) - unsealed
            for index in 0..<unsealed { unsafe columns[held + index] = raw(head, first + index) }
            let length = unsafe encoder.encode(
                columns,
                from: 0,
                count: held + unsealed,
                exponent: &head.pointee.exponent
            )
            let block = slab.allocate(length + ChunkLayout.tailBytes, isEssential: false)
            if block != 0, unsafe held > 0 || makeDirectoryRoom(head) {
                unsafe slab.address(block).copyMemory(from: encoder.output, byteCount: length)
                if held > 0 {
                    unsafe slab.free(chunk(head, Int(head.pointee.chunkCount) - 1))
                } else {
                    unsafe head.pointee.chunkCount += 1
                }
                unsafe setChunk(
                    head,
                    Int(head.pointee.chunkCount) - 1,
                    block,
                    firstTime: columns[0].time
                )
                unsafe head.pointee.unsealed = 0
                if held + unsealed >= SeriesHead.chunkSamples { unsafe pairLastChunks(head) }
                return
            }
            if block != 0 { slab.free(block) }
            if searches > 0 {
                searches -= 1
                if giveUpSomeLong(oldest: oldest) { continue }
            }
            guard unsafe head.pointee.chunkCount > 0 else {
                unsafe forgetOldestRaw(head, max(1, unsealed / 2))
                return
            }
            unsafe evictOldestChunk(head)
        }
    }

    /// Unpacks the last chunk into the columns when the ring's samples fit it too; how many samples it has.
    private func unpackShortLastChunk(_ head: UnsafeMutablePointer<SeriesHead>) -> Int {
        let chunkCount = unsafe Int(head.pointee.chunkCount)
        guard chunkCount > 0 else { return 0 }
        let last = unsafe slab.address(chunk(head, chunkCount - 1))
        let total = unsafe ChunkDecoder.count(last) + Int(head.pointee.unsealed)
        guard total <= SeriesHead.chunkSamples + SeriesHead.ringMax / 4 else { return 0 }
        return unsafe ChunkDecoder.decode(last, into: columns, at: 0)
    }

    /// Makes the last two chunks one, when both are of the short kind: half the headers, and tighter packing.
    ///
    /// Chunks this large from the start would be packed again at each sealing, twice as dear.
    private mutating func pairLastChunks(_ head: UnsafeMutablePointer<SeriesHead>) {
        let last = unsafe Int(head.pointee.chunkCount) - 1
        guard last > 0 else { return }
        let (first, second) = unsafe (chunk(head, last - 1), chunk(head, last))
        let counts = unsafe (
            ChunkDecoder.count(slab.address(first)), ChunkDecoder.count(slab.address(second))
        )
        guard counts.0 + counts.1 <= SeriesHead.pairedSamplesMax else { return }
        unsafe ChunkDecoder.decode(slab.address(first), into: columns, at: 0)
        unsafe ChunkDecoder.decode(slab.address(second), into: columns, at: counts.0)
        let length = unsafe encoder.encode(
            columns,
            from: 0,
            count: counts.0 + counts.1,
            exponent: &head.pointee.exponent
        )
        let block = slab.allocate(length + ChunkLayout.tailBytes, isEssential: false)
        // Without memory to spare both stay as they are.
        guard block != 0 else { return }
        unsafe slab.address(block).copyMemory(from: encoder.output, byteCount: length)
        slab.free(first)
        slab.free(second)
        unsafe head.pointee.chunkCount -= 1
        unsafe setChunk(head, last - 1, block, firstTime: columns[0].time)
    }

    /// Gives up the oldest chunk of a series because memory or its directory is full.
    private mutating func evictOldestChunk(_ head: UnsafeMutablePointer<SeriesHead>) {
        let oldest = unsafe slab.address(chunk(head, 0))
        let samples = unsafe ChunkDecoder.count(oldest)
        if unsafe ChunkDecoder.isThinned(oldest) {
            givenUpSamples += samples
        } else {
            evictedSamples += samples
        }
        unsafe dropOldestChunks(head, 1)
    }

    // MARK: Directory

    func chunk(_ head: UnsafeMutablePointer<SeriesHead>, _ index: Int) -> BlockReference {
        let entry =
            unsafe slab.address(head.pointee.directory) + index &* SeriesHead.directoryEntryBytes
        return unsafe entry.load(fromByteOffset: 4, as: BlockReference.self)
    }

    /// The second in which chunk `index` begins.
    func chunkSecond(_ head: UnsafeMutablePointer<SeriesHead>, _ index: Int) -> UInt32 {
        let entry =
            unsafe slab.address(head.pointee.directory) + index &* SeriesHead.directoryEntryBytes
        return unsafe entry.load(as: UInt32.self)
    }

    func setChunk(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ index: Int,
        _ block: BlockReference,
        firstTime: Int64
    ) {
        let entry =
            unsafe slab.address(head.pointee.directory) + index &* SeriesHead.directoryEntryBytes
        unsafe entry.storeBytes(of: SeriesStorage.second(firstTime), as: UInt32.self)
        unsafe entry.storeBytes(of: block, toByteOffset: 4, as: BlockReference.self)
    }

    /// Rounds down, so that it never orders two moments the wrong way.
    @inline(__always)
    static func second(_ time: Int64) -> UInt32 {
        UInt32(clamping: time / 1000)
    }

    /// Sees to it that the directory takes one more chunk; false when no memory is to be had.
    mutating func makeDirectoryRoom(_ head: UnsafeMutablePointer<SeriesHead>) -> Bool {
        let count = unsafe Int(head.pointee.chunkCount)
        guard unsafe count == Int(head.pointee.directoryCapacity) else { return true }
        guard count < SeriesHead.directoryMax else {
            unsafe evictOldestChunk(head)
            return true
        }
        let wanted = min(max(2, count + count / 2), SeriesHead.directoryMax)
        let block = slab.allocate(wanted * SeriesHead.directoryEntryBytes, isEssential: false)
        guard block != 0 else {
            guard count > 0 else { return false }
            unsafe evictOldestChunk(head)
            return true
        }
        let old = unsafe head.pointee.directory
        if old != 0 {
            unsafe slab.address(block).copyMemory(
                from: slab.address(old),
                byteCount: count * SeriesHead.directoryEntryBytes
            )
            slab.free(old)
        }
        let room = slab.blockBytes(of: block) / SeriesHead.directoryEntryBytes
        unsafe head.pointee.directory = block
        unsafe head.pointee.directoryCapacity = UInt16(min(room, SeriesHead.directoryMax))
        return true
    }

    // MARK: Dropping

    /// Drops the chunks all of whose samples are at or before `oldest`.
    mutating func dropExpiredChunks(_ head: UnsafeMutablePointer<SeriesHead>, oldest: Int64) {
        let count = unsafe Int(head.pointee.chunkCount)
        var expired = 0
        // The directory tells, without a look at the chunk, when one begins after `oldest`.
        while expired < count,
            unsafe chunkSecond(head, expired) <= SeriesStorage.second(oldest),
            unsafe ChunkDecoder.lastTime(slab.address(chunk(head, expired))) <= oldest
        {
            expired += 1
        }
        if expired > 0 { unsafe dropOldestChunks(head, expired) }
    }

    mutating func dropOldestChunks(_ head: UnsafeMutablePointer<SeriesHead>, _ count: Int) {
        for index in 0..<count {
            let block = unsafe chunk(head, index)
            sampleCount -= unsafe ChunkDecoder.count(slab.address(block))
            slab.free(block)
        }
        let left = unsafe Int(head.pointee.chunkCount) - count
        let directory = unsafe slab.address(head.pointee.directory)
        unsafe directory.copyMemory(
            from: directory + count * SeriesHead.directoryEntryBytes,
            byteCount: left * SeriesHead.directoryEntryBytes
        )
        unsafe head.pointee.chunkCount = UInt16(left)
    }

    /// Frees everything a series holds but its labels; its newest timestamp is remembered.
    mutating func dropSamples(_ series: UInt32) {
        let head = unsafe heads + Int(series)
        forgetStarts(series)
        unsafe dropOldestChunks(head, Int(head.pointee.chunkCount))
        if unsafe head.pointee.directory != 0 { unsafe slab.free(head.pointee.directory) }
        if unsafe head.pointee.raw != 0 { unsafe slab.free(head.pointee.raw) }
        sampleCount -= unsafe Int(head.pointee.unsealed)
        unsafe head.pointee.directory = 0
        unsafe head.pointee.directoryCapacity = 0
        unsafe head.pointee.raw = 0
        unsafe setRingCapacity(head, 0)
        unsafe head.pointee.rawStart = 0
        unsafe head.pointee.rawCount = 0
        unsafe head.pointee.unsealed = 0
    }

    /// Drops what of a live series is out of retention, or thins what is needed of it.
    ///
    /// - Returns: True when nothing is left, and it is `expired` now.
    mutating func expire(_ series: UInt32, oldest: Int64) -> Bool {
        let head = unsafe heads + Int(series)
        guard unsafe head.pointee.state == SeriesHead.State.live else { return false }
        let bound = unsafe bound(head, oldest: oldest)
        guard unsafe head.pointee.lastTimestamp <= bound else {
            unsafe dropExpiredChunks(head, oldest: bound)
            if hasStarts(series) { trimStarts(series, oldest: bound) }
            if unsafe head.pointee.retention != 0 { unsafe thin(head, oldest: oldest) }
            return false
        }
        dropSamples(series)
        unsafe head.pointee.state = SeriesHead.State.expired
        expiredCount += 1
        return true
    }
}
