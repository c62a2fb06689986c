import Buffers
import Timekeeping

/// A piece of a stream: encoded records in order of arrival, written once from front to back.
struct RecordSegment: Sendable {
    /// Records back to back.
    private(set) var bytes: [UInt8]
    /// Where each record ends.
    private(set) var ends: [Int32] = []
    private(set) var newestArrival = Timestamp.distantPast
    private(set) var newestSequence: UInt64 = 0
    private(set) var oldestSequence: UInt64 = .max
    private(set) var eventTimes = (oldest: Timestamp.distantFuture, newest: Timestamp.distantPast)
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    func hasRoom(for count: Int) -> Bool { bytes.count + count <= capacity }

    mutating func append(
        _ record: Span<UInt8>,
        arrival: Timestamp,
        event: Timestamp,
        sequence: UInt64
    ) {
        bytes.append(copying: record)
        ends.append(Int32(bytes.count))
        newestArrival = max(newestArrival, arrival)
        eventTimes = (min(eventTimes.oldest, event), max(eventTimes.newest, event))
        newestSequence = sequence
        oldestSequence = min(oldestSequence, sequence)
    }

    /// Where record `index` lies in `bytes`.
    func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }

    /// Bytes of memory this segment takes, its record directory with it.
    var memoryBytes: Int { capacity + ends.capacity * 4 + 160 }
}

/// The newest records of one stream, in segments that are dropped whole, oldest first.
struct StreamRing: Sendable {
    private(set) var segments: [RecordSegment] = []
    private(set) var recordCount = 0
    private(set) var memoryBytes = 0
    /// When the newest of the records arrived that were dropped.
    private(set) var droppedThrough = Timestamp.distantPast
    /// Numbers of the field names that stood at each place in the newest record.
    var predictedNames: [Int] = []

    /// Segments start small, so that many quiet streams cost little, and grow to this.
    static let segmentBytesMax = 64 << 10
    private static let segmentBytesMin = 1 << 10

    var newestSequence: UInt64 { segments.last?.newestSequence ?? 0 }

    mutating func append(
        _ record: Span<UInt8>,
        arrival: Timestamp,
        event: Timestamp,
        sequence: UInt64
    ) {
        if segments.last?.hasRoom(for: record.count) != true {
            let grown = (segments.last?.capacity ?? StreamRing.segmentBytesMin / 4) * 4
            let capacity = max(min(grown, StreamRing.segmentBytesMax), record.count)
            segments.append(RecordSegment(capacity: capacity))
            memoryBytes += segments[segments.count - 1].memoryBytes
        }
        let last = segments.count - 1
        memoryBytes -= segments[last].memoryBytes
        segments[last].append(record, arrival: arrival, event: event, sequence: sequence)
        memoryBytes += segments[last].memoryBytes
        recordCount += 1
    }

    /// Drops the oldest segment; returns how many records went with it.
    mutating func dropOldest() -> Int {
        guard let oldest = segments.first else { return 0 }
        memoryBytes -= oldest.memoryBytes
        recordCount -= oldest.ends.count
        droppedThrough = max(droppedThrough, oldest.newestArrival)
        segments.removeFirst()
        return oldest.ends.count
    }

    /// Drops the segments whose newest record arrived at `moment` or before; returns how many records went.
    mutating func drop(arrivedBy moment: Timestamp) -> Int {
        var dropped = 0
        while let oldest = segments.first, oldest.newestArrival <= moment {
            dropped += dropOldest()
        }
        return dropped
    }
}
