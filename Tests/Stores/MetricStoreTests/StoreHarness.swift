import MetricStore
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// A running store under a clock that stands still, and shorthand for what tests ask of it.
final class StoreHarness: Sendable {
    let clock: ManualClock
    let metrics = MetricsRegistry()
    let store: MetricStore

    init(
        _ settings: MetricStoreSettings = .standard,
        durability: StoreDurability? = nil,
        clock: ManualClock = ManualClock()
    ) {
        self.clock = clock
        store = MetricStore(
            settings: settings,
            durability: durability,
            clock: clock,
            metrics: metrics
        )
        store.start()
    }

    deinit { store.stop() }

    /// A batch of one series; times in ms from now.
    func batch(
        _ labels: LabelSet,
        _ samples: [(Int64, Double)],
        policy: SampleBatch.LatePolicy = .reject
    ) -> SampleBatch {
        let now = clock.now().milliseconds
        var batch = SampleBatch(latePolicy: policy)
        batch.append(
            labels,
            samples: samples.map { Sample(Timestamp(milliseconds: now + $0.0), $0.1) }
        )
        return batch
    }

    func append(
        _ labels: LabelSet,
        _ samples: [(Int64, Double)],
        policy: SampleBatch.LatePolicy = .reject
    ) -> AppendResult {
        store.append(batch(labels, samples, policy: policy))
    }

    /// Everything that satisfies the matchers, over all time.
    func select(_ matchers: [LabelMatcher]) throws -> [SeriesSamples] {
        try store.select(
            SeriesSelection(
                matchers: matchers,
                range: TimeRange(after: .distantPast, through: .distantFuture)
            ),
            sampleLimit: .max
        )
    }

    /// The samples of the one series that satisfies the matchers; times in ms from now.
    func samples(_ name: String) throws -> [(Int64, Double)] {
        let now = clock.now().milliseconds
        let found = try select([LabelMatcher("__name__", equals: name)])
        return found.flatMap { $0.samples.map { ($0.timestamp.milliseconds - now, $0.value) } }
    }
}

func same(_ left: [SeriesSamples], _ right: [SeriesSamples]) -> Bool {
    left.count == right.count
        && zip(left, right).allSatisfy { a, b in
            a.labels == b.labels && a.samples.count == b.samples.count
                && zip(a.samples, b.samples).allSatisfy { $0.isIdentical(to: $1) }
                && a.samples.allSatisfy { sample in
                    let time = sample.timestamp.milliseconds
                    return (a.starts?[time] ?? 0) == (b.starts?[time] ?? 0)
                }
        }
}
