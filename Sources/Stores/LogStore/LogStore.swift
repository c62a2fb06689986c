package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// The newest log records of every stream, as bytes, within a memory limit.
///
/// Safe to call from any thread; searches work on a snapshot and hold up no writer.
package final class LogStore: Sendable {
    private let settings: LogStoreSettings
    private let clock: any WallClock
    private let rings: Mutex<StreamRings>
    private let counters: Counters
    /// Nothing from before is held: records live in memory alone.
    package let startedAt: Timestamp
    /// Tells of what has arrived.
    package let arrivals = ArrivalSignal()

    private struct Counters: Sendable {
        let appended: Counter
        let dropped: [LogDropCause: Counter]
        let cut: Counter
    }

    /// An empty store.
    ///
    /// - Parameters:
    ///   - settings: Limits.
    ///   - clock: Decides what is out of retention.
    ///   - metrics: Where the store's own counters go.
    package init(
        settings: LogStoreSettings = .standard,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.clock = clock
        rings = Mutex(StreamRings(settings: settings))
        startedAt = clock.now()
        var dropped: [LogDropCause: Counter] = [:]
        for cause in LogDropCause.allCases {
            dropped[cause] = metrics.counter(
                "tocsin_log_store_records_dropped",
                help: "Log records that made room for newer ones or were not taken, by cause.",
                labels: [("cause", cause.rawValue)]
            )
        }
        counters = Counters(
            appended: metrics.counter(
                "tocsin_log_store_records_appended",
                help: "Log records taken into the rings."
            ),
            dropped: dropped,
            cut: metrics.counter(
                "tocsin_log_store_values_cut",
                help: "Strings cut to the length limit and containers past the depth limit."
            )
        )
        metrics.collect { [weak self] in self?.families() ?? [] }
    }

    /// Takes records in the order of their arrival.
    package func append(_ records: [LogRecord]) {
        guard !records.isEmpty else { return }
        let oldest = clock.now() - settings.retention
        let (outcome, newest) = rings.withLock {
            ($0.append(records, oldestArrival: oldest), $0.sequence)
        }
        arrivals.note(newest)
        counters.appended.add(outcome.appended)
        if outcome.cut > 0 { counters.cut.add(outcome.cut) }
        count(outcome.dropped)
    }

    /// Records that satisfy a search, on a snapshot of the rings.
    ///
    /// - Parameters:
    ///   - search: What, in which order, how many.
    ///   - isOver: Asked now and then; true ends the search with what it has found.
    /// - Returns: What was found, and what the rings hold of it.
    package func search(
        _ search: LogSearch,
        isOver: @escaping () -> Bool = { false }
    ) -> LogSearchResult {
        let oldest = clock.now() - settings.retention
        let snapshot = rings.withLock { $0.snapshot(matching: search.matchers) }
        var result = RecordSearch(search: search, oldestArrival: oldest, isOver: isOver)
            .run(on: snapshot)
        result.heldFrom = max(result.heldFrom, oldest, startedAt)
        return result
    }

    /// The newest records that satisfy every condition, newest arrival first.
    ///
    /// - Parameters:
    ///   - limit: Records to return at most.
    ///   - fields: Dotted paths and the text their values must equal.
    ///   - tag: The tag the record's stream must have; nil for any.
    ///   - text: Some string in the record must hold this; ASCII letters are compared without case.
    /// - Returns: At most `limit` records.
    package func newest(
        limit: Int,
        matching fields: [(path: String, value: String)] = [],
        tag: String? = nil,
        text: String? = nil
    ) -> [LogRecord] {
        var search = LogSearch(limit: limit, order: .lastArrivedFirst)
        search.conditions = fields.map {
            LogSearch.Condition(field: $0.path, test: FieldTest(text: $0.value))
        }
        if let tag { search.matchers = [LabelMatcher("tag", equals: tag)] }
        if let text { search.contains = [text] }
        return self.search(search).hits.map(\.record)
    }

    /// Drops what is out of retention now; appends do it as well, for every stream.
    package func expire() {
        let oldest = clock.now() - settings.retention
        count(rings.withLock { $0.expire(oldestArrival: oldest) })
    }

    /// What the store holds right now.
    package var statistics: LogStoreStatistics {
        let dropped = counters.dropped.values.reduce(0) { $0 + $1.value }
        return rings.withLock { $0.statistics(dropped: dropped) }
    }

    private func count(_ dropped: [LogDropCause: Int]) {
        for (cause, records) in dropped { counters.dropped[cause]?.add(records) }
    }

    private func families() -> [MetricFamily] {
        let statistics = statistics
        return [
            MetricFamily(
                "tocsin_log_store_records",
                help: "Log records in the rings.",
                kind: .gauge,
                points: [MetricPoint([], Double(statistics.records))]
            ),
            MetricFamily(
                "tocsin_log_store_memory_bytes",
                help: "Memory that log records hold.",
                kind: .gauge,
                points: [MetricPoint([], Double(statistics.bytes))]
            ),
            MetricFamily(
                "tocsin_log_store_memory_limit_bytes",
                help: "Memory that log records may hold.",
                kind: .gauge,
                points: [MetricPoint([], Double(statistics.bytesMax))]
            ),
            MetricFamily(
                "tocsin_log_store_streams",
                help: "Log streams in the rings.",
                kind: .gauge,
                points: [MetricPoint([], Double(statistics.streams))]
            ),
        ]
    }
}
