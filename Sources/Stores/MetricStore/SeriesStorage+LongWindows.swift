import Model

/// Which series are kept beyond the retention, and for how long.
extension SeriesStorage {
    /// Numbers of classes that a head can hold.
    static let classesMax = Int(UInt8.max)

    /// The moment at or before which nothing of a series is kept.
    ///
    /// - Parameters:
    ///   - series: Whose samples.
    ///   - oldest: The end of the retention.
    /// - Returns: `oldest`, or an earlier moment.
    @inline(__always)
    func bound(_ series: UInt32, oldest: Int64) -> Int64 {
        unsafe bound(heads + Int(series), oldest: oldest)
    }

    @inline(__always)
    func bound(_ head: UnsafeMutablePointer<SeriesHead>, oldest: Int64) -> Int64 {
        let number = unsafe Int(head.pointee.retention)
        guard number > 0 else { return oldest }
        // A head that came back from disk before the needs are known keeps everything.
        guard number < classes.count else { return .min }
        let (bound, overflow) = oldest.subtractingReportingOverflow(classes[number].extra)
        return overflow ? .min : bound
    }

    /// Forgets what was needed of every series; nothing is dropped before the next look at it.
    mutating func forgetNeeds() {
        classes = [.none]
        classNumbers = [:]
        neededSeries = 0
        neededList = []
        for series in 0..<headCount { unsafe heads[series].retention = 0 }
    }

    /// Notes that a series is needed, beside what else is needed of it.
    mutating func require(_ series: UInt32, _ retention: RetentionClass) {
        precondition(series < headCount)
        let head = unsafe heads + Int(series)
        guard retention != .none, unsafe head.pointee.state != SeriesHead.State.free else { return }
        let number = unsafe Int(head.pointee.retention)
        if number == 0 { noteNeeded(series) }
        var union = classes[number]
        union.formUnion(retention)
        if let known = classNumbers[union] {
            unsafe head.pointee.retention = known
        } else if classes.count < SeriesStorage.classesMax {
            let new = UInt8(classes.count)
            classes.append(union)
            classNumbers[union] = new
            unsafe head.pointee.retention = new
        } else {
            // More combinations than there are numbers: the last becomes what any of them asks for.
            classes[SeriesStorage.classesMax - 1].formUnion(union)
            unsafe head.pointee.retention = UInt8(SeriesStorage.classesMax - 1)
        }
    }

    private mutating func noteNeeded(_ series: UInt32) {
        neededSeries += 1
        if neededList.count > 2 * neededSeries + 1024 {
            neededList = Set(neededList).filter { unsafe heads[Int($0)].retention != 0 }.sorted()
        }
        neededList.append(series)
    }

    // MARK: Thinning

    /// Thins what of a needed series is out of retention, or gives it up when memory is short.
    mutating func thin(_ head: UnsafeMutablePointer<SeriesHead>, oldest: Int64) {
        let number = unsafe Int(head.pointee.retention)
        guard number > 0, number < classes.count else { return }
        if !budget.hasRoomForSeries {
            unsafe giveUpLong(head, oldest: oldest)
            return
        }
        let retention = classes[number]
        let end = oldest - retention.wholeExtra
        var next = unsafe thinnedCount(head)
        while unsafe next < Int(head.pointee.chunkCount),
            unsafe chunkSecond(head, next) <= SeriesStorage.second(end),
            unsafe ChunkDecoder.lastTime(slab.address(chunk(head, next))) <= end
        {
            let count = unsafe head.pointee.chunkCount
            guard unsafe thin(head, chunk: next, retention.detail) else { return }
            if unsafe head.pointee.chunkCount == count { next += 1 }
        }
    }

