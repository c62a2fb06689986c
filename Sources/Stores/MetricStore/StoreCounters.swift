import Model
import Telemetry

/// The store's own counters.
struct StoreCounters: Sendable {
    let accepted: Counter
    let duplicates: Counter
    let revised: Counter
    /// In the order of `RefusalCause.allCases`.
    private let refused: [RefusalCause: Counter]
    let overloaded: Counter
    /// New series refused, by limit.
    let newSeriesRefused: [SeriesLimit: Counter]
    /// Times that start timestamps of a series were forgotten.
    let startsCut: Counter
    let startsWithoutMemory: Counter

    init(_ registry: MetricsRegistry) {
        accepted = registry.counter(
            "tocsin_store_samples_accepted",
            help: "Samples taken into the rings."
        )
        duplicates = registry.counter(
            "tocsin_store_samples_duplicate",
            help: "Samples that were in the rings already."
        )
        revised = registry.counter(
            "tocsin_store_samples_revised",
            help: "Samples that replaced an earlier value."
        )
        var causes: [RefusalCause: Counter] = [:]
        for cause in RefusalCause.allCases {
            causes[cause] = registry.counter(
                "tocsin_store_samples_refused",
                help: "Samples refused by the store, by cause.",
                labels: [("cause", cause.rawValue)]
            )
        }
        refused = causes
        var limits: [SeriesLimit: Counter] = [:]
        for limit in SeriesLimit.allCases {
            limits[limit] = registry.counter(
                "tocsin_store_new_series_refused",
                help: "New series refused by the store, by the setting that is the limit.",
                labels: [("limit", limit.rawValue)]
            )
        }
        newSeriesRefused = limits
        func forgotten(_ limit: String) -> Counter {
            registry.counter(
                "tocsin_store_start_times_forgotten",
                help:
                    "Times that start timestamps of a series were forgotten, by the setting that is the limit.",
                labels: [("limit", limit)]
            )
        }
        startsCut = forgotten("start_runs_max")
        startsWithoutMemory = forgotten("max_memory")
        overloaded = registry.counter(
            "tocsin_store_batches_overloaded",
            help: "Batches turned away because too many samples were waiting for the shards."
        )
    }

    func count(_ result: AppendResult) {
        accepted.add(result.accepted)
        if result.duplicates > 0 { duplicates.add(result.duplicates) }
        if result.revised > 0 { revised.add(result.revised) }
        for (cause, samples) in result.refused { refused[cause]?.add(samples) }
    }
}
