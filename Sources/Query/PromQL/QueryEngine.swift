package import Model
package import PromQLSyntax
package import Timekeeping

/// Evaluates PromQL over whatever can read series.
///
/// Evaluation blocks the calling thread, reads each selector once for the whole of a query, and is
/// deterministic: equal data give equal bits in equal order.
package struct QueryEngine: Sendable {
    let source: any SeriesReading
    package let settings: QuerySettings
    /// Of rules: equal parts are one.
    private let rules: Planner
    private let plans: PlanCache

    package init(source: any SeriesReading, settings: QuerySettings = QuerySettings()) {
        self.init(
            source,
            settings,
            Planner(isSharing: true),
            PlanCache(countMax: settings.plansMax)
        )
    }

    private init(
        _ source: any SeriesReading,
        _ settings: QuerySettings,
        _ rules: Planner,
        _ plans: PlanCache
    ) {
        self.source = source
        self.settings = settings
        self.rules = rules
        self.plans = plans
    }

    /// The same engine, with the plans it keeps, for one query of other settings.
    package func with(_ settings: QuerySettings) -> QueryEngine {
        guard settings.delaysNameRemoval == self.settings.delaysNameRemoval else {
            return QueryEngine(source: source, settings: settings)
        }
        return QueryEngine(source, settings, rules, plans)
    }

    package init(
        source: any SeriesReading,
        lookback: Duration = .seconds(300),
        sampleLimit: Int = 50_000_000,
        defaultSubqueryStep: Duration = .seconds(60)
    ) {
        self.init(
            source: source,
            settings: QuerySettings(
                lookback: lookback,
                sampleLimit: sampleLimit,
                defaultSubqueryStep: defaultSubqueryStep
            )
        )
    }

    // MARK: Plans

    /// Makes an expression ready for one evaluation or a few.
    package func planned(_ expression: Expression) -> PlannedExpression {
        PlannedExpression(expression, Planner(isSharing: false).plan(expression))
    }

    /// Parses a query and makes it ready; a text that was asked for lately is ready already.
    package func planned(_ text: String) throws(PromQLSyntaxError) -> PlannedExpression {
        try plans.planned(text, at: MonotonicTime.nanoseconds()) { () throws(PromQLSyntaxError) in
            planned(try PromQLParser.parse(text))
        }
    }

    /// Makes an expression ready to share its parts with other expressions of rules, for as long as they are held.
    ///
    /// Warnings and infos of shared parts may name the place of another rule's.
    package func sharing(_ expression: Expression) -> PlannedExpression {
        PlannedExpression(expression, rules.plan(expression))
    }

    // MARK: Evaluation

    /// Evaluates an expression at one moment.
    ///
    /// - Returns: A scalar, string or vector at that moment, or the samples of a range vector. Vectors come
    ///   in the order of their series' labels, or as `sort`, `topk` and the like put them.
    /// - Throws: `QueryError` when the expression cannot be evaluated over the data, or a limit is hit.
    package func instant(
        _ expression: Expression,
        at moment: Timestamp
    ) throws(QueryError) -> QueryResult {
        try instant(planned(expression), at: moment)
    }

    /// Evaluates an expression made ready by this engine at one moment; see `instant(_:at:)`.
    package func instant(
        _ planned: PlannedExpression,
        at moment: Timestamp
    ) throws(QueryError) -> QueryResult {
        try checkTime(moment)
        let grid = TimeGrid(at: moment.milliseconds)
        let run = QueryRun(source: source, settings: settings, grid: grid, isRange: false)
        let evaluator = Evaluator(run: run, grid: grid)
        let plan = planned.plan
        try evaluator.read(plan)
        if plan.isMatrix { return run.result(.matrix(try evaluator.matrix(plan))) }
        switch try evaluator.evaluate(plan) {
        case .string(let text): return run.result(.string(text))
        case .scalar(let values): return run.result(.scalar(values[0]))
        case .vector(let frame):
            return run.result(.vector(try evaluator.vectorSamples(frame)))
        }
    }

    /// Evaluates an expression at every step from `start` through `end`.
    ///
    /// - Parameters:
    ///   - expression: A scalar or an instant vector.
    ///   - start: The first step.
    ///   - end: No step is after it; not before `start`.
    ///   - step: Positive.
    /// - Returns: A matrix in label order, samples at the steps.
    /// - Throws: `QueryError` when the expression cannot be evaluated over the data, or a limit is hit.
    package func range(
        _ expression: Expression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration
    ) throws(QueryError) -> QueryResult {
        try range(planned(expression), from: start, through: end, step: step)
    }

    /// Evaluates an expression made ready by this engine; see `range(_:from:through:step:)`.
    package func range(
        _ planned: PlannedExpression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration
    ) throws(QueryError) -> QueryResult {
        guard step.milliseconds > 0 else {
            throw .badExpression("query resolution step must be greater than zero")
        }
        guard end >= start else {
            throw .badExpression("end timestamp must not be before start time")
        }
        let type = planned.expression.valueType
        guard type == .scalar || type == .vector else {
            throw .badExpression(
                "invalid expression type \"\(type.documentedName)\" for range query, "
                    + "must be Scalar or instant Vector"
            )
        }
        try checkTime(start)
        try checkTime(end)
        let grid = TimeGrid(
            from: start.milliseconds,
            through: end.milliseconds,
            step: step.milliseconds
        )
        let run = QueryRun(
            source: source,
            settings: settings,
            grid: grid,
            isRange: true,
            range: end.milliseconds - start.milliseconds
        )
        try run.checkSize(rows: 1, steps: grid.count)
        let evaluator = Evaluator(run: run, grid: grid)
        let plan = planned.plan
        try evaluator.read(plan)
        switch try evaluator.evaluate(plan) {
        case .string: throw .badExpression("a range query needs numbers")
        case .scalar(let values):
            let samples = values.enumerated().map {
                Sample(Timestamp(milliseconds: grid.time($0.offset)), $0.element)
            }
            return run.result(.matrix([SeriesSamples(labels: LabelSet(), samples: samples)]))
        case .vector(let frame):
            let named = try evaluator.named(frame)
            return run.result(
                .matrix(evaluator.series(named).sorted { $0.labels < $1.labels })
            )
        }
    }
}

