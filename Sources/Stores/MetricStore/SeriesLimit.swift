import Model

/// The limits that a new series may be over.
enum SeriesLimit: String, CaseIterable {
    case all = "max_series"
    case metric = "max_series_per_metric"
    case source = "max_series_per_source"
    case memory = "max_memory"

    /// What the refusal of its samples is counted as.
    var cause: RefusalCause { self == .memory ? .memoryLimit : .seriesLimit }
}
