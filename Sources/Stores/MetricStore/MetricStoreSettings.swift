import Glibc

/// Limits and sizes of the metric store; each has a default, a counter when hit, and a message that names it.
package struct MetricStoreSettings: Hashable, Sendable {
    /// Threads that own the data, 1...16; by default one a core, at most four.
    package var shards: Int
    /// How long samples stay (`store.retention`).
    package var retention: Duration
    /// How long samples that rules need stay at most (`store.long_window_max`); at or below `retention`: no longer.
    package var longWindowMax: Duration
    /// Series at most (`store.max_series`); past it new ones are refused, old ones go on.
    package var maxSeries: Int
    /// Of those, percent that only series of the service's own may take: of recording rules and log metrics
    /// (`store.reserved_series_percent`); others are refused before.
    package var reservedSeriesPercent: Int
    /// Series of one metric name at most (`store.max_series_per_metric`); every shard takes its share.
    package var seriesPerMetricMax: Int
    /// New series of one source at most (`store.max_series_per_source`); those from before a restart don't count.
    package var seriesPerSourceMax: Int
    /// Bytes of samples and index at most (`store.max_memory`); past it new series are refused, and old
    /// ones give up their oldest samples.
    package var maxMemoryBytes: Int
    /// Labels of one series at most, the name among them; at most 255.
    package var labelsPerSeriesMax: Int
    package var labelNameBytesMax: Int
    package var labelValueBytesMax: Int
    /// A sample further ahead of the clock is refused.
    package var futureSkewMax: Duration
    /// Samples on their way to the shards; past it `tryAppend` refuses and `append` waits.
    package var queuedSamplesMax: Int
    /// Encodings of one label set that are found without decoding (label order, for example, may differ).
    package var aliasesPerSeriesMax: Int
    /// Runs of samples with one start timestamp that are told apart for one series at most, at least 1
    /// (`store.start_runs_max`); past it the oldest samples have none.
    package var startRunsMax: Int
    /// Selectors whose series are remembered, while memory for them lasts (an eighth of `maxMemoryBytes`).
    package var cachedSelectorsMax: Int

    package static let standard = MetricStoreSettings()

    package init(
        shards: Int = MetricStoreSettings.defaultShards,
        retention: Duration = .seconds(6 * 3600),
        longWindowMax: Duration = .seconds(35 * 86400),
        maxSeries: Int = 500_000,
        reservedSeriesPercent: Int = 5,
        seriesPerMetricMax: Int = .max,
        seriesPerSourceMax: Int = .max,
        maxMemoryBytes: Int = 2 << 30,
        labelsPerSeriesMax: Int = 64,
        labelNameBytesMax: Int = 512,
        labelValueBytesMax: Int = 4096,
        futureSkewMax: Duration = .seconds(600),
        queuedSamplesMax: Int = 1 << 20,
        aliasesPerSeriesMax: Int = 8,
        startRunsMax: Int = 128,
        cachedSelectorsMax: Int = 16384
    ) {
        self.shards = shards
        self.retention = retention
        self.longWindowMax = longWindowMax
        self.maxSeries = maxSeries
        self.reservedSeriesPercent = min(max(reservedSeriesPercent, 0), 100)
        self.seriesPerMetricMax = seriesPerMetricMax
        self.seriesPerSourceMax = seriesPerSourceMax
        self.maxMemoryBytes = maxMemoryBytes
        self.labelsPerSeriesMax = labelsPerSeriesMax
        self.labelNameBytesMax = labelNameBytesMax
        self.labelValueBytesMax = labelValueBytesMax
        self.futureSkewMax = futureSkewMax
        self.queuedSamplesMax = queuedSamplesMax
        self.aliasesPerSeriesMax = aliasesPerSeriesMax
        self.startRunsMax = max(1, startRunsMax)
        self.cachedSelectorsMax = cachedSelectorsMax
    }

    /// Series that only the service's own may take.
    var reservedSeries: Int {
        maxSeries / 100 * reservedSeriesPercent + maxSeries % 100 * reservedSeriesPercent / 100
    }

    /// One shard for each core this process may use, at most four.
    package static var defaultShards: Int {
        min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }
}
