import Telemetry

/// What Firehose brought, as `/metrics` shows it.
struct FirehoseCounters: Sendable {
    private let metrics: MetricsRegistry
    private let points: Counter
    private let unselected: Counter
    private let zeros: Counter
    private let repeatedEvents: Counter

    init(_ metrics: MetricsRegistry) {
        self.metrics = metrics
        points = metrics.counter(
            "tocsin_firehose_points",
            help: "Data points and log events that Firehose brought."
        )
        unselected = metrics.counter(
            "tocsin_firehose_unselected_points",
            help: "Data points of metrics that no rule reads, which are not stored."
        )
        zeros = metrics.counter(
            "tocsin_firehose_zero_filled",
            help: "Zeros written for load balancers' counters that are silent when they are zero."
        )
        repeatedEvents = metrics.counter(
            "tocsin_firehose_repeated_log_events",
            help: "Log events that were in already, by their id, when they were sent again."
        )
    }

    func answered(_ status: Int) {
        metrics.counter(
            "tocsin_firehose_requests",
            help: "Firehose requests by answer.",
            labels: [("status", "\(status)")]
        ).add()
    }

    func took(_ contents: FirehoseContents) {
        points.add(contents.points)
        unselected.add(contents.unselected)
    }

    func filled(_ count: Int) { zeros.add(count) }

    func repeated(_ count: Int) { repeatedEvents.add(count) }
}
