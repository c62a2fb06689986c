package import Ingest
package import Model

/// A decoded remote write request.
package struct WriteRequest: Sendable {
    /// What the sender tells about a metric.
    package struct Description: Hashable, Sendable {
        package var metric: String
        package var metadata: MetricMetadata

        package init(metric: String, metadata: MetricMetadata) {
            self.metric = metric
            self.metadata = metadata
        }
    }

    /// Series that were left out, because their message says what it must not.
    package struct Faults: Sendable {
        package var series = 0
        package var samples = 0
        /// The first fault in words.
        package var first: String?
    }

    /// The samples.
    package var batch = SampleBatch(latePolicy: .reject)
    /// What was in the request and is not kept.
    package var exemplars = 0
    package var histograms = 0
    /// What the sender tells about metrics.
    package var descriptions: [Description] = []
    package var faults = Faults()

    package init() {}
}
