import Matching
import Model
import Timekeeping

/// A search over a snapshot of the rings: the first records in some order, found without looking at segments
/// that cannot hold any of them.
struct RecordSearch {
    let search: LogSearch
    let oldestArrival: Timestamp
    /// True when the search must end.
    let isOver: () -> Bool

    /// A record's place in the order: the lower comes first.
    private struct Key: Comparable {
        var first: Int64
        var second: Int64

        static func < (left: Key, right: Key) -> Bool {
            (left.first, left.second) < (right.first, right.second)
        }
    }

    private struct Hit {
        var key: Key
        var stream: Int
        var segment: Int
        var record: Int
    }

    private struct Place {
        var best: Key
        var stream: Int
        var segment: Int
    }

    /// The conditions in the terms of one snapshot.
    private struct Conditions {
        var fields: [(paths: [RecordPath], field: String, test: FieldTest)]
        var texts: [RecordPath]
        /// In lower case.
        var contains: [[UInt8]]
        var lacks: [[UInt8]]
        var patterns: [Pattern]
    }

    /// Records between two looks at the clock.
    private static let stride = 64

    func run(on snapshot: StreamRings.Snapshot) -> LogSearchResult {
        var result = LogSearchResult()
        result.newestSequence = snapshot.newestSequence
        describe(snapshot, &result)
        guard search.limit > 0 else { return result }
        let conditions = conditions(snapshot.numbers)
        var worstFirst = Heap()
        var looked = 0
        places: for place in places(snapshot) {
            let isSettled =
                worstFirst.count == search.limit
                && worstFirst.worst.map { place.best > $0 } ?? false
            // All that is left comes later, and that there is more is known.
            if isSettled, result.isLimited { break }
            let segment = snapshot.streams[place.stream].segments[place.segment]
            for index in segment.ends.indices {
                looked += 1
                if looked % RecordSearch.stride == 0, isOver() {
                    // What was found cannot change any more; only whether there is more is not known.
                    if isSettled {
                        result.isLimited = true
                    } else {
                        result.isComplete = false
                        result.completeTo = limit(of: place.best)
                    }
                    break places
                }
                let reader = RecordReader(
                    segment.bytes.span.extracting(segment.range(index)),
                    names: snapshot.names
                )
                let key = key(event: reader.eventTime, sequence: reader.sequence)
                if result.isLimited, let worst = worstFirst.worst, key > worst { continue }
                guard isInSpan(reader), matches(reader, conditions) else { continue }
                let isFull = worstFirst.count == search.limit
                if isFull { result.isLimited = true }
                if isFull, let worst = worstFirst.worst, key > worst { continue }
                worstFirst.insert(
                    Hit(key: key, stream: place.stream, segment: place.segment, record: index)
                )
                if isFull { worstFirst.removeWorst() }
            }
        }
        result.hits = worstFirst.sorted.map { hit in
            let stream = snapshot.streams[hit.stream]
            let segment = stream.segments[hit.segment]
            let reader = RecordReader(
                segment.bytes.span.extracting(segment.range(hit.record)),
                names: snapshot.names
            )
            return LogSearchResult.Hit(
                record: reader.record(tag: stream.stream.tag),
                stream: stream.stream,
                sequence: reader.sequence
            )
        }
        return result
    }

    /// Says what the streams hold.
    private func describe(_ snapshot: StreamRings.Snapshot, _ result: inout LogSearchResult) {
        result.streams = snapshot.streams.count
        result.heldFrom = snapshot.droppedThrough
        for stream in snapshot.streams {
            result.heldFrom = max(result.heldFrom, stream.droppedThrough)
            for segment in stream.segments {
                result.records += segment.ends.count
                let known = result.heldSpan ?? segment.eventTimes
                result.heldSpan = (
                    min(known.oldest, segment.eventTimes.oldest),
                    max(known.newest, segment.eventTimes.newest)
                )
            }
        }
    }

    // MARK: Order

    private func key(event: Timestamp, sequence: UInt64) -> Key {
        let number = Int64(clamping: sequence)
        return switch search.order {
        // The complement reverses the order of all values, the least included.
        case .newestFirst: Key(first: ~event.milliseconds, second: ~number)
        case .oldestFirst: Key(first: event.milliseconds, second: number)
        case .arrival: Key(first: number, second: 0)
        case .lastArrivedFirst: Key(first: ~number, second: 0)
        }
    }

