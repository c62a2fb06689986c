import Buffers
import Model

/// A batch on its way through the shards, and what has become of it so far.
final class BatchWork: Sendable {
    private struct Progress {
        /// Shards that still have to answer.
        var remaining: Int
        var result = AppendResult()
    }

    let batch: SampleBatch
    let window: SeriesStorage.Window
    /// True for samples that the service computes itself: they are taken even while the disk takes none.
    let isEssential: Bool
    /// Whose new series these are, as `SeriesSources` has it.
    let source: UInt16
    /// The hash of each entry's label bytes.
    let hashes: [LabelHash]
    /// Entries by number, grouped by shard, in their order within each.
    let entries: [UInt32]
    /// Each shard's part of `entries`.
    let parts: [Range<Int>]
    private let progress: Monitor<Progress>

    /// Hashes the labels of every entry and sorts the entries by shard.
    init(
        _ batch: SampleBatch,
        window: SeriesStorage.Window,
        isEssential: Bool,
        source: UInt16,
        hasher: LabelHasher,
        shards: Int
    ) {
        precondition(
            batch.timestamps.count == batch.values.count,
            "a sample is a timestamp and a value"
        )
        precondition(
            batch.starts.isEmpty || batch.starts.count == batch.timestamps.count,
            "every sample has a start timestamp, known or not, or none has"
        )
        self.batch = batch
        self.window = window
        self.isEssential = isEssential
        self.source = source
        var hashes: [LabelHash] = []
        hashes.reserveCapacity(batch.entries.count)
        var ends = [Int](repeating: 0, count: shards)
        unsafe batch.labelBytes.withUnsafeBytes { bytes in
            for entry in batch.entries {
                precondition(
                    entry.labels.lowerBound >= 0 && entry.labels.upperBound <= bytes.count
                        && entry.samples.lowerBound >= 0
                        && entry.samples.upperBound <= batch.timestamps.count,
                    "an entry lies outside its batch"
                )
                // An empty batch has no base address, and then every entry has no bytes either.
                let hash =
                    unsafe bytes.baseAddress.map {
                        unsafe hasher.hash(
                            $0 + entry.labels.lowerBound,
                            count: entry.labels.count
                        )
                    } ?? LabelHash(primary: 0, secondary: 0)
                ends[hash.shard(of: shards)] += 1
                hashes.append(hash)
            }
        }
        var start = 0
        var next: [Int] = []
        var parts: [Range<Int>] = []
        for count in ends {
            next.append(start)
            parts.append(start..<(start + count))
            start += count
        }
        var entries = [UInt32](repeating: 0, count: hashes.count)
        if shards == 1 {
            for index in entries.indices { entries[index] = UInt32(truncatingIfNeeded: index) }
        } else {
            for (index, hash) in hashes.enumerated() {
                let shard = hash.shard(of: shards)
                entries[next[shard]] = UInt32(truncatingIfNeeded: index)
                next[shard] += 1
            }
        }
        self.hashes = hashes
        self.entries = entries
        self.parts = parts
        progress = Monitor(Progress(remaining: parts.count { !$0.isEmpty }))
    }

    /// A shard has handed entries on to `count` others, which will answer too.
    func expect(_ count: Int) { progress.withLock { $0.remaining += count } }

    /// A shard has done its part.
    func finish(_ result: AppendResult) {
        progress.signal {
            $0.result.merge(result)
            $0.remaining -= 1
        }
    }

    /// Blocks until every part is done.
    func wait() -> AppendResult {
        progress.wait { $0.remaining == 0 ? $0.result : nil }
    }
}

extension LabelHash {
    /// The shard that a hash belongs to.
    @inline(__always)
    func shard(of count: Int) -> Int {
        Int(truncatingIfNeeded: ((secondary &>> 32) &* UInt64(count)) &>> 32)
    }
}
