package import Model
import Synchronization
import Timekeeping

/// Series in plain memory that can be read and appended to: the store of rule tests and replays.
package final class SampleLedger: SeriesReading, SampleAppending {
    /// Series by metric name, then labels; samples oldest first.
    private let series = Mutex<[String: [LabelSet: [Sample]]]>([:])

    package init() {}

    /// Adds samples of one series; an older or equal timestamp is refused, as by the store.
    ///
    /// - Returns: How many were refused.
    @discardableResult
    package func append(_ labels: LabelSet, _ samples: some Sequence<Sample>) -> Int {
        series.withLock { series in
            var known = series[labels.name]?[labels] ?? []
            series[labels.name]?[labels] = nil
            var refused = 0
            for sample in samples {
                if let last = known.last, sample.timestamp <= last.timestamp {
                    refused += sample.isIdentical(to: last) ? 0 : 1
                } else {
                    known.append(sample)
                }
            }
            series[labels.name, default: [:]][labels] = known
            return refused
        }
    }

    package func append(_ batch: SampleBatch) -> AppendResult {
        var result = AppendResult()
        for entry in batch.entries {
            let labels = SampleLedger.labels(batch.labelBytes[entry.labels])
            let refused = append(
                labels,
                entry.samples.map {
                    Sample(Timestamp(milliseconds: batch.timestamps[$0]), batch.values[$0])
                }
            )
            result.accepted += entry.samples.count - refused
            if refused > 0 {
                result.refuse(
                    .outOfOrder,
                    samples: refused,
                    "\(labels) has newer samples already"
                )
            }
        }
        return result
    }

    /// Reads what `LabelEncoding` wrote.
    private static func labels(_ bytes: ArraySlice<UInt8>) -> LabelSet {
        var rest = bytes
        func varint() -> Int {
            var value = 0
            var shift = 0
            while let byte = rest.popFirst() {
                value |= Int(byte & 0x7f) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return value
        }
        func text() -> String {
            rest = rest.dropFirst()
            let count = varint()
            defer { rest = rest.dropFirst(count) }
            return String(decoding: rest.prefix(count), as: UTF8.self)
        }
        var labels: [Label] = []
        while !rest.isEmpty {
            rest = rest.dropFirst()
            _ = varint()
            let name = text()
            labels.append(Label(name, text()))
        }
        return LabelSet(labels)
    }

    package func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        var found: [SeriesSamples] = []
        var count = 0
        for (labels, samples) in matching(selection.matchers) {
            let first = samples.partition { $0.timestamp > selection.range.start }
            let end = samples.partition { $0.timestamp > selection.range.end }
            guard first < end else { continue }
            count += end - first
            guard count <= sampleLimit else { throw .sampleLimit(sampleLimit) }
            found.append(SeriesSamples(labels: labels, samples: Array(samples[first..<end])))
        }
        return found.sorted { $0.labels < $1.labels }
    }

    package func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] {
        try select(selection, sampleLimit: .max).map(\.labels)
    }

    private func matching(_ matchers: [LabelMatcher]) -> [(LabelSet, [Sample])] {
        let name = matchers.first { $0.name == LabelSet.metricName && $0.operation == .equal }
        return series.withLock { series in
            let candidates =
                name.map { series[$0.value].map { [$0] } ?? [] } ?? Array(series.values)
            return candidates.flatMap { candidates in
                candidates.filter { entry in matchers.allSatisfy { $0.matches(entry.key) } }
                    .map { ($0.key, $0.value) }
            }
        }
    }
}

extension [Sample] {
    /// The first index that satisfies `condition`, which holds from some index on; `count` when none does.
    fileprivate func partition(_ condition: (Sample) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
