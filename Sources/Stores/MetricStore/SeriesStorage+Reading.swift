import Model
import Timekeeping

/// Reading samples back.
extension SeriesStorage {
    /// The last chunk that begins at or before `time`, or the first when none does.
    ///
    /// There is a chunk.
    func chunkIndex(_ head: UnsafeMutablePointer<SeriesHead>, holding time: Int64) -> Int {
        let second = SeriesStorage.second(time)
        var (low, high) = unsafe (0, Int(head.pointee.chunkCount))
        while low < high {
            let middle = (low + high) / 2
            if unsafe chunkSecond(head, middle) <= second {
                low = middle + 1
            } else {
                high = middle
            }
        }
        var index = max(0, low - 1)
        // Several chunks may begin within one second.
        while index > 0, unsafe ChunkDecoder.firstTime(slab.address(chunk(head, index))) > time {
            index -= 1
        }
        return index
    }

    /// Samples of a series in `(start, end]`, oldest first.
    func samples(_ series: UInt32, after start: Int64, through end: Int64) -> [Sample] {
        precondition(series < headCount)
        let head = unsafe heads + Int(series)
        guard unsafe head.pointee.lastTimestamp > start, end > start else { return [] }
        let rawCount = unsafe Int(head.pointee.rawCount)
        var firstRaw = 0
        while firstRaw < rawCount, unsafe raw(head, firstRaw).time <= start { firstRaw += 1 }
        let chunkCount = unsafe Int(head.pointee.chunkCount)
        // Where the ring begins; chunks may hold later samples too, which are its copies.
        let ringStart = rawCount > 0 ? unsafe raw(head, 0).time : Int64.max
        var (firstChunk, endChunk) = (0, 0)
        if firstRaw == 0, chunkCount > 0 {
            firstChunk = unsafe chunkIndex(head, holding: start)
            endChunk = firstChunk
            let lastSecond = SeriesStorage.second(min(end, ringStart))
            while endChunk < chunkCount, unsafe chunkSecond(head, endChunk) <= lastSecond {
                endChunk += 1
            }
        }
        var bound = rawCount - firstRaw
        for index in firstChunk..<max(firstChunk, endChunk) {
            bound += unsafe ChunkDecoder.count(slab.address(chunk(head, index)))
        }
        guard bound > 0 else { return [] }
        return unsafe [Sample](unsafeUninitializedCapacity: bound) { buffer, filled in
            for index in firstChunk..<max(firstChunk, endChunk) {
                let count = unsafe ChunkDecoder.decode(
                    slab.address(chunk(head, index)),
                    into: columns,
                    at: 0
                )
                for place in 0..<count {
                    let time = unsafe columns.times[place]
                    guard time > start, time <= end, time < ringStart else { continue }
                    let value = unsafe Double(bitPattern: columns.bits[place])
                    unsafe (buffer.baseAddress.unsafelyUnwrapped + filled).initialize(
                        to: Sample(Timestamp(milliseconds: time), value)
                    )
                    filled += 1
                }
            }
            for index in firstRaw..<rawCount {
                let (time, bits) = unsafe raw(head, index)
                guard time <= end else { break }
                unsafe (buffer.baseAddress.unsafelyUnwrapped + filled).initialize(
                    to: Sample(Timestamp(milliseconds: time), Double(bitPattern: bits))
                )
                filled += 1
            }
        }
    }
}
