package import HTTPServer
package import Model
package import PromQL
import PromQLSyntax
package import Telemetry
package import Timekeeping

/// Prometheus's query API: instant and range queries, and the printing and the trees of expressions.
package struct QueryRoutes: Sendable {
    private let engine: QueryEngine
    private let limits: QueryLimits
    private let clock: any WallClock
    private let monotonic: @Sendable () -> UInt64
    private let isStopping: @Sendable () -> Bool
    private let metrics: QueryMetrics

    /// - Parameters:
    ///   - source: What is queried.
    ///   - settings: How, when a call does not say otherwise.
    ///   - limits: What a call may take.
    ///   - clock: The time of a query that names none.
    ///   - monotonic: Nanoseconds for deadlines.
    ///   - isStopping: True when queries under way must end.
    ///   - metrics: Counts of queries join them.
    package init(
        source: any SeriesReading,
        settings: QuerySettings = QuerySettings(),
        limits: QueryLimits = QueryLimits(),
        clock: any WallClock,
        monotonic: @escaping @Sendable () -> UInt64 = MonotonicTime.nanoseconds,
        isStopping: @escaping @Sendable () -> Bool = { false },
        metrics: MetricsRegistry
    ) {
        engine = QueryEngine(source: source, settings: settings)
        self.limits = limits
        self.clock = clock
        self.monotonic = monotonic
        self.isStopping = isStopping
        self.metrics = QueryMetrics(metrics)
    }

    package var routes: [HTTPRoute] {
        let both: [(path: String, handler: @Sendable (HTTPRequest) -> HTTPResponse)] = [
            ("/api/v1/query", instant), ("/api/v1/query_range", range),
            ("/api/v1/format_query", format), ("/api/v1/parse_query", parse),
        ]
        return both.flatMap { path, handler in
            ["GET", "POST"].map { HTTPRoute($0, path, .blocking(handler)) }
        }
    }

    @Sendable private func instant(_ request: HTTPRequest) -> HTTPResponse {
        answering(request, "instant") { parameters throws(PrometheusFailure) in
            let moment = try parameters.time("time") ?? clock.now()
            let call = try call(parameters)
            return Query(call: call, at: moment) { engine throws(QueryError) in
                try engine.instant(call.query, at: moment)
            }
        }
    }

    @Sendable private func range(_ request: HTTPRequest) -> HTTPResponse {
        answering(request, "range") { parameters throws(PrometheusFailure) in
            let start = try parameters.requiredTime("start")
            let end = try parameters.requiredTime("end")
            guard end >= start else {
                throw .parameter("end", "end timestamp must not be before start time")
            }
            let step = try parameters.requiredDuration("step")
            guard step > .zero else {
                throw .parameter(
                    "step",
                    "zero or negative query resolution step widths are not accepted. "
                        + "Try a positive integer"
                )
            }
            guard step.milliseconds > 0 else {
                throw .parameter("step", "steps shorter than a millisecond are not accepted")
            }
            guard (end - start).milliseconds / step.milliseconds <= limits.stepsMax else {
                throw PrometheusFailure(
                    type: .badData,
                    message: "exceeded maximum resolution of \(limits.stepsText) "
                        + "points per timeseries. "
                        + "Try decreasing the query resolution (?step=XX)"
                )
            }
            let call = try call(parameters)
            return Query(call: call, at: end) { engine throws(QueryError) in
                try engine.range(call.query, from: start, through: end, step: step)
            }
        }
    }

    @Sendable private func format(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let expression = try parameters.expression("query")
            return PrometheusReply.success { $0.string(expression.pretty) }
        }
    }

    @Sendable private func parse(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let expression = try parameters.expression("query")
            return PrometheusReply.success { $0.syntaxTree(expression) }
        }
    }

    // MARK: Running

    /// What instant and range queries both are told.
    private struct Call {
        var query: PlannedExpression
        var lookback: Duration?
        var allowance: Duration
        var limit: Int?
    }

    private struct Query {
        var call: Call
        /// The time of an answer without times of its own.
        var moment: Timestamp
        var evaluate: (QueryEngine) throws(QueryError) -> QueryResult

        init(
            call: Call,
            at moment: Timestamp,
            evaluate: @escaping (QueryEngine) throws(QueryError) -> QueryResult
        ) {
            self.call = call
            self.moment = moment
            self.evaluate = evaluate
        }
    }

    private func call(_ parameters: QueryParameters) throws(PrometheusFailure) -> Call {
        let limit = try parameters.limit("limit")
        let timeout = try parameters.duration("timeout")
        let query = try parameters.query("query", engine)
        let lookback: Duration?
        do throws(PrometheusFailure) {
            lookback = try parameters.duration("lookback_delta")
        } catch {
            throw PrometheusFailure(
                type: .badData,
                message: "error parsing lookback delta duration: \(error.message)"
            )
        }
        return Call(
            query: query,
            lookback: lookback.flatMap { $0 > .zero ? $0 : nil },
            allowance: min(timeout ?? limits.timeMax, limits.timeMax),
            limit: limit
        )
    }

    private func answering(
        _ request: HTTPRequest,
        _ type: String,
        _ prepare: (QueryParameters) throws(PrometheusFailure) -> Query
    ) -> HTTPResponse {
        var started: UInt64?
        do throws(PrometheusFailure) {
            let query = try prepare(try QueryParameters(request))
            started = monotonic()
            let response = try run(query)
            metrics.finished(type: type, failure: nil, time: elapsed(since: started))
            return response
        } catch {
            metrics.finished(type: type, failure: error, time: elapsed(since: started))
            return PrometheusReply.failure(error)
        }
    }

    private func elapsed(since started: UInt64?) -> Duration? {
        started.map { .nanoseconds(Int64(clamping: monotonic() &- $0)) }
    }

    private func run(_ query: Query) throws(PrometheusFailure) -> HTTPResponse {
        let deadline = QueryDeadline(
            in: query.call.allowance,
            monotonic: monotonic,
            isStopping: isStopping
        )
        guard !deadline.isOver else { throw deadline.failure }
        var settings = engine.settings
        settings.isCancelled = { deadline.isOver }
        settings.lookback = query.call.lookback ?? settings.lookback
        let result: QueryResult
        do throws(QueryError) {
            result = try query.evaluate(engine.with(settings))
        } catch {
            switch error {
            case .badExpression(let text): throw .parameter("query", text)
            case .execution(let text), .limit(let text):
                throw PrometheusFailure(type: .execution, message: text)
            case .timeout: throw deadline.failure
            }
        }
        var warnings = result.warnings
        let limit = query.call.limit ?? .max
        if result.value.seriesCount > limit { warnings.append(PrometheusReply.truncated) }
        return PrometheusReply.success(warnings: warnings, infos: result.infos) { writer in
            writer.queryData(result.value, at: query.moment, limit: limit)
        }
    }
}

extension QueryValue {
    fileprivate var seriesCount: Int {
        switch self {
        case .vector(let samples): samples.count
        case .matrix(let series): series.count
        case .scalar, .string: 0
        }
    }
}
