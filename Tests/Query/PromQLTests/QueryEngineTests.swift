import Model
import PromQL
import PromQLSyntax
import Synchronization
import TestSupport
import Testing
import Timekeeping

@Suite struct QueryEngineTests {
    /// Random series of four metrics with gaps, resets, markers and NaN.
    static func randomSeries(seed: UInt64) -> SeriesList {
        var random = SeededGenerator(seed: seed)
        var series: [SeriesSamples] = []
        for metric in ["a_total", "b_total", "g", "h_bucket"] {
            for index in 0..<6 {
                var labels: LabelSet = [
                    "__name__": metric, "i": "\(index % 3)", "j": "\(index / 3)",
                ]
                if metric == "h_bucket" { labels["le"] = ["1", "2", "+Inf"][index % 3] }
                if metric == "h_bucket" { labels["i"] = "" }
                var value = 0.0
                var samples: [Sample] = []
                for tick in 0..<120 where random.next() % 10 > 1 {
                    switch random.next() % 40 {
                    case 0: value = 0
                    case 1 where metric == "g": value = .nan
                    case 2 where metric == "g": value = -5
                    default: value += Double(random.next() % 100) / 8
                    }
                    if value.isNaN, metric != "g" { value = 0 }
                    let isMarker = random.next() % 30 == 0
                    let jitter = Int64(random.next() % 3000)
                    samples.append(
                        Sample(
                            Timestamp(milliseconds: Int64(tick) * 15000 + jitter),
                            isMarker ? Staleness.marker : value
                        )
                    )
                    if value.isNaN { value = 1 }
                }
                series.append(
                    SeriesSamples(labels: labels, samples: samples, starts: starts(index, samples))
                )
            }
        }
        return SeriesList(series)
    }

    /// Start timestamps of some series: deltas, counters that begin anew, and what overlaps.
    private static func starts(_ index: Int, _ samples: [Sample]) -> StartTimes? {
        guard index % 2 == 1 else { return nil }
        return StartTimes(
            samples.enumerated().map { place, sample in
                let time = sample.timestamp.milliseconds
                let start =
                    switch index {
                    case 1: time / 200_000 * 200_000 - 7
                    case 3: place > 0 ? samples[place - 1].timestamp.milliseconds : 0
                    default: place % 9 == 0 ? time - 31_000 : time / 400_000 * 400_000
                    }
                return (time: time, start: start)
            }
        )
    }

    static let expressions = [
        "g", "g offset 1m", "g @ 900", "g @ end()", "rate(a_total[2m])", "increase(a_total[90s])",
        "irate(a_total[1m])", "delta(g[3m])", "deriv(g[3m])", "predict_linear(g[3m], 60)",
        "avg_over_time(g[2m])", "stddev_over_time(g[2m])", "quantile_over_time(0.3, g[4m])",
        "max_over_time(rate(a_total[1m])[5m:20s])", "changes(g[5m])", "resets(a_total[5m])",
        "sum by (i) (rate(a_total[1m]))", "avg(g)", "max without (j) (g)", "count(g > 3)",
        "stdvar(g)", "quantile(0.7, g)", "count_values(\"v\", round(g, 50))",
        "topk(2, a_total)", "bottomk by (j) (1, g)", "a_total / b_total",
        "a_total - ignoring (j) group_left sum by (i) (b_total)", "a_total > b_total",
        "a_total > bool on (i, j) b_total", "g and b_total", "g or a_total",
        "g unless b_total > 90",
        "g + fill (1) (b_total > 90)", "absent(g > 40)", "absent_over_time(g[5s])",
        "histogram_quantile(0.9, rate(h_bucket[2m]))",
        "label_replace(g, \"k\", \"$1\", \"i\", \"(.)\")",
        "scalar(sum(g)) + g", "timestamp(g)", "timestamp(-g)", "start_timestamp(a_total)",
        "clamp(g, 1, 30)", "-g", "hour(g)",
        "increase(a_total[1m] anchored)", "rate(a_total[1m] smoothed)", "g smoothed",
        "sum_over_time(g[2m:30s] @ 900 offset 10s)", "vector(time())", "g * 2 ^ 3 % 7",
    ]

