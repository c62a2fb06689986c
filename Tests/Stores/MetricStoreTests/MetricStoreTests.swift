import MetricStore
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite("Metric store")
struct MetricStoreTests {
    let clock = ManualClock()

    func store(_ settings: MetricStoreSettings = .standard) -> MetricStore {
        let store = MetricStore(settings: settings, clock: clock, metrics: MetricsRegistry())
        store.start()
        return store
    }

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

    @Test func samplesComeBackInLabelOrder() throws {
        let store = store()
        defer { store.stop() }
        for pod in ["c", "a", "b"] {
            let result = store.append(
                batch(["__name__": "up", "pod": pod], [(-2000, 1), (-1000, 0)])
            )
            #expect(result.accepted == 2)
            #expect(result.firstRefusal == nil)
        }
        let found = try store.select(
            SeriesSelection(
                matchers: [LabelMatcher("__name__", equals: "up")],
                range: TimeRange(after: clock.now() - .seconds(60), through: clock.now())
            ),
            sampleLimit: 100
        )
        #expect(found.map { $0.labels["pod"] } == ["a", "b", "c"])
        #expect(found.allSatisfy { $0.samples.map(\.value) == [1, 0] })
    }
}
