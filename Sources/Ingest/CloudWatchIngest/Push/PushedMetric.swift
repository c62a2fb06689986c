/// A metric that a metric stream brings, and whose it is.
package struct PushedMetric: Hashable, Sendable {
    package var metric: CloudWatchMetric
    package var owner: MetricOwner

    package init(_ metric: CloudWatchMetric, _ owner: MetricOwner) {
        self.metric = metric
        self.owner = owner
    }
}
