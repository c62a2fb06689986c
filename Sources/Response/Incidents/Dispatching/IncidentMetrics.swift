import Model
import Synchronization
import Telemetry
import Timekeeping

/// What the dispatcher counts.
struct IncidentMetrics: Sendable {
    private final class Gauges: Sendable {
        struct Key: Hashable {
            var priority: Priority
            var state: Incident.State
        }

        let counts = Mutex<[Key: Int]>([:])
    }

    private let registry: MetricsRegistry
    private let gauges = Gauges()
    let repeated: Counter
    let unknown: Counter
    let applied: Counter
    let overflowed: Counter
    let storeErrors: Counter
    private let timeToAcknowledge: Histogram
    private let timeToResolve: Histogram

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        func transitions(_ outcome: String) -> Counter {
            registry.counter(
                "tocsin_incident_transitions",
                help: "Alert transitions by what became of them.",
                labels: [("outcome", outcome)]
            )
        }
        applied = transitions("applied")
        repeated = transitions("repeated")
        unknown = transitions("unknown_alert")
        overflowed = registry.counter(
            "tocsin_incidents_overflowed",
            help: "Alerts that joined a collecting incident because too many were open."
        )
        storeErrors = registry.counter(
            "tocsin_incident_store_errors",
            help: "Decisions that could not be written to disk."
        )
        let bounds = [60, 300, 900, 1800, 3600, 14400, 43200, 86400].map(Double.init)
        timeToAcknowledge = registry.histogram(
            "tocsin_incident_time_to_acknowledge_seconds",
            help: "From the opening of incidents to their acknowledgement.",
            bounds: bounds
        )
        timeToResolve = registry.histogram(
            "tocsin_incident_time_to_resolve_seconds",
            help: "From the opening of incidents to their end.",
            bounds: bounds
        )
        let gauges = gauges
        registry.collect {
            let counts = gauges.counts.withLock { $0 }
            let points = Priority.allCases.flatMap { priority in
                Incident.State.allCases.filter { $0 != .resolved }.map { state in
                    MetricPoint(
                        [("priority", "\(priority)"), ("state", state.rawValue)],
                        Double(counts[.init(priority: priority, state: state)] ?? 0)
                    )
                }
            }
            return [
                MetricFamily(
                    "tocsin_incidents",
                    help: "Incidents that are not resolved.",
                    kind: .gauge,
                    points: points
                )
            ]
        }
    }

    /// Counts what has just been written to disk.
    func saved(_ changes: IncidentChanges, book: IncidentBook) {
        var counts: [Gauges.Key: Int] = [:]
        for incident in book.incidents.values {
            counts[.init(priority: incident.priority, state: incident.state), default: 0] += 1
        }
        gauges.counts.withLock { $0 = counts }
        for (id, event) in changes.events {
            registry.counter(
                "tocsin_incident_events",
                help: "Events of incidents by kind.",
                labels: [("kind", event.kind.rawValue)]
            ).add()
            guard let incident = book.incidents[id] else { continue }
            let age = (event.at - incident.openedAt).inSeconds
            switch event.kind {
            case .acknowledged where incident.acknowledgedAt == event.at:
                timeToAcknowledge.observe(age)
            case .resolved: timeToResolve.observe(age)
            default: break
            }
        }
    }
}
