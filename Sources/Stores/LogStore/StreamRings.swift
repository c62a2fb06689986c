import Model
import Timekeeping

/// Why a record left the store, or never entered it.
enum LogDropCause: String, CaseIterable {
    case memory
    case retention
    case streamLimit = "stream_limit"
    case recordTooLarge = "record_too_large"
}

/// All streams' rings, and the limits that hold over all of them.
struct StreamRings: ~Copyable {
    /// What became of a list of records.
    struct Outcome {
        var appended = 0
        var cut = 0
        var dropped: [LogDropCause: Int] = [:]
    }

    /// A stream as a search sees it.
    struct StreamSnapshot: Sendable {
        var stream: LogStream
        var segments: [RecordSegment]
        /// When the newest of the records arrived that were dropped from it.
        var droppedThrough: Timestamp
    }

    /// Streams at one moment, and the names their records refer to.
    struct Snapshot: Sendable {
        var streams: [StreamSnapshot]
        /// The same for streams that are gone.
        var droppedThrough: Timestamp
        var newestSequence: UInt64
        var names: [String]
        /// Their numbers by text.
        var numbers: [String: Int]
    }

    private let settings: LogStoreSettings
    private var encoder: RecordEncoder
    private var names: FieldNames
    /// Places of streams in `rings`.
    private var places: [LogStream: Int] = [:]
    private var rings: [(stream: LogStream, ring: StreamRing)] = []
    /// Where the last record went: the next one most often goes there too.
    private var lastPlace = 0
    private var memoryBytes = 0
    private(set) var sequence: UInt64 = 0
    /// When the newest record arrived of the streams that are gone.
    private var droppedThrough = Timestamp.distantPast
    /// Streams whose oldest segment may be out of retention are looked for at most once a second.
    private var nextExpiry = Timestamp.distantPast

    init(settings: LogStoreSettings) {
        self.settings = settings
        encoder = RecordEncoder(settings: settings)
        names = FieldNames(limit: settings.fieldNamesMax)
    }

    mutating func append(_ records: [LogRecord], oldestArrival: Timestamp) -> Outcome {
        var outcome = Outcome()
        let cutBefore = encoder.cutCount
        if oldestArrival >= nextExpiry {
            outcome.dropped = expire(oldestArrival: oldestArrival)
            nextExpiry = oldestArrival + .seconds(1)
        }
        for record in records {
            let place = place(of: LogStream(of: record), &outcome)
            sequence += 1
            encoder.encode(
                record,
                sequence: sequence,
                names: &names,
                predicted: &rings[place].ring.predictedNames
            )
            guard encoder.byteCount <= settings.recordBytesMax else {
                outcome.dropped[.recordTooLarge, default: 0] += 1
                continue
            }
            let before = rings[place].ring.memoryBytes
            encoder.store(record, sequence: sequence, in: &rings[place].ring)
            memoryBytes += rings[place].ring.memoryBytes - before
            outcome.appended += 1
            if memoryBytes > settings.maxMemoryBytes { makeRoom(&outcome) }
        }
        outcome.cut = encoder.cutCount - cutBefore
        return outcome
    }

    /// Drops every segment whose newest record arrived at `oldestArrival` or before, and empty streams.
    mutating func expire(oldestArrival: Timestamp) -> [LogDropCause: Int] {
        var dropped = 0
        for place in rings.indices.reversed() {
            let before = rings[place].ring.memoryBytes
            dropped += rings[place].ring.drop(arrivedBy: oldestArrival)
            memoryBytes += rings[place].ring.memoryBytes - before
            if rings[place].ring.segments.isEmpty { remove(at: place) }
        }
        return dropped > 0 ? [.retention: dropped] : [:]
    }

    func snapshot(matching matchers: [LabelMatcher]) -> Snapshot {
        Snapshot(
            streams: rings.filter { ring in
                matchers.allSatisfy { matcher in
                    switch matcher.name {
                    case "tag": matcher.matches(ring.stream.tag)
                    case "namespace": matcher.matches(ring.stream.namespace)
                    case "container": matcher.matches(ring.stream.container)
                    default: matcher.matchesEmpty
                    }
                }
            }
            .map {
                StreamSnapshot(
                    stream: $0.stream,
                    segments: $0.ring.segments,
                    droppedThrough: $0.ring.droppedThrough
                )
            },
            droppedThrough: droppedThrough,
            newestSequence: sequence,
            names: names.names,
            numbers: names.numbers
        )
    }

    func statistics(dropped: Int) -> LogStoreStatistics {
        LogStoreStatistics(
            records: rings.reduce(0) { $0 + $1.ring.recordCount },
            bytes: memoryBytes,
            bytesMax: settings.maxMemoryBytes,
            streams: rings.count,
            largestStreams: rings.sorted { $0.ring.memoryBytes > $1.ring.memoryBytes }.prefix(10)
                .map {
                    .init(
                        stream: $0.stream,
                        records: $0.ring.recordCount,
                        bytes: $0.ring.memoryBytes
                    )
                },
            dropped: dropped
        )
    }

    private mutating func place(of stream: LogStream, _ outcome: inout Outcome) -> Int {
        if lastPlace < rings.count, rings[lastPlace].stream == stream { return lastPlace }
        if let place = places[stream] {
            lastPlace = place
            return place
        }
        if rings.count >= settings.streamsMax,
            let silent = rings.indices.min(by: {
                rings[$0].ring.newestSequence < rings[$1].ring.newestSequence
            })
        {
            outcome.dropped[.streamLimit, default: 0] += rings[silent].ring.recordCount
            memoryBytes -= rings[silent].ring.memoryBytes
            remove(at: silent)
        }
        places[stream] = rings.count
        rings.append((stream, StreamRing()))
        return rings.count - 1
    }

    private mutating func remove(at place: Int) {
        let ring = rings[place].ring
        droppedThrough = max(
            droppedThrough,
            ring.droppedThrough,
            ring.segments.last?.newestArrival ?? .distantPast
        )
        places[rings[place].stream] = nil
        rings.swapAt(place, rings.count - 1)
        rings.removeLast()
        if place < rings.count { places[rings[place].stream] = place }
    }

    /// Takes the oldest segments of the largest streams, so that a noisy one cannot push out the quiet.
    private mutating func makeRoom(_ outcome: inout Outcome) {
        while memoryBytes > settings.maxMemoryBytes,
            let largest = rings.indices.max(by: {
                rings[$0].ring.memoryBytes < rings[$1].ring.memoryBytes
            }), !rings[largest].ring.segments.isEmpty
        {
            let before = rings[largest].ring.memoryBytes
            outcome.dropped[.memory, default: 0] += rings[largest].ring.dropOldest()
            memoryBytes += rings[largest].ring.memoryBytes - before
        }
    }
}