    /// A range query is the instant queries at its steps.
    @Test(arguments: [1, 2, 3]) func rangeIsInstants(seed: UInt64) throws {
        let engine = QueryEngine(source: QueryEngineTests.randomSeries(seed: seed))
        let (start, end, step) = (Int64(600_000), Int64(1_200_000), Int64(23_000))
        for text in QueryEngineTests.expressions {
            // What end() means depends on the query.
            let expression = try PromQLParser.parse(
                text.replacing("end()", with: "\(Double(end) / 1000)")
            )
            let result = try engine.range(
                expression,
                from: Timestamp(milliseconds: start),
                through: Timestamp(milliseconds: end),
                step: .milliseconds(step)
            )
            guard case .matrix(let series) = result.value else {
                Issue.record("\(text) is no matrix")
                continue
            }
            #expect(series.map(\.labels) == series.map(\.labels).sorted(), "\(text) is sorted")
            for time in stride(from: start, through: end, by: Int64.Stride(step)) {
                let moment = Timestamp(milliseconds: time)
                let instant = try engine.instant(expression, at: moment)
                guard case .vector(let samples) = instant.value else {
                    Issue.record("\(text) is no vector")
                    break
                }
                let wanted = samples.map { "\($0.labels) \($0.value.bitPattern)" }.sorted()
                let got = series.compactMap { one in
                    one.samples.first { $0.timestamp == moment }
                        .map { "\(one.labels) \($0.value.bitPattern)" }
                }.sorted()
                #expect(got == wanted, "\(text) at \(time)")
            }
        }
    }

    /// Equal data give equal bits in equal order.
    @Test func evaluationIsDeterministic() throws {
        let source = QueryEngineTests.randomSeries(seed: 9)
        for text in QueryEngineTests.expressions {
            let expression = try PromQLParser.parse(text)
            let answers = try (0..<2).map { _ in
                try QueryEngine(source: source).instant(
                    expression,
                    at: Timestamp(milliseconds: 900_000)
                ).value
            }
            #expect("\(answers[0])" == "\(answers[1])", "\(text)")
        }
    }

    /// What the parser prints means the same.
    @Test func printedExpressionsMeanTheSame() throws {
        let engine = QueryEngine(source: QueryEngineTests.randomSeries(seed: 4))
        let moment = Timestamp(milliseconds: 900_000)
        for text in QueryEngineTests.expressions {
            let expression = try PromQLParser.parse(text)
            let again = try PromQLParser.parse(expression.printed)
            #expect(again == expression)
            let (a, b) = (
                try engine.instant(expression, at: moment).value,
                try engine.instant(again, at: moment).value
            )
            #expect("\(a)" == "\(b)", "\(text)")
        }
    }

    private func counter(_ values: [Double], step: Int64 = 60000) -> SeriesList {
        SeriesList([
            SeriesSamples(
                labels: ["__name__": "c"],
                samples: values.enumerated().map {
                    Sample(Timestamp(milliseconds: Int64($0.offset) * step), $0.element)
                }
            )
        ])
    }

    @Test func rangeVectorsGiveTheirSamples() throws {
        let engine = QueryEngine(source: counter([1, 2, Staleness.marker, 4]))
        func samples(_ text: String) throws -> [String] {
            let result = try engine.instant(
                try PromQLParser.parse(text),
                at: Timestamp(milliseconds: 180_000)
            )
            guard case .matrix(let series) = result.value else { return [] }
            return series.flatMap { one in
                one.samples.map { "\(one.labels) \($0.timestamp.seconds) \($0.value)" }
            }
        }
        // Open on the left, closed on the right, markers left out.
        #expect(try samples("c[3m]") == ["c 60.0 2.0", "c 180.0 4.0"])
        #expect(try samples("(c[3m] offset 1m)") == ["c 0.0 1.0", "c 60.0 2.0"])
        #expect(try samples("c[90s:45s]") == ["c 135.0 2.0", "c 180.0 4.0"].suffix(1))
        #expect(try samples("c[1m] anchored") == ["c 120.0 2.0", "c 180.0 4.0"])
        #expect(try samples("c[90s] smoothed") == ["c 90.0 2.5", "c 180.0 4.0"])
        #expect(try samples("d[5m]") == [])
    }

