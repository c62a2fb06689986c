/// What the metric store holds right now, for `/api/v1/status/tsdb`, the status page and the limits' messages.
package struct MetricStoreStatistics: Sendable, Codable {
    /// A metric name and how many series bear it.
    package struct MetricCount: Hashable, Sendable, Codable {
        package var name: String
        package var series: Int

        package init(name: String, series: Int) {
            self.name = name
            self.series = series
        }
    }

    package var series: Int
    package var seriesMax: Int
    /// Samples in the rings.
    package var samples: Int
    /// Samples within the retention that were given up because memory ran out, since the start.
    package var evictedSamples: Int
    /// What is held beyond the retention.
    package var longWindows: LongWindowStatistics
    /// Bytes of memory that samples and index hold.
    package var bytes: Int
    package var bytesMax: Int
    /// Different label names, and name and value pairs counted in each shard.
    package var labelNames: Int
    package var labelPairs: Int
    /// The metrics with the most series, most first; at most ten.
    package var topMetrics: [MetricCount]

    package init(
        series: Int,
        seriesMax: Int,
        samples: Int,
        evictedSamples: Int,
        longWindows: LongWindowStatistics = LongWindowStatistics(),
        bytes: Int,
        bytesMax: Int,
        labelNames: Int,
        labelPairs: Int,
        topMetrics: [MetricCount]
    ) {
        self.series = series
        self.seriesMax = seriesMax
        self.samples = samples
        self.evictedSamples = evictedSamples
        self.longWindows = longWindows
        self.bytes = bytes
        self.bytesMax = bytesMax
        self.labelNames = labelNames
        self.labelPairs = labelPairs
        self.topMetrics = topMetrics
    }
}
