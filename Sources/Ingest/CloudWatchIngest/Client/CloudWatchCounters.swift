package import Telemetry

/// What one CloudWatch source counts, in `/metrics`.
package struct CloudWatchCounters: Sendable {
    private let registry: MetricsRegistry
    private let source: String
    /// Queries in GetMetricData calls, which is what AWS bills.
    package let metricsRequested: Counter
    package let throttled: Counter
    package let retried: Counter
    package let points: Counter
    package let zeroFilled: Counter
    /// Results that were not Complete, whose range is read again.
    package let incomplete: Counter
    /// Polls that could not be made or answered at all.
    package let failedPolls: Counter
    /// Lists of metrics that were cut at their last allowed page.
    package let cutLists: Counter
    /// Queries left out of the present plan because a limit or the budget was reached.
    package let leftOut: Gauge
    /// What AWS's clock shows beyond ours, in seconds.
    package let clockOffset: Gauge
    /// Metrics that are polled now.
    package let planned: Gauge

    /// - Parameters:
    ///   - registry: Where the instruments are kept.
    ///   - source: The source's name, `cloudwatch/eu-west-1`.
    package init(_ registry: MetricsRegistry, source: String) {
        self.registry = registry
        self.source = source
        let labels = [(name: "source", value: source)]
        func counter(_ name: String, _ help: String) -> Counter {
            registry.counter("tocsin_cloudwatch_" + name, help: help, labels: labels)
        }
        func gauge(_ name: String, _ help: String) -> Gauge {
            registry.gauge("tocsin_cloudwatch_" + name, help: help, labels: labels)
        }
        metricsRequested = counter(
            "metrics_requested",
            "Metrics requested by GetMetricData, the unit that AWS bills."
        )
        throttled = counter("throttled", "Replies that asked to slow down.")
        retried = counter("retries", "Requests that were tried again.")
        points = counter("points", "Data points read and admitted, re-read ones included.")
        zeroFilled = counter(
            "zero_filled",
            "Zeros written for load balancer counters that are silent when zero."
        )
        incomplete = counter(
            "incomplete_results",
            "Results not complete (partial, failed, forbidden); read again."
        )
        failedPolls = counter("failed_polls", "Calls that gave no answer after all tries.")
        cutLists = counter(
            "cut_lists",
            "Lists of metrics that were longer than catalogue_pages_max."
        )
        leftOut = gauge(
            "left_out_metrics",
            "Metrics not polled because a limit or the budget was reached."
        )
        clockOffset = gauge(
            "clock_offset_seconds",
            "Seconds by which AWS's clock is ahead, once it mattered."
        )
        planned = gauge(
            "planned_metrics",
            "Metrics that the loaded rules need and that are polled."
        )
    }

    /// Counts one exchange by operation and outcome.
    func request(_ operation: String, outcome: String) {
        registry.counter(
            "tocsin_cloudwatch_requests",
            help: "Requests to CloudWatch by operation and outcome.",
            labels: [("source", source), ("operation", operation), ("outcome", outcome)]
        ).add()
    }
}
