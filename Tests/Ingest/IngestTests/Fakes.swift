import Ingest
import Model
import Synchronization
import Timekeeping

/// A metric store that keeps what it is given and can be told to be overloaded.
final class RecordingStore: SampleTaking {
    struct Series: Equatable {
        var points: [Int64: Double] = [:]
        /// Timestamps in order of arrival, repeated ones included.
        var arrivals: [Int64] = []
    }

    private struct State {
        var series: [LabelSet: Series] = [:]
        var isOverloaded = false
        var batches = 0
        var result = AppendResult()
    }

    private let state = Mutex(State())

    var isOverloaded: Bool {
        get { state.withLock { $0.isOverloaded } }
        set { state.withLock { $0.isOverloaded = newValue } }
    }

    /// Refusals that every append reports.
    var refusals: AppendResult {
        get { state.withLock { $0.result } }
        set { state.withLock { $0.result = newValue } }
    }

    var series: [LabelSet: Series] { state.withLock { $0.series } }

    func tryAppend(_ batch: SampleBatch) -> AppendResult? {
        isOverloaded ? nil : append(batch)
    }

    func append(_ batch: SampleBatch) -> AppendResult {
        state.withLock { state in
            state.batches += 1
            var result = state.result
            for entry in batch.entries {
                let labels = decodeLabels(Array(batch.labelBytes[entry.labels]))
                for index in entry.samples {
                    let timestamp = batch.timestamps[index]
                    let newest = state.series[labels]?.points.keys.max() ?? .min
                    if timestamp < newest || (timestamp == newest && batch.latePolicy == .reject) {
                        result.refuse(.outOfOrder, samples: 1, "out of order")
                        continue
                    }
                    state.series[labels, default: Series()].points[timestamp] = batch.values[index]
                    state.series[labels, default: Series()].arrivals.append(timestamp)
                    result.accepted += 1
                }
            }
            return result
        }
    }

    /// The newest value of a series; nil when there is none.
    func value(_ labels: LabelSet) -> Double? {
        series[labels]?.points.max { $0.key < $1.key }?.value
    }
}

/// Labels out of the encoding of `SampleBatch`; trusts it.
func decodeLabels(_ bytes: [UInt8]) -> LabelSet {
    var labels: [Label] = []
    var rest = bytes[...]
    func varint() -> Int {
        var value = 0
        var shift = 0
        while let byte = rest.popFirst() {
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return value
    }
    func text() -> String {
        _ = rest.popFirst()
        let length = varint()
        defer { rest = rest.dropFirst(length) }
        return String(decoding: rest.prefix(length), as: UTF8.self)
    }
    while rest.popFirst() != nil {
        _ = varint()
        let name = text()
        labels.append(Label(name, text()))
    }
    return LabelSet(labels)
}

/// A log store that counts.
final class RecordingLogs: RecordTaking {
    private let taken = Mutex<[LogRecord]>([])

    var records: [LogRecord] { taken.withLock { $0 } }

    func append(_ records: [LogRecord]) { taken.withLock { $0 += records } }
}
