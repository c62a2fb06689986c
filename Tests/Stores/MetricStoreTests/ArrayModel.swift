@testable import MetricStore
import Model
import Timekeeping

/// The metric store as plainly as can be: series in a dictionary of sorted arrays.
struct ArrayModel {
    private let settings: MetricStoreSettings
    private var decoder: LabelDecoder
    private var series: [LabelSet: [Sample]] = [:]
    /// By series and time; those that are known.
    private var starts: [LabelSet: [Int64: Int64]] = [:]

    init(settings: MetricStoreSettings) {
        self.settings = settings
        decoder = LabelDecoder(settings: settings)
    }

    mutating func append(_ batch: SampleBatch, now: Timestamp) -> AppendResult {
        var result = AppendResult()
        for entry in batch.entries {
            do throws(LabelRefusal) {
                try decoder.decode(batch.labelBytes.span, in: entry.labels)
            } catch {
                result.refuse(error.cause, samples: entry.samples.count, error.message)
                continue
            }
            let labels = decoder.labelSet(batch.labelBytes.span)
            append(labels, batch, entry.samples, now, &result)
        }
        return result
    }

    private mutating func append(
        _ labels: LabelSet,
        _ batch: SampleBatch,
        _ range: Range<Int>,
        _ now: Timestamp,
        _ result: inout AppendResult
    ) {
        var samples = series[labels] ?? []
        let isNew = samples.isEmpty
        if isNew, series.count >= settings.maxSeries {
            result.refuse(
                .seriesLimit,
                samples: range.count,
                "series limit reached: \(series.count) of \(settings.maxSeries) (store.max_series)"
            )
            return
        }
        for index in range {
            let sample = Sample(
                Timestamp(milliseconds: batch.timestamps[index]),
                batch.values[index]
            )
            if sample.timestamp > now + settings.futureSkewMax {
                result.refuse(.tooFarInFuture, samples: 1, "\(labels): too far in the future")
            } else if sample.timestamp <= now - settings.retention {
                result.refuse(.tooOld, samples: 1, "\(labels): older than the retention")
            } else {
                let before = (result.accepted, result.revised)
                insert(sample, into: &samples, labels, batch.latePolicy, &result)
                guard before != (result.accepted, result.revised) else { continue }
                starts[labels, default: [:]][batch.timestamps[index]] =
                    batch.starts.isEmpty ? 0 : batch.starts[index]
            }
        }
        guard !samples.isEmpty else { return }
        series[labels] = samples
    }

    private func insert(
        _ sample: Sample,
        into samples: inout [Sample],
        _ labels: LabelSet,
        _ policy: SampleBatch.LatePolicy,
        _ result: inout AppendResult
    ) {
        guard let last = samples.last, sample.timestamp <= last.timestamp else {
            samples.append(sample)
            result.accepted += 1
            return
        }
        let place = samples.firstIndex { $0.timestamp >= sample.timestamp } ?? samples.endIndex
        let holds = samples[place].timestamp == sample.timestamp
        if holds, samples[place].isIdentical(to: sample) {
            result.duplicates += 1
            return
        }
        switch policy {
        case .reject:
            result.refuse(
                holds ? .duplicateTimestamp : .outOfOrder,
                samples: 1,
                "\(labels): not newer than the newest sample"
            )
        case .upsert(let window) where sample.timestamp < last.timestamp - window:
            result.refuse(.tooOld, samples: 1, "\(labels): older than the window")
        case .upsert:
            result.accepted += 1
            if holds {
                samples[place] = sample
                result.revised += 1
            } else {
                samples.insert(sample, at: place)
            }
        }
    }

    func select(
        _ selection: SeriesSelection,
        now: Timestamp,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        let start = max(selection.range.start, now - settings.retention)
        var found: [SeriesSamples] = []
        var count = 0
        for (labels, samples) in series
        where selection.matchers.allSatisfy({ $0.matches(labels) }) {
            let kept = samples.filter {
                $0.timestamp > start && $0.timestamp <= selection.range.end
            }
            guard !kept.isEmpty else { continue }
            count += kept.count
            guard count <= sampleLimit else { throw .sampleLimit(sampleLimit) }
            let known = StartTimes(
                kept.map { sample in
                    let time = sample.timestamp.milliseconds
                    return (time: time, start: starts[labels]?[time] ?? 0)
                }
            )
            found.append(
                SeriesSamples(labels: labels, samples: kept, starts: known.isEmpty ? nil : known)
            )
        }
        return found.sorted { $0.labels < $1.labels }
    }

    mutating func expire(now: Timestamp) {
        let oldest = now - settings.retention
        for (labels, samples) in series {
            let kept = samples.filter { $0.timestamp > oldest }
            series[labels] = kept.isEmpty ? nil : kept
        }
    }

    var seriesCount: Int { series.count }
    var sampleCount: Int { series.values.reduce(0) { $0 + $1.count } }
}
