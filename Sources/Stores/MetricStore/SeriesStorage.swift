import CLinux
import Model

/// Heads and samples of one shard's series.
///
/// Owned by one thread.
@safe
struct SeriesStorage: ~Copyable {
    /// What became of one sample.
    enum Outcome {
        case accepted, duplicate, revised
        case outOfOrder, duplicateTimestamp, tooOld, tooFarInFuture, noMemory
    }

    /// Between which timestamps samples are taken, and whether late ones replace what is there.
    struct Window {
        /// A sample must be newer than this.
        var oldest: Int64
        /// And at most this.
        var newest: Int64
        /// How far before its series' newest sample a late one may lie; negative: late ones are refused.
        var lateWindow: Int64
    }

    private let headRegion: MappedRegion
    let budget: MemoryBudget
    var slab: Slab
    let encoder = ChunkEncoder()
    /// Where chunks are unpacked and put together.
    let columns = SampleColumns(capacity: ChunkLayout.countMax + SeriesHead.ringMax)
    /// Heads that were ever used; those of freed series among them.
    private(set) var headCount = 0
    private var freeHeads: [UInt32] = []
    let headsMax: Int
    /// Samples held; those that are hidden by the retention but not dropped yet are counted.
    var sampleCount = 0
    /// Samples given up because memory ran out.
    var evictedSamples = 0
    /// Heads in state `expired`.
    var expiredCount = 0
    /// Where chunks are thinned: two at a time.
    let thinning = SampleColumns(capacity: 2 * ChunkLayout.countMax)
    /// What is kept beyond the retention, by the numbers in the heads.
    var classes: [RetentionClass] = [.none]
    var classNumbers: [RetentionClass: UInt8] = [:]
    /// Series of which anything is.
    var neededSeries = 0
    /// Samples that thinning left out.
    var thinnedSamples = 0
    /// Samples beyond the retention that were given up because memory ran short.
    var givenUpSamples = 0
    /// Those series, and some that are not any more; each again when it came again.
    var neededList: [UInt32] = []
    /// The place in the list that was last asked to give something up.
    var giveUpCursor = 0
    /// Start timestamps, of the series whose heads say so.
    var starts: [UInt32: StartTimes] = [:]
    /// Runs of them that one series may have.
    let startRunsMax: Int
    /// Bytes they take, about.
    var startBytes = 0

    /// An empty storage for as many series as the budget allows, and for what a snapshot of so many bytes holds.
    init(
        budget: MemoryBudget,
        snapshotBytes: Int = 0,
        startRunsMax: Int = MetricStoreSettings.standard.startRunsMax
    ) {
        self.budget = budget
        self.startRunsMax = startRunsMax
        // Any shard may come to hold nearly all series.
        headsMax = budget.maxSeries + 1 + snapshotBytes / MemoryLayout<SeriesHead>.stride
        headRegion = MappedRegion(reserving: headsMax * MemoryLayout<SeriesHead>.stride)
        slab = Slab(
            budget: budget,
            reservingMore: snapshotBytes == 0
                ? 0 : snapshotBytes * 2 + Slab.sizeClassCount * Slab.pageBytes
        )
        assert(MemoryLayout<SeriesHead>.stride == 64, "a head is one cache line")
    }

    deinit {
        budget.add(bytes: -headCount * MemoryLayout<SeriesHead>.stride - startBytes)
    }

    /// The heads; the pointer is valid as long as the storage.
    var heads: UnsafeMutablePointer<SeriesHead> {
        unsafe headRegion.base.assumingMemoryBound(to: SeriesHead.self)
    }

    /// A copy of a head; `series` is below `headCount`.
    func head(_ series: UInt32) -> SeriesHead {
        precondition(series < headCount)
        return unsafe heads[Int(series)]
    }

    /// True when a new series would find memory that is there already.
    var hasReusableMemory: Bool { !freeHeads.isEmpty && slab.idleBytes > 64 << 10 }

    var freeHeadCount: Int { freeHeads.count }

    /// A new live head without labels or samples.
    mutating func create() -> UInt32 {
        let series: UInt32
        if let free = freeHeads.popLast() {
            series = free
        } else {
            precondition(headCount < headsMax, "more heads than series may exist")
            series = UInt32(headCount)
            headCount += 1
            budget.add(bytes: MemoryLayout<SeriesHead>.stride)
        }
        unsafe heads[Int(series)] = SeriesHead()
        unsafe heads[Int(series)].state = SeriesHead.State.live
        return series
    }

