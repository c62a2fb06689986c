package import Timekeeping

/// What to read: every series that satisfies all matchers, its samples in one range.
package struct SeriesSelection: Hashable, Sendable {
    package var matchers: [LabelMatcher]
    /// `(start, end]`.
    package var range: TimeRange

    package init(matchers: [LabelMatcher], range: TimeRange) {
        self.matchers = matchers
        self.range = range
    }
}

/// The samples of one series within a selection's range.
package struct SeriesSamples: Sendable {
    package var labels: LabelSet
    /// Oldest first, timestamps strictly increasing; staleness markers are kept (tell them by bits).
    ///
    /// Never empty.
    package var samples: [Sample]
    /// The samples' start timestamps; nil when none is known.
    package var starts: StartTimes?

    package init(labels: LabelSet, samples: [Sample], starts: StartTimes? = nil) {
        self.labels = labels
        self.samples = samples
        self.starts = starts
    }
}

/// Why a selection could not be read.
package enum SeriesReadingError: Error, Hashable, CustomStringConvertible {
    /// The query would load more samples than it may.
    case sampleLimit(Int)
    /// The store is stopping.
    case stopped

    package var description: String {
        switch self {
        case .sampleLimit(let limit):
            "query processing would load too many samples into memory in query execution "
                + "(limit \(limit)); narrow the selector or the range"
        case .stopped: "the metric store is stopping"
        }
    }
}

/// Reads series; the query layer's view of the metric store (or of a list in a test).
///
/// Calls block the calling thread until the answer is there; call from a thread of your own, not from
/// Swift's cooperative pool, when the answer may be large.
package protocol SeriesReading: Sendable {
    /// Series with at least one sample in the range, in label order.
    ///
    /// - Parameters:
    ///   - selection: Matchers and range.
    ///   - sampleLimit: Samples all series together may hold.
    /// - Returns: Each series with its samples in the range.
    /// - Throws: `SeriesReadingError.sampleLimit` over the limit, `.stopped` while the store stops.
    func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError)
        -> [SeriesSamples]

    /// A function over the windows of each series a request names, one answer for each request in their order.
    ///
    /// All answers see one state of the data. Series without a value may be in an answer's table.
    ///
    /// - Parameters:
    ///   - requests: What to compute.
    ///   - sampleLimit: Samples that one request may read.
    /// - Returns: A column a request.
    /// - Throws: As `select`.
    func columns(
        _ requests: [ColumnRequest],
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [Column]

    /// Label sets of the series with at least one sample in the range, in label order.
    func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet]
}
