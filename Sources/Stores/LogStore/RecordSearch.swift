import Model
import Timekeeping

/// A search over a snapshot of the rings, newest records first.
struct RecordSearch {
    var limit: Int
    var fields: [(path: String, value: String)]
    /// In lower case.
    var text: [UInt8]?
    var from: Timestamp
    var to: Timestamp
    var oldestArrival: Timestamp

    private struct Hit {
        var sequence: UInt64
        var record: LogRecord
    }

    func run(on snapshot: StreamRings.Snapshot) -> [LogRecord] {
        let conditions = fields.map {
            (path: RecordPath($0.path, numbers: snapshot.numbers), value: Array($0.value.utf8))
        }
        var hits: [Hit] = []
        /// Records at or below this sequence cannot be among the newest any more.
        var floor: UInt64 = 0
        let streams = snapshot.streams.sorted {
            ($0.segments.last?.newestSequence ?? 0) > ($1.segments.last?.newestSequence ?? 0)
        }
        for stream in streams {
            var found = 0
            segments: for segment in stream.segments.reversed() {
                guard segment.newestSequence > floor, segment.newestArrival > oldestArrival else {
                    break
                }
                guard segment.eventTimes.newest >= from, segment.eventTimes.oldest <= to else {
                    continue
                }
                for index in segment.ends.indices.reversed() {
                    let reader = RecordReader(
                        segment.bytes.span.extracting(segment.range(index)),
                        names: snapshot.names
                    )
                    guard reader.sequence > floor else { break segments }
                    guard matches(reader, conditions) else { continue }
                    hits.append(
                        Hit(sequence: reader.sequence, record: reader.record(tag: stream.tag))
                    )
                    found += 1
                    if found == limit { break segments }
                }
            }
            if hits.count >= limit {
                hits.sort { $0.sequence > $1.sequence }
                hits.removeLast(hits.count - limit)
                floor = hits[limit - 1].sequence
            }
        }
        return hits.sorted { $0.sequence > $1.sequence }.map(\.record)
    }

    private func matches(
        _ reader: borrowing RecordReader,
        _ conditions: [(path: RecordPath, value: [UInt8])]
    ) -> Bool {
        guard reader.arrivalTime > oldestArrival, reader.eventTime >= from, reader.eventTime <= to
        else { return false }
        for (path, value) in conditions where !reader.has(value, at: path) { return false }
        guard let text else { return true }
        return reader.contains(text)
    }
}
