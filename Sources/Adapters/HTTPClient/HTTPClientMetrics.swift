import Telemetry

/// Requests sent, by how they ended.
struct HTTPClientMetrics: Sendable {
    private let registry: MetricsRegistry
    private let duration: Histogram

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        duration = registry.histogram(
            "tocsin_http_client_request_duration_seconds",
            help: "Time from sending a request to its reply or failure."
        )
    }

    func ended(_ outcome: Result<HTTPClientReply, HTTPClientError>, took: Duration) {
        let counter = registry.counter(
            "tocsin_http_client_requests",
            help: "Requests sent, by class of status or kind of failure.",
            labels: [("outcome", HTTPClientMetrics.label(outcome))]
        )
        counter.add()
        let (seconds, attoseconds) = took.components
        duration.observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    private static func label(_ outcome: Result<HTTPClientReply, HTTPClientError>) -> String {
        switch outcome {
        case .success(let reply): "\(reply.status / 100)xx"
        case .failure(.invalidURL): "invalid"
        case .failure(.unreachable): "unreachable"
        case .failure(.timeout): "timeout"
        case .failure(.replyTooLarge): "too_large"
        case .failure(.tls): "tls"
        case .failure(.cancelled): "cancelled"
        }
    }
}
