import Telemetry

/// The server's own metrics; used on the loop's thread only, instruments are looked up once.
final class HTTPServerMetrics {
    private struct RequestKey: Hashable {
        var handler: String
        var status: Int
    }

    private let registry: MetricsRegistry
    private var requests: [RequestKey: Counter] = [:]
    private var durations: [String: Histogram] = [:]
    private let refusals: [HTTPRefusal: Counter]

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        let counters = HTTPRefusal.allCases.map { cause in
            let counter = registry.counter(
                "tocsin_http_refused",
                help: "Requests and connections that the server itself refused or cut off.",
                labels: [("reason", cause.rawValue)]
            )
            return (cause, counter)
        }
        refusals = Dictionary(uniqueKeysWithValues: counters)
    }

    func refused(_ cause: HTTPRefusal) { refusals[cause]?.add() }

    func answered(handler: String, status: Int, took: Duration?) {
        let key = RequestKey(handler: handler, status: status)
        let counter =
            requests[key]
            ?? registry.counter(
                "tocsin_http_requests",
                help: "Requests answered, by route pattern and status.",
                labels: [("handler", handler), ("code", "\(status)")]
            )
        requests[key] = counter
        counter.add()
        guard let took else { return }
        let histogram =
            durations[handler]
            ?? registry.histogram(
                "tocsin_http_request_duration_seconds",
                help: "Time from a request's head to its answer, by route pattern.",
                labels: [("handler", handler)]
            )
        durations[handler] = histogram
        let (seconds, attoseconds) = took.components
        histogram.observe(Double(seconds) + Double(attoseconds) / 1e18)
    }
}