    /// Makes the head of this number a new live one; false when there is no room for it.
    ///
    /// While a log is replayed, heads below it may stay unused: `rebuildFreeHeads` finds them afterwards.
    mutating func restore(_ series: UInt32) -> Bool {
        guard series < headsMax else { return false }
        if series >= headCount {
            budget.add(bytes: (Int(series) + 1 - headCount) * MemoryLayout<SeriesHead>.stride)
            headCount = Int(series) + 1
        }
        unsafe heads[Int(series)] = SeriesHead()
        unsafe heads[Int(series)].state = SeriesHead.State.live
        return true
    }

    /// Makes a series `expired`, whatever it holds; false when it is none.
    mutating func discard(_ series: UInt32) -> Bool {
        let head = unsafe heads + Int(series)
        guard unsafe head.pointee.state != SeriesHead.State.free else { return false }
        dropSamples(series)
        if unsafe head.pointee.state == SeriesHead.State.live { expiredCount += 1 }
        unsafe head.pointee.state = SeriesHead.State.expired
        return true
    }

    /// Makes heads that lie in their places, and the slab's blocks they name, the contents of an empty storage.
    ///
    /// - Parameters:
    ///   - count: Heads.
    ///   - samples: What they hold in all.
    /// - Returns: False when some head names what is not there.
    mutating func adopt(heads count: Int, samples: Int) -> Bool {
        headCount = count
        budget.add(bytes: count * MemoryLayout<SeriesHead>.stride)
        sampleCount = samples
        for series in 0..<count {
            let head = unsafe heads + series
            guard unsafe head.pointee.state != SeriesHead.State.free else { continue }
            let next = unsafe heads + min(series + 8, count - 1)
            slab.prefetch(unsafe next.pointee.directory)
            unsafe head.pointee.source = SeriesSources.nobody
            unsafe head.pointee.hasStarts = 0
            guard unsafe isSound(head.pointee) else { return false }
            if unsafe head.pointee.state == SeriesHead.State.expired { expiredCount += 1 }
            budget.promise(bytes: SeriesStorage.promised(unsafe Int(head.pointee.rawCapacity)))
        }
        return true
    }

    /// True when a head from outside names blocks that can hold what it says they do.
    private func isSound(_ head: SeriesHead) -> Bool {
        guard head.state <= SeriesHead.State.expired, head.rawCapacity <= UInt8(SeriesHead.ringMax),
            head.rawCount <= head.rawCapacity, head.unsealed <= head.rawCount,
            head.rawStart < max(1, head.rawCapacity), head.chunkCount <= head.directoryCapacity,
            slab.holds(head.labels, byteCount: max(4, Int(head.labelCount) * 4)),
            (head.raw == 0) == (head.rawCapacity == 0),
            (head.directory == 0) == (head.directoryCapacity == 0)
        else { return false }
        if head.raw != 0,
            !slab.holds(head.raw, byteCount: Int(head.rawCapacity) * SeriesHead.slotBytes)
        {
            return false
        }
        guard head.directory != 0 else { return true }
        let bytes = SeriesHead.directoryEntryBytes
        guard slab.holds(head.directory, byteCount: Int(head.directoryCapacity) * bytes) else {
            return false
        }
        for index in 0..<Int(head.chunkCount) {
            let chunk = unsafe slab.address(head.directory).load(
                fromByteOffset: index * bytes + 4,
                as: BlockReference.self
            )
            guard slab.holds(chunk, byteCount: ChunkLayout.headerBytes) else { return false }
        }
        return true
    }

    /// Finds the heads that new series may have.
    mutating func rebuildFreeHeads() {
        freeHeads = []
        for series in stride(from: headCount - 1, through: 0, by: -1)
        where unsafe heads[series].state == SeriesHead.State.free {
            freeHeads.append(UInt32(series))
        }
    }

    /// Gives a head back, with everything it holds but its labels, which are the index's.
    mutating func free(_ series: UInt32) {
        dropSamples(series)
        if unsafe heads[Int(series)].state == SeriesHead.State.expired { expiredCount -= 1 }
        unsafe heads[Int(series)].state = SeriesHead.State.free
        if unsafe heads[Int(series)].retention != 0 { neededSeries -= 1 }
        freeHeads.append(series)
    }