extension QueryEngine {
    /// Times so far from 1970 that arithmetic on them could overflow are no times.
    func checkTime(_ moment: Timestamp) throws(QueryError) {
        guard !isOutOfBounds(moment) else {
            throw .badExpression("evaluation time out of bounds: \(moment.milliseconds) ms")
        }
    }

    func isOutOfBounds(_ moment: Timestamp) -> Bool {
        moment.milliseconds.magnitude >= UInt64(Int64.max / 4)
    }
}

/// How queries are evaluated; the defaults are Prometheus's.
package struct QuerySettings: Sendable {
    /// How old the newest sample of a series may be to count as its value.
    package var lookback: Duration
    /// Samples a query may read and make.
    package var sampleLimit: Int
    /// The step of subqueries that do not say theirs.
    package var defaultSubqueryStep: Duration
    /// Whether metric names are dropped from the final result only (Prometheus's delayed-name-removal).
    ///
    /// Inner expressions may then still group by them. Otherwise each operation drops them at once.
    package var delaysNameRemoval: Bool
    /// Query texts whose plans are kept for when they are asked for again; 0: none.
    package var plansMax: Int
    /// Warnings an answer carries, and infos; of the rest it says how many there are.
    package var annotationsMax: Int
    /// Asked now and then while a query runs; true ends it with `QueryError.timeout`.
    package var isCancelled: @Sendable () -> Bool

    package init(
        lookback: Duration = .seconds(300),
        sampleLimit: Int = 50_000_000,
        defaultSubqueryStep: Duration = .seconds(60),
        delaysNameRemoval: Bool = true,
        plansMax: Int = 256,
        annotationsMax: Int = 10,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.lookback = lookback
        self.sampleLimit = sampleLimit
        self.defaultSubqueryStep = defaultSubqueryStep
        self.delaysNameRemoval = delaysNameRemoval
        self.plansMax = plansMax
        self.annotationsMax = annotationsMax
        self.isCancelled = isCancelled
    }
}