    /// How many of a series' chunks, from the oldest on, are thinned.
    private func thinnedCount(_ head: UnsafeMutablePointer<SeriesHead>) -> Int {
        var (low, high) = unsafe (0, Int(head.pointee.chunkCount))
        while low < high {
            let middle = (low + high) / 2
            if unsafe ChunkDecoder.isThinned(slab.address(chunk(head, middle))) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Thins a chunk behind those that are, and joins it to the one before while that is short.
    ///
    /// - Returns: False when no memory is to be had; then all is as it was.
    private mutating func thin(
        _ head: UnsafeMutablePointer<SeriesHead>,
        chunk number: Int,
        _ detail: RetentionNeed.Detail
    ) -> Bool {
        let isLast = unsafe number + 1 == Int(head.pointee.chunkCount)
        // The ring would go on showing what is not in the chunk any more.
        if isLast { unsafe dropSealedFromRing(head) }
        let block = unsafe chunk(head, number)
        var rule = unsafe MinuteThinning(
            detail: detail,
            before: lastValue(head, before: number),
            after: firstValue(head, from: number + 1)?.bits,
            isNewest: isLast && head.pointee.unsealed == 0
        )
        var held = 0
        var previous: BlockReference = 0
        if number > 0 {
            previous = unsafe chunk(head, number - 1)
            held = unsafe ChunkDecoder.decode(slab.address(previous), into: thinning, at: 0)
            rule.followsMarker = thinning[held - 1].bits == Staleness.bits
        }
        let count = unsafe ChunkDecoder.decode(slab.address(block), into: thinning, at: held)
        let kept = rule.apply(thinning, at: held, count: count)
        let joins = number > 0 && held + kept <= ChunkLayout.countMax
        if kept > 0, joins || kept < count {
            let start = joins ? 0 : held
            let packed = unsafe pack(head, from: start, count: held + kept - start)
            guard packed != 0 else { return false }
            if joins {
                slab.free(previous)
                unsafe setChunk(head, number - 1, packed, firstTime: thinning[0].time)
            } else {
                slab.free(block)
                unsafe setChunk(head, number, packed, firstTime: thinning[held].time)
            }
        }
        if joins || kept == 0 {
            unsafe removeChunk(head, at: number)
        } else {
            unsafe ChunkDecoder.markThinned(slab.address(chunk(head, number)))
        }
        sampleCount -= count - kept
        thinnedSamples += count - kept
        return true
    }

    /// Packs samples of `thinning` into a new block; 0 when no memory is to be had.
    private mutating func pack(
        _ head: UnsafeMutablePointer<SeriesHead>,
        from start: Int,
        count: Int
    ) -> BlockReference {
        let length = unsafe encoder.encode(
            thinning,
            from: start,
            count: count,
            exponent: &head.pointee.exponent
        )
        let block = slab.allocate(length + ChunkLayout.tailBytes, isEssential: false)
        guard block != 0 else { return 0 }
        unsafe slab.address(block).copyMemory(from: encoder.output, byteCount: length)
        unsafe ChunkDecoder.markThinned(slab.address(block))
        return block
    }

    /// The newest sample in the chunks before `number` that is no marker.
    private func lastValue(
        _ head: UnsafeMutablePointer<SeriesHead>,
        before number: Int
    ) -> (time: Int64, bits: UInt64)? {
        for place in stride(from: number - 1, through: 0, by: -1) {
            let chunk = unsafe slab.address(chunk(head, place))
            for index in unsafe stride(from: ChunkDecoder.count(chunk) - 1, through: 0, by: -1) {
                let bits = unsafe ChunkDecoder.bits(chunk, index)
                if bits != Staleness.bits { return unsafe (ChunkDecoder.time(chunk, index), bits) }
            }
        }
        return nil
    }

    /// The oldest sample from chunk `number` on that is no marker.
    private func firstValue(
        _ head: UnsafeMutablePointer<SeriesHead>,
        from number: Int
    ) -> (time: Int64, bits: UInt64)? {
        for place in unsafe number..<max(number, Int(head.pointee.chunkCount)) {
            let chunk = unsafe slab.address(chunk(head, place))
            for index in unsafe 0..<ChunkDecoder.count(chunk) {
                let bits = unsafe ChunkDecoder.bits(chunk, index)
                if bits != Staleness.bits { return unsafe (ChunkDecoder.time(chunk, index), bits) }
            }
        }
        let unsealed = unsafe Int(head.pointee.rawCount - head.pointee.unsealed)
        for index in unsafe unsealed..<Int(head.pointee.rawCount) {
            let sample = unsafe raw(head, index)
            if sample.bits != Staleness.bits { return sample }
        }
        return nil
    }

    // MARK: Giving up

    /// Series that one search for something to give up looks at.
    private static let searchMax = 256
    /// Such searches that one sealing makes at most.
    static let searchesMax = 4

    /// Gives up the older half of what a series holds beyond the retention; false when that is nothing.
    @discardableResult
    mutating func giveUpLong(_ head: UnsafeMutablePointer<SeriesHead>, oldest: Int64) -> Bool {
        guard unsafe head.pointee.retention != 0 else { return false }
        var (count, samples) = (0, 0)
        while unsafe count < Int(head.pointee.chunkCount),
            unsafe ChunkDecoder.lastTime(slab.address(chunk(head, count))) <= oldest
        {
            count += 1
        }
        guard count > 0 else { return false }
        let half = (count + 1) / 2
        for number in 0..<half {
            samples += unsafe ChunkDecoder.count(slab.address(chunk(head, number)))
        }
        if half == Int(unsafe head.pointee.chunkCount) { unsafe dropSealedFromRing(head) }
        unsafe dropOldestChunks(head, half)
        givenUpSamples += samples
        return true
    }

    /// Gives up what some series holds beyond the retention; false when none was found.
    mutating func giveUpSomeLong(oldest: Int64) -> Bool {
        for _ in 0..<min(neededList.count, SeriesStorage.searchMax) {
            giveUpCursor = giveUpCursor + 1 < neededList.count ? giveUpCursor + 1 : 0
            let head = unsafe heads + Int(neededList[giveUpCursor])
            if unsafe giveUpLong(head, oldest: oldest) { return true }
        }
        return false
    }
}

extension ChunkDecoder {
    /// True when the chunk was thinned, and not packed again since.
    static func isThinned(_ chunk: UnsafeRawPointer) -> Bool {
        let mode = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
        return mode & ChunkLayout.thinnedFlag != 0
    }

    fileprivate static func markThinned(_ chunk: UnsafeMutableRawPointer) {
        let mode = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
        unsafe chunk.storeBytes(
            of: mode | ChunkLayout.thinnedFlag,
            toByteOffset: ChunkLayout.mode,
            as: UInt8.self
        )
    }
}
