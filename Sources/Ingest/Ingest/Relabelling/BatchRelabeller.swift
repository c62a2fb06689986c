package import Model
import Synchronization

/// Applies relabel rules to whole batches, each series once: what became of its labels is remembered.
package final class BatchRelabeller: Sendable {
    /// What a batch has become.
    package struct Outcome: Sendable {
        package var batch: SampleBatch
        /// Samples of series that the rules drop.
        package var dropped: Int
    }

    /// Series that are remembered; over it all are forgotten and found out anew.
    package static let seriesMax = 1 << 18

    private let rules: [RelabelRule]
    private let known: Mutex<SeriesCache>

    /// - Parameters:
    ///   - rules: At least one.
    ///   - seed: For hashes of labels from outside.
    package init(_ rules: [RelabelRule], seed: UInt64 = .random(in: 0 ... .max)) {
        self.rules = rules
        known = Mutex(SeriesCache(seed: seed))
    }

    /// The batch with its labels as the rules leave them.
    ///
    /// Labels that cannot be read are left as they are, for the store to refuse.
    package func apply(to batch: SampleBatch) -> Outcome {
        var result = batch
        result.entries = []
        result.entries.reserveCapacity(batch.entries.count)
        result.labelBytes = []
        result.labelBytes.reserveCapacity(batch.labelBytes.count)
        var dropped = 0
        known.withLock { known in
            if known.count > BatchRelabeller.seriesMax { known.keep { _ in false } }
            let bytes = batch.labelBytes.span
            for entry in batch.entries {
                let index = place(of: entry.labels, bytes, &known)
                guard !known[index].isDropped else {
                    dropped += entry.samples.count
                    continue
                }
                let start = result.labelBytes.count
                result.labelBytes += known.labelBytes[known[index].labels]
                result.entries.append(
                    SampleBatch.Entry(
                        labels: start..<result.labelBytes.count,
                        samples: entry.samples
                    )
                )
            }
        }
        return Outcome(batch: result, dropped: dropped)
    }

    /// The entry of these labels, made when they are new.
    private func place(
        of labels: Range<Int>,
        _ bytes: Span<UInt8>,
        _ known: inout SeriesCache
    ) -> Int {
        let hash = known.hash(bytes, labels)
        if let index = known.find(bytes, labels, hash) { return index }
        return known.add(bytes, labels, hash, number: 0) { relabel(bytes, labels, into: &$0) }
    }

    private func relabel(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        into encoded: inout [UInt8]
    ) {
        guard let labels = LabelEncoding.decode(bytes, range) else {
            for index in range { encoded.append(bytes[index]) }
            return
        }
        var working = WorkingLabels(labels)
        // As in Prometheus, what is left without any label is dropped too.
        if rules.apply(to: &working) { LabelEncoding.append(working.labelSet, to: &encoded) }
    }
}
