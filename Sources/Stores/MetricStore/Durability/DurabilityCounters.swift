import SampleLog
import Telemetry

/// Counters of the log.
struct DurabilityCounters: Sendable {
    let bytesWritten: Counter
    let syncSeconds: Histogram
    private let failures: [FileProblem.Cause: Counter]

    init(_ registry: MetricsRegistry) {
        bytesWritten = registry.counter(
            "tocsin_store_log_written_bytes",
            help: "Bytes written to the sample log."
        )
        syncSeconds = registry.histogram(
            "tocsin_store_log_sync_seconds",
            help: "How long it took to sync the sample log to disk.",
            bounds: Histogram.timeBounds
        )
        var causes: [FileProblem.Cause: Counter] = [:]
        for cause in FileProblem.Cause.allCases {
            causes[cause] = registry.counter(
                "tocsin_store_log_failures",
                help: "Writes and syncs of the sample log and its snapshots that failed, by cause.",
                labels: [("cause", cause.rawValue)]
            )
        }
        failures = causes
    }

    func count(_ problem: FileProblem) { failures[problem.cause]?.add() }
}
