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
        guard count > 1 else { return .value(Staleness.marker, samples: count) }
        let firstValue = Double(bitPattern: first.bits)
        let value = ExtrapolatedRate.value(
            change: Double(bitPattern: lastBits) - firstValue,
            first: Sample(Timestamp(milliseconds: first.time), firstValue),
            lastTime: lastTime,
            count: count,
            start: start,
            end: end,
            isCounter: isCounter,
            isRate: isRate
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
        let countMax = unsafe samples(head, from: begin)
        let chunkCount = unsafe Int(head.pointee.chunkCount)
        let rawCount = unsafe Int(head.pointee.rawCount)
        unsafe scratch.fill(countMax: countMax) { target in
            var filled = 0
            @inline(__always)
            func take(_ time: Int64, _ bits: UInt64) {
                guard keepsMarkers || bits != Staleness.bits else { return }
                unsafe (target + filled).initialize(
                    to: Sample(Timestamp(milliseconds: time), Double(bitPattern: bits))
                )
                filled += 1
            }
            var firstRaw = begin.index
            if begin.chunk >= 0 {
                // The ring's copies of sealed samples are read from their chunks.
                firstRaw = unsafe rawCount - Int(head.pointee.unsealed)
                var skipped = begin.index
                for number in begin.chunk..<chunkCount {
                    let chunk = unsafe slab.address(chunk(head, number))
                    guard unsafe ChunkDecoder.firstTime(chunk) <= end else { return filled }
                    let count = unsafe ChunkDecoder.decode(chunk, into: columns, at: 0)
                    var index = skipped
                    while index < count, unsafe columns.times[index] <= end {
                        unsafe take(columns.times[index], columns.bits[index])
                        index += 1
                    }
                    skipped = 0
                }
            }
            for index in firstRaw..<max(firstRaw, rawCount) {
                let (time, bits) = unsafe raw(head, index)
                guard time <= end else { break }
                take(time, bits)
            }
            return filled
        }
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
