import CLinux
import Model
import Timekeeping

/// What windows of a series come to, without a look at all of their samples where that can be.
extension SeriesStorage {
    /// A place between samples of a series.
    private struct Place {
        /// The chunk that the place is in, or behind whose samples it is; -1 when it is in the ring.
        var chunk: Int
        /// Samples before the place, in the chunk or in the ring.
        var index: Int
    }

    /// The answer to a question that the first and last sample of a window answer, most often.
    enum Extrapolated {
        /// Absent's bits are the staleness marker's; of so many samples.
        case value(Double, samples: Int)
        /// Something lies between that must be looked at.
        case needsScan
    }

    /// The newest value in `(start, end]`; the staleness marker when there is none.
    @inline(__always)
    func newestValue(_ series: UInt32, after start: Int64, through end: Int64) -> Double {
        let head = unsafe heads + Int(series)
        let time = unsafe head.pointee.lastTimestamp
        guard time > start, unsafe head.pointee.state == SeriesHead.State.live else {
            return Staleness.marker
        }
        if time <= end { return unsafe Double(bitPattern: head.pointee.lastBits) }
        return newestSample(series, after: start, through: end)?.value ?? Staleness.marker
    }

    /// The newest sample in `(start, end]`, a staleness marker too.
    func newestSample(_ series: UInt32, after start: Int64, through end: Int64) -> Sample? {
        precondition(series < headCount)
        let head = unsafe heads + Int(series)
        let time = unsafe head.pointee.lastTimestamp
        guard time > start, end > start, unsafe head.pointee.state == SeriesHead.State.live else {
            return nil
        }
        if time <= end {
            return unsafe Sample(
                Timestamp(milliseconds: time),
                Double(bitPattern: head.pointee.lastBits)
            )
        }
        guard let last = unsafe sample(head, before: place(head, after: end)), last.time > start
        else { return nil }
        return Sample(Timestamp(milliseconds: last.time), Double(bitPattern: last.bits))
    }

    /// `ExtrapolatedRate` over the samples in `(start, end]`.
    ///
    /// - Parameters:
    ///   - series: Whose samples.
    ///   - oldest: Samples at or before this are not seen.
    ///   - start: The window's start.
    ///   - end: The window's end.
    ///   - isCounter: As `ExtrapolatedRate` takes it.
    ///   - isRate: As `ExtrapolatedRate` takes it.
    /// - Returns: What a scan of the window would give, bit for bit, unless it takes one.
    func extrapolated(
        _ series: UInt32,
        oldest: Int64,
        after start: Int64,
        through end: Int64,
        isCounter: Bool,
        isRate: Bool
    ) -> Extrapolated {
        let head = unsafe heads + Int(series)
        let floor = max(oldest, start)
        var lastTime = unsafe head.pointee.lastTimestamp
        var lastBits = unsafe head.pointee.lastBits
        guard lastTime > floor, end > floor, unsafe head.pointee.state == SeriesHead.State.live
        else { return .value(Staleness.marker, samples: 0) }
        let begin = unsafe place(head, after: floor)
        var count = unsafe samples(head, from: begin)
        if lastTime > end {
            let finish = unsafe place(head, after: end)
            count -= unsafe samples(head, from: finish)
            guard count > 0, let last = unsafe sample(head, before: finish) else {
                return .value(Staleness.marker, samples: 0)
            }
            (lastTime, lastBits) = last
        }
        guard let first = unsafe sample(head, after: begin) else {
            return .value(Staleness.marker, samples: 0)
        }
        let lastBreak = unsafe head.pointee.base &+ Int64(head.pointee.lastBreak)
        guard first.time > lastBreak else { return .needsScan }
        let firstValue = Double(bitPattern: first.bits)
        let firstSample = Sample(Timestamp(milliseconds: first.time), firstValue)
        var firstStart: Int64 = 0
        if isCounter, unsafe head.pointee.hasStarts != 0 {
            // One start that is not after the first sample tells of no reset between samples.
            guard let start = starts[series]?.single(from: first.time), start <= first.time else {
                return .needsScan
            }
            firstStart = start
        }
        guard
            count > 1
                || ExtrapolatedRate.countsFromStart(firstSample, firstStart, window: start)
        else { return .value(Staleness.marker, samples: count) }
        let value = ExtrapolatedRate.value(
            change: Double(bitPattern: lastBits) - firstValue,
            first: firstSample,
            lastTime: lastTime,
            count: count,
            start: start,
            end: end,
            isCounter: isCounter,
            isRate: isRate,
            firstStart: firstStart
        )
        return .value(value, samples: count)
    }

