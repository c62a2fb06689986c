package import HTTPServer
package import MetricStore
import Model
package import PromQL
import PromQLSyntax
package import Timekeeping

/// Prometheus's query API: instant and range queries, series and labels.
package struct QueryRoutes: Sendable {
    /// Points a range query may have for each series, Prometheus's limit.
    static let pointsMax = 11000

    private let engine: QueryEngine
    private let store: MetricStore
    private let clock: any WallClock
    private let retention: Duration

    package init(
        engine: QueryEngine,
        store: MetricStore,
        clock: any WallClock,
        retention: Duration
    ) {
        self.engine = engine
        self.store = store
        self.clock = clock
        self.retention = retention
    }

    package var routes: [HTTPRoute] {
        let both: [(path: String, handler: @Sendable (HTTPRequest) -> HTTPResponse)] = [
            ("/api/v1/query", instant), ("/api/v1/query_range", range),
            ("/api/v1/series", series), ("/api/v1/labels", labels),
            ("/api/v1/format_query", format),
        ]
        return both.flatMap { path, handler in
            ["GET", "POST"].map { HTTPRoute($0, path, .blocking(handler)) }
        } + [HTTPRoute("GET", "/api/v1/label/{name}/values", .blocking(labelValues))]
    }

    @Sendable private func instant(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let moment = try parameters.time("time") ?? clock.now()
            let limit = try parameters.limit("limit")
            let expression = try parameters.expression("query")
            let result: QueryResult
            do throws(QueryError) {
                result = try engine.instant(expression, at: moment)
            } catch {
                throw QueryRoutes.failure(error)
            }
            return QueryRoutes.reply(result, at: moment, limit: limit)
        }
    }

    @Sendable private func range(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            guard let start = try parameters.time("start") else {
                throw .parameter("start", "it is missing")
            }
            guard let end = try parameters.time("end") else {
                throw .parameter("end", "it is missing")
            }
            guard end >= start else {
                throw .parameter("end", "end timestamp must not be before start time")
            }
            guard let step = try parameters.duration("step") else {
                throw .parameter("step", "it is missing")
            }
            guard step > .zero else {
                throw .parameter(
                    "step",
                    "zero or negative query resolution step widths are not accepted. "
                        + "Try a positive integer"
                )
            }
            guard (end - start).milliseconds / step.milliseconds < QueryRoutes.pointsMax else {
                throw PrometheusFailure(
                    type: .badData,
                    message: "exceeded maximum resolution of 11,000 points per timeseries. "
                        + "Try decreasing the query resolution (?step=XX)"
                )
            }
            let limit = try parameters.limit("limit")
            let expression = try parameters.expression("query")
            let result: QueryResult
            do throws(QueryError) {
                result = try engine.range(expression, from: start, through: end, step: step)
            } catch {
                throw QueryRoutes.failure(error)
            }
            return QueryRoutes.reply(result, at: end, limit: limit)
        }
    }

    @Sendable private func format(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let expression = try parameters.expression("query")
            return PrometheusReply.success { $0.string(expression.printed) }
        }
    }

    @Sendable private func series(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let selectors = try parameters.selectors()
            guard !selectors.isEmpty else {
                throw PrometheusFailure(
                    type: .badData,
                    message: "no match[] parameter provided"
                )
            }
            let window = try window(parameters)
            var found: Set<LabelSet> = []
            for matchers in selectors {
                found.formUnion(try labelSets(matchers, window))
            }
            let limit = try parameters.limit("limit") ?? 0
            let sorted = found.sorted()
            let shown = limit > 0 ? sorted.prefix(limit) : sorted[...]
            return PrometheusReply.success(
                warnings: shown.count < sorted.count ? ["results truncated due to limit"] : []
            ) { writer in
                writer.array { writer in
                    for labels in shown { writer.labels(labels) }
                }
            }
        }
    }

    @Sendable private func labels(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let names = Set(try matching(parameters).flatMap { $0.labels.map(\.name) })
            return try list(names, parameters)
        }
    }

    @Sendable private func labelValues(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let name = request.pathParameters["name"] ?? ""
            let values = Set(try matching(parameters).map { $0[name] }).subtracting([""])
            return try list(values, parameters)
        }
    }

    private func list(
        _ values: Set<String>,
        _ parameters: QueryParameters
    ) throws(PrometheusFailure) -> HTTPResponse {
        let limit = try parameters.limit("limit") ?? 0
        let sorted = values.sorted()
        let shown = limit > 0 ? sorted.prefix(limit) : sorted[...]
        return PrometheusReply.success(
            warnings: shown.count < sorted.count ? ["results truncated due to limit"] : []
        ) { $0.strings(shown) }
    }

    /// Label sets of the series the call's selectors match; of all series when it has none.
    private func matching(
        _ parameters: QueryParameters
    ) throws(PrometheusFailure) -> [LabelSet] {
        let window = try window(parameters)
        var selectors = try parameters.selectors()
        if selectors.isEmpty { selectors = [[]] }
        var found: [LabelSet] = []
        for matchers in selectors { found += try labelSets(matchers, window) }
        return found
    }

    private func labelSets(
        _ matchers: [LabelMatcher],
        _ window: TimeRange
    ) throws(PrometheusFailure) -> [LabelSet] {
        do {
            return try store.labelSets(SeriesSelection(matchers: matchers, range: window))
        } catch {
            throw PrometheusFailure(type: .unavailable, message: error.description)
        }
    }

    /// What `start` and `end` ask for; all that the rings hold without them.
    private func window(_ parameters: QueryParameters) throws(PrometheusFailure) -> TimeRange {
        let now = clock.now()
        let end = try parameters.time("end") ?? now
        let start = try parameters.time("start") ?? now - retention
        return TimeRange(after: start - .milliseconds(1), through: end)
    }

    private static func failure(_ error: QueryError) -> PrometheusFailure {
        switch error {
        case .badExpression(let text): PrometheusFailure(type: .badData, message: text)
        case .execution(let text), .limit(let text):
            PrometheusFailure(type: .execution, message: text)
        case .timeout(let text): PrometheusFailure(type: .timeout, message: text)
        }
    }

    private static func reply(
        _ result: QueryResult,
        at moment: Timestamp,
        limit: Int?
    ) -> HTTPResponse {
        var warnings = result.warnings
        let most = limit ?? 0
        if most > 0, result.value.seriesCount > most {
            warnings.append("results truncated due to limit")
        }
        return PrometheusReply.success(warnings: warnings, infos: result.infos) { writer in
            writer.queryData(result.value, at: moment, limit: most > 0 ? most : .max)
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

extension JSONWriter {
    /// A series' labels as an object.
    mutating func labels(_ labels: LabelSet) {
        map(labels.labels.lazy.map { (key: $0.name, value: $0.value) })
    }

    /// `[seconds, "value"]`.
    mutating func point(_ moment: Timestamp, _ value: String) {
        array { writer in
            writer.raw(moment.jsonSeconds)
            writer.string(value)
        }
    }

    /// `resultType` and `result`.
    mutating func queryData(_ value: QueryValue, at moment: Timestamp, limit: Int) {
        object { writer in
            switch value {
            case .scalar(let number):
                writer.field("resultType", "scalar")
                writer.key("result")
                writer.point(moment, PromQLNumber.text(number))
            case .string(let text):
                writer.field("resultType", "string")
                writer.key("result")
                writer.point(moment, text)
            case .vector(let samples):
                writer.field("resultType", "vector")
                writer.key("result")
                writer.array { writer in
                    for sample in samples.prefix(limit) {
                        writer.object { writer in
                            writer.key("metric")
                            writer.labels(sample.labels)
                            writer.key("value")
                            writer.point(moment, PromQLNumber.text(sample.value))
                        }
                    }
                }
            case .matrix(let series):
                writer.field("resultType", "matrix")
                writer.key("result")
                writer.array { writer in
                    for one in series.prefix(limit) {
                        writer.object { writer in
                            writer.key("metric")
                            writer.labels(one.labels)
                            writer.key("values")
                            writer.array { writer in
                                for sample in one.samples {
                                    writer.point(
                                        sample.timestamp,
                                        PromQLNumber.text(sample.value)
                                    )
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

extension Timestamp {
    /// Seconds since 1970 as JSON, milliseconds as decimals without trailing zeros.
    var jsonSeconds: String {
        let whole = milliseconds / 1000
        let rest = abs(milliseconds % 1000)
        guard rest != 0 else { return "\(whole)" }
        var decimals = String(1000 + rest).dropFirst()
        while decimals.hasSuffix("0") { decimals.removeLast() }
        return "\(milliseconds < 0 && whole == 0 ? "-" : "")\(whole).\(decimals)"
    }
}
