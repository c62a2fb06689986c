import Model
import PromQLSyntax
import Timekeeping

/// What one evaluation of a query shares among its parts: the source, the count of samples, annotations.
final class QueryRun {
    let source: any SeriesReading
    let settings: QuerySettings
    /// The query's own grid, which `start()`, `end()` and `step()` speak of also within subqueries.
    let grid: TimeGrid
    let isRange: Bool
    /// The query's end minus its start, milliseconds.
    let range: Int64
    let lookback: Int64
    /// False when nobody reads warnings and infos.
    let keepsAnnotations: Bool
    private var sampleCount = 0
    private var annotations: Annotations
    private var known: [Leaf.Key: KnownColumn] = [:]
    /// Values of nodes at the run's own grid, when several expressions share them.
    let shared: SharedValues?

    init(
        source: any SeriesReading,
        settings: QuerySettings,
        grid: TimeGrid,
        isRange: Bool,
        range: Int64 = 0,
        keepsAnnotations: Bool = true,
        shared: SharedValues? = nil
    ) {
        self.shared = shared
        self.keepsAnnotations = keepsAnnotations
        self.source = source
        self.settings = settings
        self.grid = grid
        self.isRange = isRange
        self.range = range
        lookback = settings.lookback.milliseconds
        annotations = Annotations(countMax: settings.annotationsMax)
    }

    func result(_ value: QueryValue) -> QueryResult {
        QueryResult(value: value, warnings: annotations.warnings, infos: annotations.infos)
    }

    func warn(_ text: String, at span: SourceSpan) {
        if keepsAnnotations { annotations.add(warning: text, at: span) }
    }

    func inform(_ text: String, at span: SourceSpan) {
        if keepsAnnotations { annotations.add(info: text, at: span) }
    }

    func noteForcedMonotonicity(_ note: ForcedMonotonicity, metric: String, at span: SourceSpan) {
        if keepsAnnotations { annotations.add(note, metric: metric, at: span) }
    }

    /// Counts samples read or made.
    func count(_ samples: Int) throws(QueryError) {
        let (sum, overflow) = sampleCount.addingReportingOverflow(samples)
        guard !overflow, sum <= settings.sampleLimit else { throw sampleLimitError }
        sampleCount = sum
    }

    /// Checks that a result of so many rows may be made; columns are dense, so that gaps take room too.
    func checkSize(rows: Int, steps: Int) throws(QueryError) {
        let (size, overflow) = rows.multipliedReportingOverflow(by: steps)
        guard !overflow, size <= settings.sampleLimit else { throw sampleLimitError }
    }

    /// Ends the query when whoever asked no longer waits.
    func checkCancellation() throws(QueryError) {
        if settings.isCancelled() { throw .timeout("query timed out in expression evaluation") }
    }

    private var sampleLimitError: QueryError {
        .limit(
            "query processing would load too many samples into memory in query execution "
                + "(limit \(settings.sampleLimit)); narrow the selectors or the range"
        )
    }

    /// Reads series whose samples lie in `(after, through]`.
    func select(
        _ matchers: [LabelMatcher],
        after start: Int64,
        through end: Int64
    ) throws(QueryError) -> [SeriesSamples] {
        let selection = SeriesSelection(
            matchers: matchers,
            range: TimeRange(
                after: Timestamp(milliseconds: start),
                through: Timestamp(milliseconds: end)
            )
        )
        do throws(SeriesReadingError) {
            return try source.select(selection, sampleLimit: settings.sampleLimit)
        } catch { throw queryError(error) }
    }

    /// Reads columns, all of one state of the data.
    func columns(_ requests: [ColumnRequest]) throws(QueryError) -> [Column] {
        guard !requests.isEmpty else { return [] }
        do throws(SeriesReadingError) {
            return try source.columns(requests, sampleLimit: settings.sampleLimit)
        } catch { throw queryError(error) }
    }

    private func queryError(_ error: SeriesReadingError) -> QueryError {
        switch error {
        case .sampleLimit: sampleLimitError
        case .stopped: .execution("expanding series: \(error)")
        }
    }

    // MARK: Columns read beforehand

    /// The column of a node's leaf, from those read before or from the source.
    func column(
        _ key: Leaf.Key,
        of plan: PlanNode,
        _ request: ColumnRequest
    ) throws(QueryError) -> Column {
        if let known = known[key], isCurrent(known.stamp, plan) { return known.column }
        let column = try columns([request])[0]
        known[key] = KnownColumn(column: column, stamp: stamp)
        return column
    }

    /// Whether a column is there and still what the source would answer.
    func knows(_ key: Leaf.Key, of plan: PlanNode) -> Bool {
        known[key].map { isCurrent($0.stamp, plan) } ?? false
    }

    /// Takes columns that were read for this run.
    func take(_ columns: [Column], for keys: [Leaf.Key]) {
        for (key, column) in zip(keys, columns) {
            known[key] = KnownColumn(column: column, stamp: stamp)
        }
    }

    /// Reads all that is wanted, at once.
    func read(_ wanted: WantedColumns) throws(QueryError) {
        take(try columns(wanted.requests), for: wanted.keys)
    }

    private struct KnownColumn {
        var column: Column
        var stamp: Int
    }

    private var stamp: Int { shared?.writes.count ?? 0 }

    private func isCurrent(_ stamp: Int, _ plan: PlanNode) -> Bool {
        shared?.writes.isCurrent(stamp, plan.metricNames) ?? true
    }

    /// Forgets what was counted, before another expression is evaluated.
    func startCount() { sampleCount = 0 }

    /// The milliseconds of a selector's length, for this query's step and range.
    func length(
        _ expression: DurationExpression,
        mayBeNegative: Bool = false
    ) throws(QueryError) -> Int64 {
        do throws(DurationExpressionError) {
            return try expression.duration(
                step: isRange ? .milliseconds(grid.step) : .zero,
                range: .milliseconds(range),
                mayBeNegative: mayBeNegative
            ).milliseconds
        } catch { throw .execution(error.description) }
    }

    /// The milliseconds a selector or subquery is moved into the past.
    func offset(_ modifiers: SelectorModifiers) throws(QueryError) -> Int64 {
        guard let offset = modifiers.offset else { return 0 }
        return try length(offset, mayBeNegative: true)
    }

    /// The fixed moment of `@`, if there is one.
    func moment(_ modifiers: SelectorModifiers) -> Int64? {
        switch modifiers.at {
        case nil: nil
        case .timestamp(let moment): moment.milliseconds
        case .start: grid.start
        // The query's end, which need not be a step.
        case .end: grid.start + range
        }
    }
}