    /// Reads the samples of a series in `(start, end]`, oldest first.
    func read(
        _ series: UInt32,
        after start: Int64,
        through end: Int64,
        keepsMarkers: Bool,
        into scratch: inout SampleScratch
    ) {
        precondition(series < headCount)
        let head = unsafe heads + Int(series)
        guard unsafe head.pointee.lastTimestamp > start, end > start,
            unsafe head.pointee.state == SeriesHead.State.live
        else {
            scratch.clear()
            return
        }
        let begin = unsafe place(head, after: start)
        // Of the first chunk those before the window are unpacked too.
        let countMax = unsafe samples(head, from: begin) + max(0, begin.index)
        unsafe scratch.fill(countMax: countMax) { target in
            guard begin.chunk >= 0 else {
                let count = unsafe readRing(head, begin.index, end, keepsMarkers, target, 0)
                return 0..<count
            }
            var filled = 0
            for number in unsafe begin.chunk..<Int(head.pointee.chunkCount) {
                let chunk = unsafe slab.address(chunk(head, number))
                guard unsafe ChunkDecoder.firstTime(chunk) <= end else {
                    return min(begin.index, filled)..<filled
                }
                let first = number == begin.chunk ? begin.index : filled
                let count = unsafe ChunkDecoder.decode(chunk, into: target + filled &* 16)
                filled += count
                while filled > first,
                    unsafe target.load(fromByteOffset: filled &* 16 &- 16, as: Int64.self) > end
                {
                    filled -= 1
                }
                if !keepsMarkers, unsafe ChunkDecoder.mayHoldMarkers(chunk) {
                    filled = unsafe SeriesStorage.dropMarkers(target, first, filled)
                }
            }
            // The ring's copies of sealed samples were read from their chunks.
            let unsealed = unsafe Int(head.pointee.rawCount - head.pointee.unsealed)
            filled = unsafe readRing(head, unsealed, end, keepsMarkers, target, filled)
            return min(begin.index, filled)..<filled
        }
    }

    /// Reads the ring from its sample `first` on; how many samples are at `target` then.
    @inline(__always)
    private func readRing(
        _ head: UnsafeMutablePointer<SeriesHead>,
        _ first: Int,
        _ end: Int64,
        _ keepsMarkers: Bool,
        _ target: UnsafeMutableRawPointer,
        _ count: Int
    ) -> Int {
        var filled = count
        var index = first
        while unsafe index < Int(head.pointee.rawCount) {
            let (time, bits) = unsafe raw(head, index)
            guard time <= end else { break }
            index += 1
            guard keepsMarkers || bits != SampleScratch.markerBits else { continue }
            unsafe target.storeBytes(of: time, toByteOffset: filled &* 16, as: Int64.self)
            unsafe target.storeBytes(of: bits, toByteOffset: filled &* 16 &+ 8, as: UInt64.self)
            filled += 1
        }
        return filled
    }

    /// Closes the gaps that staleness markers leave; how many samples are at `target` then.
    private static func dropMarkers(
        _ target: UnsafeMutableRawPointer,
        _ first: Int,
        _ end: Int
    ) -> Int {
        var kept = first
        for index in first..<max(first, end) {
            let time = unsafe target.load(fromByteOffset: index &* 16, as: Int64.self)
            let bits = unsafe target.load(fromByteOffset: index &* 16 &+ 8, as: UInt64.self)
            guard bits != SampleScratch.markerBits else { continue }
            unsafe target.storeBytes(of: time, toByteOffset: kept &* 16, as: Int64.self)
            unsafe target.storeBytes(of: bits, toByteOffset: kept &* 16 &+ 8, as: UInt64.self)
            kept += 1
        }
        return kept
    }

