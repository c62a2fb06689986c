import Incidents
import Telemetry
import Timekeeping

/// What the pipeline counts; receivers are a closed set, from the on-call file.
struct PagingMetrics: Sendable {
    private let registry: MetricsRegistry
    private let pending: Gauge
    private let dead: Gauge

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        func gauge(_ state: DeliveryState) -> Gauge {
            registry.gauge(
                "tocsin_outbox_pages",
                help: "Pages in the outbox that wait or were given up.",
                labels: [("state", state.rawValue)]
            )
        }
        pending = gauge(.pending)
        dead = gauge(.dead)
    }

    func tried(_ receiver: String, _ outcome: String) {
        registry.counter(
            "tocsin_page_tries",
            help: "Tries to deliver pages, by receiver and outcome.",
            labels: [("receiver", receiver), ("outcome", outcome)]
        ).add()
    }

    func settled(_ page: Page, _ state: DeliveryState, at now: Timestamp) {
        registry.counter(
            "tocsin_pages",
            help: "Pages that were settled, by receiver and state.",
            labels: [("receiver", page.receiver), ("state", state.rawValue)]
        ).add()
        guard state == .delivered else { return }
        registry.histogram(
            "tocsin_page_delivery_seconds",
            help: "From the decision to page to the receiver's answer that it has it.",
            labels: [("receiver", page.receiver)],
            bounds: Histogram.timeBounds + [20, 60, 300, 3600]
        ).observe((now - page.createdAt).inSeconds)
    }

    func failing(_ receiver: String) {
        registry.counter(
            "tocsin_page_second_channels",
            help: "Calls whose receiver failed, so that the next channel was asked.",
            labels: [("receiver", receiver)]
        ).add()
    }

    func storeError() {
        registry.counter(
            "tocsin_outbox_store_errors",
            help: "Outcomes of tries that could not be written to disk."
        ).add()
    }

    func show(pending: Int, dead: Int) {
        self.pending.set(Double(pending))
        self.dead.set(Double(dead))
    }
}
