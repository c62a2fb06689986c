package import CloudWatchIngest
package import Timekeeping

/// A data point of a metric stream: one metric over one period.
package struct StreamPoint: Sendable {
    package var metric: PushedMetric
    /// The start of the period, as with what is pulled.
    package var timestamp: Timestamp
    package var statistics: PushedStatistics
}