    // MARK: Fetching

    /// Starts loading the ring and the end of the directory; the head should be loaded.
    @inline(__always)
    func prefetchDirectory(_ series: UInt32) {
        let head = unsafe heads + Int(series)
        unsafe tocsin_prefetch(slab.address(head.pointee.raw))
        let last = unsafe max(0, Int(head.pointee.chunkCount) &- 1)
        unsafe tocsin_prefetch(
            slab.address(head.pointee.directory) + last &* SeriesHead.directoryEntryBytes
        )
    }

    /// Starts loading the chunk that a window begins in, when it does in one; the directory should be loaded.
    @inline(__always)
    func prefetchChunk(_ series: UInt32, holding moment: Int64) {
        let head = unsafe heads + Int(series)
        guard unsafe head.pointee.chunkCount > 0, unsafe head.pointee.rawCount > 0,
            unsafe raw(head, 0).time > moment
        else { return }
        let second = SeriesStorage.second(moment)
        var index = unsafe Int(head.pointee.chunkCount) &- 1
        while unsafe index > 0 && chunkSecond(head, index) > second { index &-= 1 }
        let found = unsafe slab.address(chunk(head, index))
        unsafe tocsin_prefetch(found)
        unsafe tocsin_prefetch(found + 64)
    }

    // MARK: Places

    /// The place before the first sample that is newer than `moment`.
    @inline(__always)
    private func place(_ head: UnsafeMutablePointer<SeriesHead>, after moment: Int64) -> Place {
        let rawCount = unsafe Int(head.pointee.rawCount)
        if rawCount > 0, unsafe raw(head, 0).time <= moment {
            var index = rawCount
            while unsafe raw(head, index - 1).time > moment { index -= 1 }
            return Place(chunk: -1, index: index)
        }
        guard unsafe head.pointee.chunkCount > 0 else { return Place(chunk: -1, index: 0) }
        let number = unsafe chunkIndex(head, holding: moment)
        let chunk = unsafe slab.address(chunk(head, number))
        return unsafe Place(chunk: number, index: ChunkDecoder.count(chunk, through: moment))
    }

    /// How many samples there are from a place on.
    @inline(__always)
    private func samples(_ head: UnsafeMutablePointer<SeriesHead>, from place: Place) -> Int {
        guard place.chunk >= 0 else { return unsafe Int(head.pointee.rawCount) - place.index }
        var count = unsafe Int(head.pointee.unsealed) - place.index
        for number in unsafe place.chunk..<Int(head.pointee.chunkCount) {
            count += unsafe ChunkDecoder.count(slab.address(chunk(head, number)))
        }
        return count
    }

    @inline(__always)
    private func sample(
        _ head: UnsafeMutablePointer<SeriesHead>,
        after place: Place
    ) -> (time: Int64, bits: UInt64)? {
        if place.chunk >= 0 {
            let found = unsafe slab.address(chunk(head, place.chunk))
            if unsafe place.index < ChunkDecoder.count(found) {
                return unsafe (
                    ChunkDecoder.time(found, place.index), ChunkDecoder.bits(found, place.index)
                )
            }
            if unsafe place.chunk + 1 < Int(head.pointee.chunkCount) {
                let next = unsafe slab.address(chunk(head, place.chunk + 1))
                return unsafe (ChunkDecoder.time(next, 0), ChunkDecoder.bits(next, 0))
            }
        }
        let index =
            place.chunk >= 0
            ? unsafe Int(head.pointee.rawCount - head.pointee.unsealed) : place.index
        guard unsafe index < Int(head.pointee.rawCount) else { return nil }
        return unsafe raw(head, index)
    }

    @inline(__always)
    private func sample(
        _ head: UnsafeMutablePointer<SeriesHead>,
        before place: Place
    ) -> (time: Int64, bits: UInt64)? {
        guard place.index > 0 else { return nil }
        guard place.chunk >= 0 else { return unsafe raw(head, place.index - 1) }
        let found = unsafe slab.address(chunk(head, place.chunk))
        return unsafe (
            ChunkDecoder.time(found, place.index - 1), ChunkDecoder.bits(found, place.index - 1)
        )
    }
}
