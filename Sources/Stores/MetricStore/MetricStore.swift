package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// The newest samples of every series, in memory, within hard limits.
///
/// Calls block the calling thread until the owners of the data have answered.
package final class MetricStore: SeriesReading, SampleAppending, Sendable {
    private let settings: MetricStoreSettings
    private let clock: any WallClock
    private let counters: StoreCounters
    private let table: Mutex<SeriesTable>
    private let isRunning = Atomic<Bool>(false)

    /// A store at rest; `start` it before use.
    ///
    /// - Parameters:
    ///   - settings: Limits and sizes.
    ///   - clock: Decides what is out of retention and what lies in the future.
    ///   - metrics: Where the store's own counters go.
    package init(
        settings: MetricStoreSettings = .standard,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.clock = clock
        counters = StoreCounters(metrics)
        table = Mutex(SeriesTable(settings: settings))
    }

    /// Starts the threads that own the data.
    package func start() {
        isRunning.store(true, ordering: .relaxed)
    }

    /// Finishes what was accepted, then ends the threads; later appends are refused, reads throw.
    package func stop() {
        isRunning.store(false, ordering: .relaxed)
    }

    /// True when so many samples wait for the shards that `tryAppend` would turn a batch away.
    package var isOverloaded: Bool { false }

    /// Takes a batch; waits for room when too many samples are on their way.
    ///
    /// - Returns: Counts of what became of each sample; all refused as `stopping` when the store is.
    package func append(_ batch: SampleBatch) -> AppendResult {
        var result = AppendResult()
        if isRunning.load(ordering: .relaxed) {
            let now = clock.now()
            result = table.withLock { $0.append(batch, now: now) }
        } else {
            result.refuse(
                .stopping,
                samples: batch.sampleCount,
                "the metric store is stopping; send the samples again after the restart"
            )
        }
        counters.count(result)
        return result
    }

    /// Takes a batch, or nothing of it when the shards are behind.
    ///
    /// - Returns: Nil when overloaded: the sender should come again later.
    package func tryAppend(_ batch: SampleBatch) -> AppendResult? {
        append(batch)
    }

    package func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        guard isRunning.load(ordering: .relaxed) else { throw .stopped }
        let now = clock.now()
        return try table.withLock { table throws(SeriesReadingError) in
            try table.select(selection, now: now, sampleLimit: sampleLimit)
        }
    }

    package func labelSets(
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [LabelSet] {
        try select(selection, sampleLimit: .max).map(\.labels)
    }

    /// Names of the labels that the selected series have, sorted.
    package func labelNames(
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [String] {
        Set(try labelSets(selection).flatMap { $0.labels.map(\.name) }).sorted()
    }

    /// Values that the label `name` has in the selected series, sorted.
    package func labelValues(
        _ name: String,
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [String] {
        Set(try labelSets(selection).map { $0[name] }).subtracting([""]).sorted()
    }

    /// Drops what is out of retention now; the shards do it by themselves over each minute.
    package func expire() {
        let now = clock.now()
        table.withLock { $0.expire(now: now) }
    }

    package var statistics: MetricStoreStatistics { table.withLock { $0.statistics } }
}
