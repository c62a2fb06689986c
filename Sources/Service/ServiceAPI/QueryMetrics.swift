import Telemetry
import Timekeeping

/// Counts queries by type and outcome, and their time.
struct QueryMetrics: Sendable {
    private let registry: MetricsRegistry
    private let evaluation: Histogram

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        evaluation = registry.histogram(
            "prometheus_engine_query_duration_seconds",
            help: "Query timings.",
            labels: [(name: "slice", value: "inner_eval")],
            bounds: Histogram.timeBounds + [30, 60, 120]
        )
    }

    /// - Parameters:
    ///   - type: `instant` or `range`.
    ///   - failure: Nil when the query was answered.
    ///   - time: Of the evaluation; nil when it did not come to one.
    func finished(type: String, failure: PrometheusFailure?, time: Duration?) {
        registry.counter(
            "tocsin_queries",
            help: "Queries of the HTTP API by type and outcome (success, or the error's type).",
            labels: [
                (name: "type", value: type),
                (name: "outcome", value: failure?.type.rawValue ?? "success"),
            ]
        ).add()
        if let time { evaluation.observe(time.inSeconds) }
    }
}
