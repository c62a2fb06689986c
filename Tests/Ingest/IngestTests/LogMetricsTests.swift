import Foundation
import Ingest
import Matching
import MetricStore
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct LogMetricsTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_500))
    let store = RecordingStore()
    let registry = MetricsRegistry()

    static let place = SourceLocation(file: "rules.yaml", line: 3, column: 5)

    func logMetrics(
        _ definitions: [LogMetricDefinition],
        settings: LogMetricSettings = LogMetricSettings(),
        log: Log = .silent
    ) throws -> LogMetrics {
        let made = LogMetrics(settings: settings, clock: clock, metrics: registry, log: log)
        try made.load(definitions)
        return made
    }

    func record(
        _ fields: [(name: String, value: LogValue)],
        event: Timestamp? = nil
    ) -> LogRecord {
        let now = clock.now()
        return LogRecord(
            tag: "t",
            eventTime: event ?? now,
            arrivalTime: now,
            fields: fields
        )
    }

    func line(_ text: String, event: Timestamp? = nil) -> LogRecord {
        record([("log", .string(text))], event: event)
    }

    func counter(_ name: String, _ labels: [(name: String, value: String)]) -> Int {
        registry.counter(name, help: "", labels: labels).value
    }

    // MARK: Matching and parsing

    struct Match: Sendable, CustomTestStringConvertible {
        var what: String
        var definition: LogMetricDefinition
        var fields: [(name: String, value: LogValue)]
        var labels: LabelSet?
        var testDescription: String { what }
    }

    static func metric(
        from: [String: String] = [:],
        _ parser: LogMetricDefinition.Parser = .none,
        field: String? = nil,
        where conditions: [(String, LogMetricDefinition.Comparison, String)] = [],
        labels: [String] = [],
        kind: LogMetricDefinition.Kind = .counter(value: nil),
        seriesMax: Int = 1000,
        eventTime: Bool = false
    ) -> LogMetricDefinition {
        LogMetricDefinition(
            name: "m",
            from: from,
            parser: parser,
            parseField: field,
            conditions: conditions.map {
                LogMetricDefinition.Condition(field: $0, comparison: $1, value: $2)
            },
            labels: labels.map {
                LogMetricDefinition.LabelSource(
                    label: $0.replacingOccurrences(of: ".", with: "_"),
                    field: $0
                )
            },
            kind: kind,
            seriesMax: seriesMax,
            usesEventTime: eventTime,
            location: place
        )
    }

    static let combined =
        #"83.149.9.216 - bob smith [17/May/2015:10:05:03 +0000] "GET /a/b?x=1 HTTP/1.1" 404 203 "#
        + #""http://r/\"q\"" "Mozilla/5.0 (X11)""#

    static let matches: [Match] = [
        Match(
            what: "no condition counts everything",
            definition: metric(),
            fields: [("a", .null)],
            labels: ["__name__": "m"]
        ),
        Match(
            what: "from: flat name with dots",
            definition: metric(from: ["kubernetes.container_name": "nginx"]),
            fields: [("kubernetes.container_name", .string("nginx"))],
            labels: ["__name__": "m"]
        ),
        Match(
            what: "from: nested",
            definition: metric(from: ["kubernetes.container_name": "nginx"]),
            fields: [("kubernetes", .object([("container_name", .string("nginx"))]))],
            labels: ["__name__": "m"]
        ),
        Match(
            what: "from: dotted name inside an object",
            definition: metric(from: ["kubernetes.labels.app.kubernetes.io/name": "api"]),
            fields: [
                (
                    "kubernetes",
                    .object([("labels", .object([("app.kubernetes.io/name", .string("api"))]))])
                )
            ],
            labels: ["__name__": "m"]
        ),
        Match(
            what: "from: another value",
            definition: metric(from: ["kubernetes.container_name": "nginx"]),
            fields: [("kubernetes", .object([("container_name", .string("api"))]))],
            labels: nil
        ),
        Match(
            what: "json in log",
            definition: metric(
                .json,
                where: [("status", .greaterOrEqual, "500")],
                labels: ["status", "http.method"]
            ),
            fields: [("log", .string("{\"status\":503,\"http\":{\"method\":\"GET\"}}\n"))],
            labels: ["__name__": "m", "status": "503", "http_method": "GET"]
        ),
        Match(
            what: "json already parsed by the shipper",
            definition: metric(
                .json,
                where: [("status", .greaterOrEqual, "500")],
                labels: ["status"]
            ),
            fields: [("status", .integer(500))],
            labels: ["__name__": "m", "status": "500"]
        ),
        Match(
            what: "json as an object under the text's name",
            definition: metric(.json, labels: ["status"]),
            fields: [("log", .object([("status", .string("200"))]))],
            labels: ["__name__": "m", "status": "200"]
        ),
        Match(
            what: "json condition that fails",
            definition: metric(.json, where: [("status", .greaterOrEqual, "500")]),
            fields: [("log", .string("{\"status\":404}"))],
            labels: nil
        ),
        Match(
            what: "json in a named field",
            definition: metric(.json, field: "payload.body", labels: ["a"]),
            fields: [("payload", .object([("body", .string("{\"a\":true}"))]))],
            labels: ["__name__": "m", "a": "true"]
        ),
        Match(
            what: "broken json",
            definition: metric(.json),
            fields: [("log", .string("{\"a\":1"))],
            labels: nil
        ),
        Match(
            what: "text where json is wanted",
            definition: metric(.json),
            fields: [("message", .string("hello"))],
            labels: nil
        ),
        Match(
            what: "logfmt",
            definition: metric(
                .logfmt,
                where: [("level", .equal, "error")],
                labels: ["path", "ok", "msg"]
            ),
            fields: [("message", .string(#"level=error path=/a msg="a \"b\" c" ok"#))],
            labels: ["__name__": "m", "path": "/a", "ok": "true", "msg": "a \"b\" c"]
        ),
        Match(
            what: "logfmt without a pair",
            definition: metric(.logfmt),
            fields: [("message", .string("just words"))],
            labels: nil
        ),
        Match(
            what: "combined",
            definition: metric(
                .combined,
                labels: [
                    "status", "method", "path", "protocol", "remote_user", "bytes", "referer",
                    "user_agent",
                ]
            ),
            fields: [("log", .string(combined))],
            labels: [
                "__name__": "m", "status": "404", "method": "GET", "path": "/a/b",
                "protocol": "HTTP/1.1", "remote_user": "bob smith", "bytes": "203",
                "referer": "http://r/\"q\"", "user_agent": "Mozilla/5.0 (X11)",
            ]
        ),
        Match(
            what: "common format and a request that is none",
            definition: metric(.combined, labels: ["status", "method", "request", "bytes"]),
            fields: [("log", .string(#"::1 - - [17/May/2015:10:05:03 +0000] "\x16\x03" 400 -"#))],
            labels: ["__name__": "m", "status": "400", "request": "\\x16\\x03", "bytes": "0"]
        ),
        Match(
            what: "ingress-nginx with lengths and times",
            definition: metric(.combined, labels: ["request_length", "request_time"]),
            fields: [("log", .string(combined + " 512 0.250 [default-api-80] []"))],
            labels: ["__name__": "m", "request_length": "512", "request_time": "0.25"]
        ),
        Match(
            what: "request time alone behind combined",
            definition: metric(.combined, labels: ["request_length", "request_time"]),
            fields: [("log", .string(combined + " 0.250"))],
            labels: ["__name__": "m", "request_time": "0.25"]
        ),
        Match(
            what: "a line that is no access log",
            definition: metric(.combined),
            fields: [("log", .string("starting worker process 17"))],
            labels: nil
        ),
        Match(
            what: "regex groups",
            definition: metric(
                .regex(#"took (?P<ms>\d+)ms(?: by (?P<who>\w+))?"#),
                where: [("ms", .greater, "100")],
                labels: ["ms", "who"]
            ),
            fields: [("msg", .string("query took 250ms now"))],
            labels: ["__name__": "m", "ms": "250"]
        ),
        Match(
            what: "regex that does not match",
            definition: metric(.regex(#"took (?P<ms>\d+)ms"#)),
            fields: [("msg", .string("quick"))],
            labels: nil
        ),
        Match(
            what: "a label of the record beside parsed fields",
            definition: metric(.json, labels: ["a", "kubernetes.namespace_name"]),
            fields: [
                ("log", .string("{\"a\":1.5}")),
                ("kubernetes", .object([("namespace_name", .string("prod"))])),
            ],
            labels: ["__name__": "m", "a": "1.5", "kubernetes_namespace_name": "prod"]
        ),
    ]

    @Test(arguments: matches)
    func judges(_ test: Match) throws {
        let metrics = try logMetrics([test.definition])
        metrics.count([record(test.fields)], into: store)
        #expect(Set(store.series.keys) == Set([test.labels].compactMap { $0 }))
        if let labels = test.labels { #expect(store.value(labels) == 1) }
    }

    struct Condition: Sendable, CustomTestStringConvertible {
        var value: LogValue?
        var comparison: LogMetricDefinition.Comparison
        var other: String
        var holds: Bool
        var testDescription: String { "\(String(describing: value)) \(comparison) \(other)" }

        init(
            _ value: LogValue?,
            _ comparison: LogMetricDefinition.Comparison,
            _ other: String,
            _ holds: Bool
        ) {
            (self.value, self.comparison, self.other, self.holds) = (
                value, comparison, other, holds
            )
        }
    }

    @Test(arguments: [
        Condition(.integer(500), .equal, "500", true),
        Condition(.string("500.0"), .equal, "500", true),
        Condition(.string("abc"), .equal, "abc", true),
        Condition(.string("abc"), .notEqual, "abd", true),
        Condition(nil, .equal, "", true),
        Condition(nil, .notEqual, "x", true),
        Condition(.integer(9), .less, "10", true),
        Condition(.string("9"), .less, "10", true),
        Condition(.string("9"), .less, "x", true),
        Condition(.string("b"), .greater, "a", true),
        Condition(.string("b"), .greater, "10", false),
        Condition(nil, .less, "10", false),
        Condition(nil, .greaterOrEqual, "", false),
        Condition(.number(10), .greaterOrEqual, "10", true),
        Condition(.number(10), .lessOrEqual, "10", true),
        Condition(.string("GET"), .matches, "GET|POST", true),
        Condition(.string("GETX"), .matches, "GET|POST", false),
        Condition(.string("GETX"), .doesNotMatch, "GET|POST", true),
        Condition(.integer(503), .matches, "5..", true),
        Condition(nil, .matches, ".*", true),
        Condition(.bool(true), .equal, "true", true),
    ])
    func compares(_ test: Condition) throws {
        let metrics = try logMetrics([Self.metric(where: [("f", test.comparison, test.other)])])
        metrics.count([record(test.value.map { [("f", $0)] } ?? [])], into: store)
        #expect(store.series.isEmpty == !test.holds)
    }

    // MARK: Counting

    @Test func aCounterBeginsWithZeroAHeartbeatBeforeItsFirstCount() throws {
        let metrics = try logMetrics([Self.metric()])
        metrics.count([line("a"), line("b")], into: store)
        #expect(
            store.series[["__name__": "m"]]?.points == [
                1_699_999_985_001: 0, 1_700_000_000_001: 2,
            ]
        )
    }

    @Test func aSlotIsRevisedInPlaceAndTheNextGetsASampleOfItsOwn() throws {
        let metrics = try logMetrics([Self.metric()])
        metrics.count([line("a")], into: store)
        clock.advance(by: .milliseconds(100))
        metrics.count([line("a")], into: store)
        clock.set(Timestamp(milliseconds: 1_700_000_001_000))
        metrics.count([line("a")], into: store)
        clock.set(Timestamp(milliseconds: 1_700_000_001_001))
        metrics.count([line("a")], into: store)
        #expect(
            store.series[["__name__": "m"]]?.points == [
                1_699_999_985_001: 0, 1_700_000_000_001: 3, 1_700_000_001_001: 4,
            ]
        )
    }

    @Test func eventTimesGetTheirOwnSlots() throws {
        let metrics = try logMetrics([Self.metric(eventTime: true)])
        let now = clock.now()
        // Out of order within the batch is not late; behind an earlier batch it is.
        metrics.count(
            [
                line("a", event: now - .seconds(3)), line("b", event: now - .seconds(5)),
                line("c", event: now - .seconds(3)),
            ],
            into: store
        )
        #expect(
            store.series[["__name__": "m"]]?.points == [
                1_699_999_980_001: 0, 1_699_999_995_001: 1, 1_699_999_997_001: 3,
            ]
        )
        #expect(counter("tocsin_log_metric_late", [("metric", "m")]) == 0)
        metrics.count(
            [line("d", event: now - .seconds(60)), line("e", event: now - .seconds(2))],
            into: store
        )
        #expect(
            store.series[["__name__": "m"]]?.points == [
                1_699_999_980_001: 0, 1_699_999_995_001: 1, 1_699_999_997_001: 4,
                1_699_999_998_001: 5,
            ]
        )
        #expect(counter("tocsin_log_metric_late", [("metric", "m")]) == 1)
    }

    @Test func eventTimesOutsideTheWindowBecomeTheArrival() throws {
        let metrics = try logMetrics([Self.metric(eventTime: true)])
        let now = clock.now()
        metrics.count(
            [line("old", event: now - .seconds(100_000)), line("ahead", event: now + .seconds(5))],
            into: store
        )
        #expect(store.value(["__name__": "m"]) == 2)
        #expect(
            store.series[["__name__": "m"]]?.points.keys.max() == 1_700_000_000_001
        )
        #expect(counter("tocsin_log_metric_late", [("metric", "m")]) == 1)
    }

    @Test func aClockThatStepsBackKeepsTimestampsInOrder() throws {
        let metrics = try logMetrics([Self.metric()])
        metrics.count([line("a")], into: store)
        clock.set(Timestamp(milliseconds: 1_699_999_900_000))
        metrics.count([line("b")], into: store)
        #expect(store.value(["__name__": "m"]) == 2)
        #expect(store.series[["__name__": "m"]]?.points.count == 2)
    }

    @Test func addsUpValuesAndRefusesWhatIsNoAmount() throws {
        let metrics = try logMetrics([Self.metric(kind: .counter(value: "bytes"))])
        metrics.count(
            [
                record([("bytes", .integer(10))]), record([("bytes", .string("2.5"))]),
                record([("bytes", .integer(-1))]), record([("bytes", .string("many"))]), record([]),
                record([("bytes", .string("nan"))]), record([("bytes", .string("inf"))]),
            ],
            into: store
        )
        #expect(store.value(["__name__": "m"]) == 12.5)
        #expect(counter("tocsin_log_metric_unparsed", [("metric", "m")]) == 5)
        #expect(counter("tocsin_log_metric_records", [("metric", "m")]) == 2)
    }

    @Test func histogramsAreCumulative() throws {
        let metrics = try logMetrics([
            Self.metric(labels: ["p"], kind: .histogram(value: "t", bounds: [0.1, 0.5, 1]))
        ])
        for value in [0.05, 0.1, 0.3, 0.7, 5] {
            metrics.count([record([("t", .number(value)), ("p", .string("/"))])], into: store)
        }
        func bucket(_ bound: String) -> Double? {
            store.value(["__name__": "m_bucket", "le": bound, "p": "/"])
        }
        #expect([bucket("0.1"), bucket("0.5"), bucket("1"), bucket("+Inf")] == [2, 3, 4, 5])
        #expect(store.value(["__name__": "m_count", "p": "/"]) == 5)
        #expect(abs((store.value(["__name__": "m_sum", "p": "/"]) ?? 0) - 6.15) < 1e-12)
        #expect(store.series.count == 6)
        #expect(store.series.values.allSatisfy { $0.points.values.contains(0) })
    }

    @Test func gaugesKeepTheNewestAndHaveNoZero() throws {
        let metrics = try logMetrics([Self.metric(kind: .gauge(value: "v"), eventTime: true)])
        let now = clock.now()
        metrics.count(
            [
                record([("v", .integer(7))], event: now),
                record([("v", .integer(5))], event: now - .seconds(9)),
            ],
            into: store
        )
        metrics.count([record([("v", .integer(6))], event: now - .seconds(5))], into: store)
        #expect(
            store.series[["__name__": "m"]]?.points == [1_699_999_991_001: 5, 1_700_000_000_001: 7]
        )
    }

    @Test func quietSeriesRepeatThemselvesUntilTheyAreForgotten() throws {
        let metrics = try logMetrics(
            [Self.metric(labels: ["a"])],
            settings: LogMetricSettings(idleMax: .seconds(60))
        )
        metrics.count([record([("a", .string("x"))])], into: store)
        metrics.tick(into: store)
        let labels: LabelSet = ["__name__": "m", "a": "x"]
        #expect(store.series[labels]?.points.count == 2)
        for _ in 0..<4 {
            clock.advance(by: .seconds(15))
            metrics.tick(into: store)
        }
        #expect(store.series[labels]?.points.count == 6)
        #expect(store.value(labels) == 1)
        clock.advance(by: .seconds(15))
        metrics.tick(into: store)
        #expect(store.series[labels]?.points.count == 6)
        metrics.count([record([("a", .string("x"))])], into: store)
        #expect(store.value(labels) == 1)
    }

    @Test func aLateZeroNeverLandsBehindWhatIsInTheRings() throws {
        let first = try logMetrics([Self.metric()])
        first.count([line("a"), line("a")], into: store)
        clock.advance(by: .seconds(5))
        // A new process knows nothing of the totals.
        let second = try logMetrics([Self.metric()])
        second.count([line("a")], into: store)
        #expect(
            store.series[["__name__": "m"]]?.points == [
                1_699_999_985_001: 0, 1_700_000_000_001: 2, 1_700_000_005_001: 1,
            ]
        )
        #expect(counter("tocsin_log_metric_samples_refused", [("cause", "out_of_order")]) == 0)
    }

    // MARK: Cardinality

    @Test func newValuesFoldIntoOtherPastTheLimit() throws {
        let warnings = Mutex<[String]>([])
        let log = Log(component: "ingest", clock: clock) { line in
            warnings.withLock { $0.append(line) }
        }
        let metrics = try logMetrics(
            [Self.metric(labels: ["status", "path"], seriesMax: 20)],
            log: log
        )
        for number in 0..<500 {
            metrics.count(
                [
                    record([
                        ("status", .integer(200 + Int64(number % 2))),
                        ("path", .string("/\(number)")),
                    ])
                ],
                into: store
            )
        }
        // 20 whole ones, and on top one `other` a status.
        #expect(store.series.count == 22)
        let total = store.series.keys.reduce(0) { $0 + (store.value($1) ?? 0) }
        #expect(total == 500)
        #expect(store.value(["__name__": "m", "status": "200", "path": "other"]) == 240)
        #expect(counter("tocsin_log_metric_series_dropped", [("metric", "m")]) == 480)
        let seen = warnings.withLock { $0 }
        #expect(seen.count == 1)
        #expect(seen.first?.contains("label=path") == true)
        #expect(seen.first?.contains("max_series=20") == true)
    }

    @Test func theFoldIsBoundedTooWhenEveryLabelExplodes() throws {
        let metrics = try logMetrics([Self.metric(labels: ["a", "b"], seriesMax: 50)])
        for number in 0..<5000 {
            metrics.count(
                [record([("a", .string("a\(number)")), ("b", .string("b\(number)"))])],
                into: store
            )
        }
        #expect(store.series.count <= 50 + 5 + 1)
        #expect(store.series.keys.reduce(0) { $0 + (store.value($1) ?? 0) } == 5000)
        #expect((store.value(["__name__": "m", "a": "other", "b": "other"]) ?? 0) > 4000)
    }

    @Test func longLabelValuesAreCutBetweenCharacters() throws {
        let metrics = try logMetrics(
            [Self.metric(labels: ["a"])],
            settings: LogMetricSettings(labelValueBytesMax: 5)
        )
        metrics.count([record([("a", .string("ab€€"))])], into: store)
        #expect(store.value(["__name__": "m", "a": "ab€"]) == 1)
        metrics.count([record([("a", .string("abc€€"))])], into: store)
        #expect(store.value(["__name__": "m", "a": "abc"]) == 1)
    }

    // MARK: Loading

    @Test func aReloadKeepsTotals() throws {
        let metrics = try logMetrics([Self.metric(labels: ["a"])])
        metrics.count([record([("a", .string("x"))])], into: store)
        try metrics.load([
            Self.metric(where: [("b", .equal, "")], labels: ["a"], seriesMax: 5)
        ])
        metrics.count([record([("a", .string("x"))])], into: store)
        #expect(store.value(["__name__": "m", "a": "x"]) == 2)
        try metrics.load([])
        metrics.count([record([("a", .string("x"))])], into: store)
        #expect(store.value(["__name__": "m", "a": "x"]) == 2)
    }

    @Test func aRecordThatOneOfTheDefinitionsReadsIsNotUnparsed() throws {
        let metrics = try logMetrics([
            Self.metric(.json, where: [("status", .greaterOrEqual, "100")], labels: ["status"]),
            Self.metric(.combined, labels: ["status"]),
        ])
        metrics.count(
            [
                line(#"{"status":200}"#), line(Self.combined), line(#"{"status":1}"#),
                line("neither"),
            ],
            into: store
        )
        #expect(store.value(["__name__": "m", "status": "200"]) == 1)
        #expect(store.value(["__name__": "m", "status": "404"]) == 1)
        #expect(counter("tocsin_log_metric_unparsed", [("metric", "m")]) == 1)
    }

    @Test func theRealStoreKeepsOneSampleASlot() throws {
        let real = MetricStore(clock: clock, metrics: registry)
        real.start()
        defer { real.stop() }
        let metrics = try logMetrics([Self.metric(labels: ["a"])])
        for _ in 0..<5 {
            metrics.count([record([("a", .string("x"))])], into: real)
            clock.advance(by: .milliseconds(400))
        }
        // A restart 15 s after a beat: the 0 falls on a sample that is there already, which is no news.
        clock.set(Timestamp(milliseconds: 1_700_000_017_001))
        let next = try logMetrics([Self.metric(labels: ["a"])])
        next.count([record([("a", .string("x"))])], into: real)
        let now = clock.now()
        let found = try real.select(
            SeriesSelection(
                matchers: [LabelMatcher("__name__", equals: "m")],
                range: TimeRange(after: now - .seconds(300), through: now)
            ),
            sampleLimit: 1000
        )
        #expect(found.count == 1)
        #expect(
            found.first?.samples.map { [Double($0.timestamp.milliseconds), $0.value] } == [
                [1_699_999_985_001, 0], [1_700_000_000_001, 2], [1_700_000_001_001, 4],
                [1_700_000_002_001, 5], [1_700_000_017_001, 1],
            ]
        )
        for cause in ["out_of_order", "duplicate_timestamp"] {
            #expect(counter("tocsin_log_metric_samples_refused", [("cause", cause)]) == 0)
        }
    }

    @Test func twoDefinitionsOfOneMetricFeedTheSameSeries() throws {
        let metrics = try logMetrics([
            Self.metric(from: ["app": "a"], labels: ["s"]),
            Self.metric(from: ["app": "b"], labels: ["s"]),
        ])
        metrics.count(
            [
                record([("app", .string("a")), ("s", .integer(1))]),
                record([("app", .string("b")), ("s", .integer(1))]),
            ],
            into: store
        )
        #expect(store.value(["__name__": "m", "s": "1"]) == 2)
    }

    @Test func everyProblemIsNamedAtOnce() throws {
        var bad = Self.metric(
            .regex("(unclosed"),
            where: [("f", .matches, "[")],
            labels: ["le", "a-b", "x", "x"],
            kind: .histogram(value: "v", bounds: [1, 1]),
            seriesMax: 0
        )
        bad.name = "1bad"
        let error = #expect(throws: LogMetricProblems.self) {
            try logMetrics([
                bad, Self.metric(.regex("no groups")), Self.metric(labels: ["a"]), Self.metric(),
            ])
        }
        let text = error?.description ?? ""
        for part in [
            "rules.yaml:3:5: log metric \"1bad\": invalid name", "label name \"a-b\"",
            "\"le\" already",
            "\"x\" is given twice", "max_series", "(unclosed", "where f:", "buckets",
            "no named group",
            "already defined at rules.yaml:3:5",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    // MARK: Real lines

    @Test func countsOfARealAccessLogEqualANaiveCount() throws {
        let path = "../shared/data/logs/apache_logs"
        var lines: [String]
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            lines = text.split(separator: "\n").map(String.init)
        } else {
            print("skip: \(path) is absent; counting lines made here instead")
            var random = SeededGenerator(seed: 4)
            lines = (0..<2000).map { number in
                let status = [200, 200, 200, 304, 404, 500].randomElement(using: &random) ?? 200
                return "10.0.0.\(number % 250) - - [17/May/2015:10:05:03 +0000] "
                    + "\"GET /p/\(number % 7) HTTP/1.1\" \(status) 123 \"-\" \"agent\""
            }
        }
        let expression = try Regex(#"" (\d{3}) (?:\d+|-) ""#)
        var expected: [String: Double] = [:]
        for line in lines {
            if let match = line.firstMatch(of: expression), let status = match.output[1].substring {
                expected[String(status), default: 0] += 1
            }
        }
        let metrics = try logMetrics([Self.metric(.combined, labels: ["status"])])
        for start in stride(from: 0, to: lines.count, by: 137) {
            clock.advance(by: .milliseconds(10))
            metrics.count(
                lines[start..<min(start + 137, lines.count)].map { line($0) },
                into: store
            )
        }
        var counted: [String: Double] = [:]
        for labels in store.series.keys { counted[labels["status"]] = store.value(labels) }
        #expect(counted == expected)
        #expect(counted.values.reduce(0, +) == Double(lines.count))
    }
}
