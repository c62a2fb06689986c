import Timekeeping

/// Samples of many series on their way to the store, in columns; one batch is admitted as a whole.
///
/// The labels of a series are kept as the bytes of a Prometheus `TimeSeries` message's `labels` fields:
/// for each label `0x0a, length, 0x0a, name length, name, 0x12, value length, value` (lengths are
/// varints). Remote write hands these bytes on as they came, so that a known series is found by a hash of
/// them and no string is built; every other source encodes with `append(_:samples:)`.
package struct SampleBatch: Sendable {
    /// One series' place in the columns.
    package struct Entry: Sendable {
        package var labels: Range<Int>
        package var samples: Range<Int>

        @inlinable package init(labels: Range<Int>, samples: Range<Int>) {
            self.labels = labels
            self.samples = samples
        }
    }

    /// How a sample that is not newer than its series' last is treated.
    package enum LatePolicy: Hashable, Sendable {
        /// Same bits again: ignored and counted. Anything else that is not newer: refused and counted.
        case reject
        /// Last write wins within `window` before the series' newest sample; older is refused and counted.
        case upsert(window: Duration)
    }

    package var labelBytes: [UInt8] = []
    package var entries: [Entry] = []
    package var timestamps: [Int64] = []
    package var values: [Double] = []
    /// Start timestamps, one a sample in milliseconds, 0 where there is none; empty when no sample has one.
    package var starts: [Int64] = []
    package var latePolicy: LatePolicy
    /// Who sent it, for the limit of new series from one source; nil is not limited.
    package var source: String?

    package init(latePolicy: LatePolicy = .reject) {
        self.latePolicy = latePolicy
    }

    package var sampleCount: Int { timestamps.count }

    /// Adds a series with its samples, oldest first, and their start timestamps when some are known.
    package mutating func append(
        _ labels: LabelSet,
        samples: some Sequence<Sample>,
        starts known: StartTimes? = nil
    ) {
        let labelStart = labelBytes.count
        LabelEncoding.append(labels, to: &labelBytes)
        let sampleStart = timestamps.count
        for sample in samples {
            timestamps.append(sample.timestamp.milliseconds)
            values.append(sample.value)
        }
        if let known { fillStarts(sampleStart, known) }
        entries.append(
            Entry(labels: labelStart..<labelBytes.count, samples: sampleStart..<timestamps.count)
        )
    }
}

extension SampleBatch {
    private mutating func fillStarts(_ first: Int, _ known: StartTimes) {
        starts += repeatElement(0, count: timestamps.count - starts.count)
        var cursor = StartTimes.Cursor(known)
        for index in first..<timestamps.count {
            starts[index] = cursor.start(at: timestamps[index])
        }
    }

    /// Makes `starts` one a sample, when some sample has one.
    package mutating func completeStarts() {
        guard !starts.isEmpty else { return }
        starts += repeatElement(0, count: timestamps.count - starts.count)
    }
}

/// The label encoding of `SampleBatch`.
package enum LabelEncoding {
    package static func append(_ labels: LabelSet, to bytes: inout [UInt8]) {
        for label in labels.labels {
            let name = label.name.utf8.count
            let value = label.value.utf8.count
            bytes.append(0x0a)
            appendVarint(2 + varintSize(name) + name + varintSize(value) + value, to: &bytes)
            bytes.append(0x0a)
            appendVarint(name, to: &bytes)
            bytes.append(contentsOf: label.name.utf8)
            bytes.append(0x12)
            appendVarint(value, to: &bytes)
            bytes.append(contentsOf: label.value.utf8)
        }
    }

    private static func varintSize(_ value: Int) -> Int {
        var size = 1
        var rest = value >> 7
        while rest > 0 {
            size += 1
            rest >>= 7
        }
        return size
    }

    private static func appendVarint(_ value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Why the store refused samples or series; each cause has its own counter.
package enum RefusalCause: String, Hashable, Sendable, CaseIterable {
    case outOfOrder = "out_of_order"
    case duplicateTimestamp = "duplicate_timestamp"
    case tooOld = "too_old"
    case tooFarInFuture = "too_far_in_future"
    case seriesLimit = "series_limit"
    case memoryLimit = "memory_limit"
    case labelLimit = "label_limit"
    case invalidLabels = "invalid_labels"
    /// The store is not running yet or any more.
    case stopping
    /// The disk takes nothing; the sender should come again.
    case notStored = "not_stored"
}

/// What became of a batch.
package struct AppendResult: Sendable {
    /// Samples now in the rings, upserts included.
    package var accepted = 0
    /// Samples that were there already, bit for bit.
    package var duplicates = 0
    /// Samples that replaced another value.
    package var revised = 0
    /// Samples of refused series or refused by themselves, by cause.
    package var refused: [RefusalCause: Int] = [:]
    /// The first refusal in words, naming the series and the remedy.
    package var firstRefusal: String?

    package init() {}

    package mutating func refuse(
        _ cause: RefusalCause,
        samples: Int,
        _ message: @autoclosure () -> String
    ) {
        refused[cause, default: 0] += samples
        if firstRefusal == nil { firstRefusal = message() }
    }

    package mutating func merge(_ other: AppendResult) {
        accepted += other.accepted
        duplicates += other.duplicates
        revised += other.revised
        refused.merge(other.refused, uniquingKeysWith: +)
        firstRefusal = firstRefusal ?? other.firstRefusal
    }
}