    /// The segments that may hold records, by the first key that may be in them.
    private func places(_ snapshot: StreamRings.Snapshot) -> [Place] {
        var places: [Place] = []
        for (number, stream) in snapshot.streams.enumerated() {
            for (index, segment) in stream.segments.enumerated() {
                guard segment.newestArrival > oldestArrival,
                    segment.eventTimes.newest >= search.from,
                    segment.eventTimes.oldest <= search.to
                else { continue }
                let best: Key
                switch search.order {
                case .newestFirst: best = key(event: segment.eventTimes.newest, sequence: .max)
                case .oldestFirst: best = key(event: segment.eventTimes.oldest, sequence: 0)
                case .arrival(let after):
                    guard segment.newestSequence > after else { continue }
                    best = key(event: .distantPast, sequence: segment.oldestSequence)
                case .lastArrivedFirst:
                    best = key(event: .distantPast, sequence: segment.newestSequence)
                }
                places.append(Place(best: best, stream: number, segment: index))
            }
        }
        return places.sorted { $0.best < $1.best }
    }

    /// How far by event time everything was looked at when a segment of this first key was not looked through.
    private func limit(of best: Key) -> Timestamp? {
        switch search.order {
        case .newestFirst: Timestamp(milliseconds: ~best.first)
        case .oldestFirst: Timestamp(milliseconds: best.first)
        case .arrival, .lastArrivedFirst: nil
        }
    }

    // MARK: Conditions

    private func conditions(_ numbers: [String: Int]) -> Conditions {
        func folded(_ text: String) -> [UInt8] {
            text.utf8.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
        }
        return Conditions(
            fields: search.conditions.map { condition in
                (
                    KubernetesField.paths(of: condition.field).map {
                        RecordPath($0, numbers: numbers)
                    }, condition.field, condition.test
                )
            },
            texts: LogSearch.textFields.map { RecordPath($0, numbers: numbers) },
            contains: search.contains.map(folded),
            lacks: search.lacks.map(folded),
            patterns: search.patterns
        )
    }

    private func isInSpan(_ reader: borrowing RecordReader) -> Bool {
        guard reader.arrivalTime > oldestArrival, reader.eventTime >= search.from,
            reader.eventTime <= search.to
        else { return false }
        guard case .arrival(let after) = search.order else { return true }
        return reader.sequence > after
    }

    private func matches(_ reader: borrowing RecordReader, _ conditions: Conditions) -> Bool {
        for text in conditions.contains where !reader.contains(text) { return false }
        for text in conditions.lacks where reader.contains(text) { return false }
        for pattern in conditions.patterns where !reader.contains(pattern) { return false }
        guard !conditions.fields.isEmpty else { return true }
        var parsed: [(name: String, value: LogValue)]?
        for (paths, field, test) in conditions.fields {
            var value = reader.value(at: paths)
            if value == nil, let parse = search.parse {
                if parsed == nil {
                    parsed = text(of: reader, conditions.texts).flatMap(parse) ?? []
                }
                value = parsed.flatMap { LogRecord.value(at: field, in: $0) }
            }
            guard test.holds(value) else { return false }
        }
        return true
    }

    /// The record's text: the value of the first of the paths that is there.
    private func text(of reader: borrowing RecordReader, _ paths: [RecordPath]) -> String? {
        for path in paths {
            if let value = reader.value(at: [path]) { return value.text }
        }
        return nil
    }

    /// Hits with the last one in the order on top.
    private struct Heap {
        private var hits: [Hit] = []

        var count: Int { hits.count }
        var worst: Key? { hits.first?.key }
        var sorted: [Hit] { hits.sorted { $0.key < $1.key } }

        mutating func insert(_ hit: Hit) {
            hits.append(hit)
            var child = hits.count - 1
            while child > 0, case let parent = (child - 1) / 2, hits[parent].key < hits[child].key {
                hits.swapAt(parent, child)
                child = parent
            }
        }

        mutating func removeWorst() {
            hits.swapAt(0, hits.count - 1)
            hits.removeLast()
            var parent = 0
            while true {
                var largest = parent
                for child in [2 * parent + 1, 2 * parent + 2]
                where child < hits.count && hits[largest].key < hits[child].key {
                    largest = child
                }
                guard largest != parent else { return }
                hits.swapAt(parent, largest)
                parent = largest
            }
        }
    }
}
