import Telemetry
import Timekeeping

/// The instruments of one pulled source.
struct PullCounters: Sendable {
    let documents: Counter
    let repeated: Counter
    let late: Counter
    let forgotten: Counter
    let vanished: Counter
    let pointsLost: Counter
    let remembered: Gauge
    let readTo: Gauge
    let lateness: Gauge
    private let requests: @Sendable (String) -> Counter

    init(_ metrics: MetricsRegistry, source: String) {
        let labels = [(name: "source", value: source)]
        func counter(_ name: String, _ help: String) -> Counter {
            metrics.counter("tocsin_elasticsearch_\(name)", help: help, labels: labels)
        }
        documents = counter("documents", "Documents read and let in.")
        repeated = counter("repeated", "Documents that were met again and not counted again.")
        late = counter("late", "Documents that became searchable after their time was read.")
        forgotten = counter(
            "forgotten",
            "Documents forgotten for want of room, which shortens the overlap."
        )
        vanished = counter("vanished", "Documents that a point in time listed and did not give.")
        pointsLost = counter("points_lost", "Points in time that ended in the middle of a read.")
        remembered = metrics.gauge(
            "tocsin_elasticsearch_remembered",
            help: "Documents that are remembered, so that none is counted twice.",
            labels: labels
        )
        readTo = metrics.gauge(
            "tocsin_elasticsearch_read_to_timestamp_seconds",
            help: "Everything that could be seen before it is counted.",
            labels: labels
        )
        lateness = metrics.gauge(
            "tocsin_elasticsearch_lateness_seconds",
            help: "How late the latest document of the last read was searchable.",
            labels: labels
        )
        requests = { outcome in
            metrics.counter(
                "tocsin_elasticsearch_requests",
                help: "Searches and points in time asked for, by outcome.",
                labels: labels + [("outcome", outcome)]
            )
        }
    }

    func request(_ outcome: String) { requests(outcome).add() }

    func note(_ notes: PullCursor.Notes) {
        repeated.add(notes.repeated)
        late.add(notes.late)
        forgotten.add(notes.forgotten)
        vanished.add(notes.vanished)
        pointsLost.add(notes.pointsLost)
    }
}