    @Test func limitsAreKept() throws {
        let source = counter(Array(repeating: 1, count: 1000), step: 1000)
        let engine = QueryEngine(source: source, sampleLimit: 100)
        let moment = Timestamp(milliseconds: 999_000)
        for text in [
            "sum_over_time(c[5m])", "max_over_time(vector(1)[1h:1s])", "vector(1)[200y:1ms]",
            "count_over_time(c[10s]) + max_over_time(c[105s])",
            "max_over_time(c[50s:1s]) + max_over_time(c[51s:1s])",
        ] {
            let expression = try PromQLParser.parse(text)
            #expect {
                _ = try engine.instant(expression, at: moment)
            } throws: { error in
                guard case QueryError.limit(let text) = error else { return false }
                return text.contains("too many samples") && text.contains("limit 100")
            }
        }
        _ = try engine.instant(try PromQLParser.parse("sum_over_time(c[90s])"), at: moment)
        #expect(throws: QueryError.self) {
            try engine.range(
                try PromQLParser.parse("1"),
                from: Timestamp(milliseconds: 0),
                through: moment,
                step: .milliseconds(1)
            )
        }
    }

    @Test func queriesCanBeCancelled() throws {
        let asked = Mutex(0)
        let settings = QuerySettings(isCancelled: {
            asked.withLock { count in
                count += 1
                return count > 2
            }
        })
        let engine = QueryEngine(source: counter([1, 2, 3]), settings: settings)
        #expect {
            _ = try engine.instant(
                try PromQLParser.parse("c + c + c + c"),
                at: Timestamp(milliseconds: 0)
            )
        } throws: { "\($0)" == "query timed out in expression evaluation" }
    }

    @Test func senselessQueriesAreRefused() throws {
        let engine = QueryEngine(source: counter([1, 2, 3]))
        let zero = Timestamp(milliseconds: 0)
        func range(_ text: String, _ end: Int64, _ step: Duration) throws {
            _ = try engine.range(
                try PromQLParser.parse(text),
                from: zero,
                through: Timestamp(milliseconds: end),
                step: step
            )
        }
        #expect(throws: QueryError.self) { try range("c", 1000, .zero) }
        #expect(throws: QueryError.self) { try range("c", -1, .seconds(1)) }
        #expect(throws: QueryError.self) { try range("c[5m]", 1000, .seconds(1)) }
        #expect(throws: QueryError.self) { try range("\"text\"", 1000, .seconds(1)) }
        for extreme in [Timestamp.distantPast, .distantFuture] {
            #expect(throws: QueryError.self) {
                _ = try engine.instant(try PromQLParser.parse("c[5m]"), at: extreme)
            }
        }
        // The edges of what is allowed do not trap.
        for text in [
            "c offset 290y", "c offset -290y", "c @ 2e15", "c @ -2e15 smoothed",
            "rate(c[290y] @ -2e15)", "max_over_time(c[290y:290y] @ 2e15)", "year(c * 1e300)",
            "round(c, 0)", "topk(9e18, c)", "c[290y:1ms] @ 2e15",
        ] {
            _ = try? engine.instant(try PromQLParser.parse(text), at: zero)
        }
    }

    /// The deepest expression the parser lets through can be evaluated.
    @Test func deepExpressionsAreEvaluated() throws {
        let engine = QueryEngine(source: counter([1]))
        let zero = Timestamp(milliseconds: 0)
        let depth = PromQLParser.depthMax - 2
        for text in [
            String(repeating: "(", count: depth) + "c" + String(repeating: ")", count: depth),
            String(repeating: "abs(", count: depth) + "c" + String(repeating: ")", count: depth),
            String(repeating: "sum(", count: depth) + "c" + String(repeating: ")", count: depth),
            Array(repeating: "c", count: depth).joined(separator: " + "),
        ] {
            let result = try engine.instant(try PromQLParser.parse(text), at: zero)
            guard case .vector(let samples) = result.value else {
                Issue.record("no vector")
                return
            }
            #expect(samples.count == 1)
        }
    }

    @Test func namesCanBeDroppedAtOnce() throws {
        let source = SeriesList([
            SeriesSamples(
                labels: ["__name__": "a", "x": "1"],
                samples: [Sample(Timestamp(milliseconds: 0), 1)]
            ),
            SeriesSamples(
                labels: ["__name__": "b", "x": "1"],
                samples: [Sample(Timestamp(milliseconds: 0), 2)]
            ),
        ])
        let expression = try PromQLParser.parse(
            "sum by (__name__) (abs({__name__=~\"a|b\"}))"
        )
        let zero = Timestamp(milliseconds: 0)
        var settings = QuerySettings()
        settings.delaysNameRemoval = false
        // At once, the two series collide; delayed, the grouping still sees both names.
        #expect(throws: QueryError.self) {
            try QueryEngine(source: source, settings: settings).instant(expression, at: zero)
        }
        #expect(throws: QueryError.self) {
            try QueryEngine(source: source).instant(expression, at: zero)
        }
        let renamed = try PromQLParser.parse(
            "label_replace(abs({__name__=~\"a|b\"}), \"n\", \"$1\", \"__name__\", \"(.*)\")"
        )
        let result = try QueryEngine(source: source).instant(renamed, at: zero)
        guard case .vector(let samples) = result.value else { return }
        #expect(samples.map(\.labels) == [["n": "a", "x": "1"], ["n": "b", "x": "1"]])
    }

    /// Equal labels whose values never meet: functions of ranges refuse them where names are dropped at once.
    @Test func seriesThatTakeTurns() throws {
        let source = SeriesList(
            [("a", 0), ("b", 60)].map { name, second in
                SeriesSamples(
                    labels: ["__name__": name, "x": "1"],
                    samples: [Sample(Timestamp(milliseconds: second * 1000), 1)]
                )
            }
        )
        func answer(_ text: String, delayed: Bool) throws -> Int? {
            var settings = QuerySettings(lookback: .seconds(30))
            settings.delaysNameRemoval = delayed
            let engine = QueryEngine(source: source, settings: settings)
            let result = try? engine.range(
                try PromQLParser.parse(text),
                from: Timestamp(milliseconds: 0),
                through: Timestamp(milliseconds: 60_000),
                step: .seconds(60)
            )
            guard case .matrix(let series) = result?.value else { return nil }
            return series.count
        }
        let instant = "abs({__name__=~'a|b'})"
        let ranged = "sum_over_time({__name__=~'a|b'}[30s])"
        #expect(try answer(instant, delayed: true) == 1)
        #expect(try answer(instant, delayed: false) == 1)
        #expect(try answer(ranged, delayed: true) == 1)
        #expect(try answer(ranged, delayed: false) == nil)
    }

    @Test func annotationsAreCapped() throws {
        var series: [SeriesSamples] = []
        for index in 0..<15 {
            let samples = [0, 60].map { Sample(Timestamp(milliseconds: $0 * 1000), 1) }
            series.append(
                SeriesSamples(labels: ["__name__": "gauge_\(index)"], samples: samples)
            )
        }
        let rate = try PromQLParser.parse("rate({__name__=~'gauge_.*'}[5m])")
        let quantile = try PromQLParser.parse("histogram_quantile(2, {__name__=~'gauge_.*'})")
        var settings = QuerySettings()
        let moment = Timestamp(milliseconds: 60_000)
        // Ten and the rest in a number, as the HTTP API answers them.
        var engine = QueryEngine(source: SeriesList(series), settings: settings)
        let labels = try PromQLParser.parse("count(rate({__name__=~'gauge_.*'}[5m]))")
        var result = try engine.instant(labels, at: moment)
        #expect(result.infos.count == 11)
        #expect(result.infos.last == "5 more info annotations omitted")
        result = try engine.instant(quantile, at: moment)
        #expect(result.warnings.count == 11)
        #expect(result.warnings.first?.contains("quantile value should be") == true)
        #expect(result.warnings.last == "6 more warning annotations omitted")
        settings.annotationsMax = 100
        engine = QueryEngine(source: SeriesList(series), settings: settings)
        #expect(try engine.instant(labels, at: moment).infos.count == 15)
        // Each text once, however many steps it arises at.
        settings.annotationsMax = 10
        engine = QueryEngine(source: SeriesList(Array(series.prefix(1))), settings: settings)
        let ranged = try engine.range(
            rate,
            from: Timestamp(milliseconds: 60_000),
            through: Timestamp(milliseconds: 120_000),
            step: .seconds(10)
        )
        #expect(
            ranged.infos == [
                "PromQL info: metric might not be a counter, name does not end in "
                    + "_total/_sum/_count/_bucket: \"gauge_0\" (1:6)"
            ]
        )
    }
}