    /// Starts loading a head that will be needed soon.
    @inline(__always)
    func prefetchHead(_ series: UInt32) {
        unsafe tocsin_prefetch(heads + Int(series))
    }

    /// Starts loading the slot that the next sample will go to; the head should be loaded.
    @inline(__always)
    func prefetchSlot(_ series: UInt32) {
        let head = unsafe heads + Int(series)
        let slot = unsafe SeriesStorage.slot(head, Int(head.pointee.rawCount))
        unsafe tocsin_prefetch(slab.address(head.pointee.raw) + slot &* SeriesHead.slotBytes)
    }

    /// Takes one sample.
    @inline(__always)
    mutating func append(
        _ series: UInt32,
        time: Int64,
        bits: UInt64,
        window: Window
    ) -> Outcome {
        if time > window.newest { return .tooFarInFuture }
        if time <= window.oldest { return .tooOld }
        let head = unsafe heads + Int(series)
        if unsafe time <= head.pointee.lastTimestamp {
            return unsafe appendLate(head, time: time, bits: bits, window: window)
        }
        let fits =
            unsafe head.pointee.unsealed < head.pointee.rawCapacity
            && (head.pointee.rawCount < head.pointee.rawCapacity
                || head.pointee.rawCapacity == UInt8(SeriesHead.ringMax))
            && UInt64(bitPattern: time &- head.pointee.base) <= UInt64(UInt32.max)
        if !fits { unsafe makeRoom(head, time: time, oldest: window.oldest) }
        unsafe push(head, time, bits)
        return .accepted
    }

    /// The ring's slot of its sample `index`.
    @inline(__always)
    static func slot(_ head: UnsafeMutablePointer<SeriesHead>, _ index: Int) -> Int {
        let slot = unsafe Int(head.pointee.rawStart) &+ index
        let capacity = unsafe Int(head.pointee.rawCapacity)
        return slot >= capacity ? slot &- capacity : slot
    }

    /// Puts a newest sample into a ring that has room for it.
    @inline(__always)
    private mutating func push(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ time: Int64,
        _ bits: UInt64
    ) {
        let capacity = unsafe head.pointee.rawCapacity
        let slot = unsafe SeriesStorage.slot(head, Int(head.pointee.rawCount))
        unsafe store(head, slot, time, bits)
        let last = unsafe Double(bitPattern: head.pointee.lastBits)
        if Double(bitPattern: bits) < last || bits == Staleness.bits {
            unsafe head.pointee.lastBreak = UInt32(truncatingIfNeeded: time &- head.pointee.base)
        }
        if unsafe head.pointee.rawCount == capacity {
            // The oldest, which a chunk holds too, was overwritten.
            let next = unsafe head.pointee.rawStart &+ 1
            unsafe head.pointee.rawStart = next == capacity ? 0 : next
        } else {
            unsafe head.pointee.rawCount &+= 1
        }
        unsafe head.pointee.unsealed &+= 1
        unsafe head.pointee.lastTimestamp = time
        unsafe head.pointee.lastBits = bits
        sampleCount &+= 1
    }

    /// Writes a slot; the time's offset from the base fits 32 bits.
    @inline(__always)
    func store(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ slot: Int,
        _ time: Int64,
        _ bits: UInt64
    ) {
        let address = unsafe slab.address(head.pointee.raw) + slot &* SeriesHead.slotBytes
        let offset = unsafe UInt32(truncatingIfNeeded: time &- head.pointee.base)
        unsafe address.storeBytes(of: offset, as: UInt32.self)
        unsafe address.storeBytes(of: bits, toByteOffset: 4, as: UInt64.self)
    }

    /// Sample `index` of the ring, 0 the oldest.
    @inline(__always)
    func raw(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ index: Int
    ) -> (time: Int64, bits: UInt64) {
        let slot = unsafe SeriesStorage.slot(head, index)
        let address = unsafe slab.address(head.pointee.raw) + slot &* SeriesHead.slotBytes
        let offset = unsafe address.loadUnaligned(as: UInt32.self)
        let bits = unsafe address.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
        return unsafe (head.pointee.base &+ Int64(offset), bits)
    }
}
