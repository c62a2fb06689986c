import Ingest
import Model
import Synchronization

/// Adds up points that count from each other, so that they are stored as counters.
///
/// What was added up is lost at the end of the process: the counters then begin anew, which `rate` and `increase`
/// take for a reset, as they should. A request is added up, let in and only then kept, one at a time, so that one that is
/// turned away may come again.
final class DeltaSums: Sendable {
    private struct Sum {
        var value: Double
        /// Of the newest point, in milliseconds.
        var time: Int64
    }

    /// What was found of a request.
    struct Added: Sendable {
        var batch: SampleBatch
        /// Points that were there already, or are older than the newest of their series.
        var old = 0
        /// Points of new series over the limit.
        var overLimit = 0
    }

    private let seriesMax: Int
    /// A series that nothing was added to for this long makes room, in milliseconds.
    private let idle: Int64 = 3_600_000
    private let sums = Mutex<[[UInt8]: Sum]>([:])

    init(seriesMax: Int) { self.seriesMax = seriesMax }

    /// Adds a request's points up and lets the result in; nothing is kept when that fails.
    func admit<Outcome: Sendable>(
        _ translation: OTLPTranslation,
        _ admit: (Added) -> (outcome: Outcome, isIn: Bool)
    ) -> (outcome: Outcome, added: Added) {
        sums.withLock { sums in
            var changed: [[UInt8]: Sum] = [:]
            var added = Added(batch: translation.batch)
            var left: Set<Int> = []
            for delta in translation.deltas {
                add(delta, to: &added, &left, sums, &changed)
            }
            if !left.isEmpty {
                added.batch.entries = added.batch.entries.enumerated()
                    .filter { !left.contains($0.offset) }.map(\.element)
            }
            let (outcome, isIn) = admit(added)
            if isIn { sums.merge(changed) { $1 } }
            return (outcome, added)
        }
    }

    private func add(
        _ delta: OTLPTranslation.Delta,
        to added: inout Added,
        _ left: inout Set<Int>,
        _ sums: [[UInt8]: Sum],
        _ changed: inout [[UInt8]: Sum]
    ) {
        for index in delta.entries {
            let entry = added.batch.entries[index]
            let key = Array(added.batch.labelBytes[entry.labels])
            let sample = entry.samples.lowerBound
            let time = added.batch.timestamps[sample]
            let value = added.batch.values[sample]
            let before = changed[key] ?? sums[key]
            if let before, time <= before.time {
                left.insert(index)
                if index == delta.entries.lowerBound { added.old += 1 }
                continue
            }
            guard before != nil || sums.count + changed.count < seriesMax else {
                left.insert(index)
                if index == delta.entries.lowerBound { added.overLimit += 1 }
                continue
            }
            // A series without a value at this time ends, and goes on from where it was.
            guard !Staleness.isMarker(value) else { continue }
            let sum = (before?.value ?? 0) + value
            added.batch.values[sample] = sum
            changed[key] = Sum(value: sum, time: time)
        }
    }

    /// Forgets series that nothing was added to for an hour before `now` (milliseconds).
    func forgetIdle(at now: Int64) {
        sums.withLock { sums in
            guard sums.count >= seriesMax / 2 else { return }
            sums = sums.filter { now - $0.value.time < idle }
        }
    }

    var count: Int { sums.withLock { $0.count } }
}
