import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct LogLabelTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var field = "v"
        var mapping: LogMetricDefinition.Mapping
        /// Values and the labels that they become.
        var values: [(String, String)]
    }

    static let cases = [
        Case(
            testDescription: "the class of a status",
            mapping: .statusClass,
            values: [("200", "2xx"), ("503", "5xx"), ("600", "600"), ("50", "50"), ("", "")]
        ),
        Case(
            testDescription: "the first route that fits",
            mapping: .route(
                patterns: ["/orders/{id}", "/orders/new", "/static/*", "/"],
                other: "other"
            ),
            values: [
                ("/orders/17?x=1", "/orders/{id}"), ("/orders/new", "/orders/{id}"),
                ("/static/a/b.js", "/static/*"), ("/static", "/static/*"), ("/", "/"),
                ("/orders/1/items", "other"), ("", ""),
            ]
        ),
        Case(
            testDescription: "ids found by their looks",
            mapping: .route(patterns: [], other: ""),
            values: [
                ("/api/v2/orders/17/items", "/api/v2/orders/{id}/items"),
                ("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301#top", "/u/{id}"),
                ("/blog/hello-world", "/blog/hello-world"), ("/a//b/", "/a/b"),
            ]
        ),
        Case(
            testDescription: "a table with names and expressions",
            mapping: .table(
                [
                    .init(value: "warning", label: "warn"),
                    .init(value: "/(?i)err.*/", label: "error"),
                    .init(value: "/", label: "slash"),
                ],
                other: "info"
            ),
            values: [
                ("warning", "warn"), ("ERROR", "error"), ("/", "slash"), ("debug", "info"),
                ("", "info"),
            ]
        ),
        Case(
            testDescription: "a table that leaves others alone",
            mapping: .table([.init(value: "a", label: "b")], other: nil),
            values: [("a", "b"), ("c", "c")]
        ),
        Case(
            testDescription: "a template",
            field: "{{ v }} on {{kubernetes.pod}}{{",
            mapping: .template,
            values: [("GET", "GET on web-1{{")]
        ),
    ]

    @Test(arguments: cases) func labels(_ one: Case) throws {
        for (value, expected) in one.values {
            let store = RecordingStore()
            let metrics = LogMetrics(
                clock: ManualClock(),
                metrics: MetricsRegistry(),
                log: .silent
            )
            try metrics.load([
                LogMetricDefinition(
                    name: "m",
                    labels: [.init(label: "l", field: one.field, mapping: one.mapping)],
                    location: LogPreparationTests.place
                )
            ])
            metrics.count(
                [
                    LogRecord(
                        tag: "t",
                        eventTime: Timestamp(milliseconds: 0),
                        arrivalTime: Timestamp(milliseconds: 0),
                        fields: [
                            ("v", .string(value)),
                            (
                                "kubernetes",
                                .object([("pod", .object([("name", .string("web-1"))]))])
                            ),
                        ]
                    )
                ],
                into: store
            )
            #expect(store.series.keys.map { $0["l"] } == [expected], "\(value)")
        }
    }

    @Test func aTableWithABadExpressionIsNotLoaded() {
        let metrics = LogMetrics(clock: ManualClock(), metrics: MetricsRegistry(), log: .silent)
        #expect(throws: LogMetricProblems.self) {
            try metrics.load([
                LogMetricDefinition(
                    name: "m",
                    labels: [
                        .init(
                            label: "l",
                            field: "v",
                            mapping: .table([.init(value: "/(/", label: "x")], other: nil)
                        )
                    ],
                    location: LogPreparationTests.place
                )
            ])
        }
    }

    struct Quantity: CustomTestStringConvertible, Sendable {
        var unit: LogValueUnit
        var value: LogValue
        var expected: Double?
        var testDescription: String { "\(value.text) in \(unit.rawValue)" }
    }

    static let quantities = [
        Quantity(unit: .milliseconds, value: .integer(153), expected: 0.153),
        Quantity(unit: .microseconds, value: .string("250"), expected: 0.00025),
        Quantity(unit: .nanoseconds, value: .integer(1_500_000), expected: 0.0015),
        Quantity(unit: .minutes, value: .number(1.5), expected: 90),
        Quantity(unit: .duration, value: .string("1.5ms"), expected: 0.0015),
        Quantity(unit: .duration, value: .string("1h2m3.5s"), expected: 3723.5),
        Quantity(unit: .duration, value: .string("250µs"), expected: 0.00025),
        Quantity(unit: .duration, value: .string("12 ms"), expected: 0.012),
        Quantity(unit: .duration, value: .string("2"), expected: 2),
        Quantity(unit: .duration, value: .string("-1s"), expected: -1),
        Quantity(unit: .duration, value: .string("fast"), expected: nil),
        Quantity(unit: .duration, value: .string("1x"), expected: nil),
        Quantity(unit: .duration, value: .string(""), expected: nil),
        Quantity(unit: .size, value: .string("12KiB"), expected: 12288),
        Quantity(unit: .size, value: .string("1.5 MB"), expected: 1_500_000),
        Quantity(unit: .size, value: .string("7"), expected: 7),
        Quantity(unit: .size, value: .string("big"), expected: nil),
        Quantity(unit: .kibibytes, value: .integer(2), expected: 2048),
        Quantity(unit: .percent, value: .string("12.5%"), expected: 0.125),
        Quantity(unit: .percent, value: .integer(50), expected: 0.5),
    ]

    @Test(arguments: quantities) func valuesAreInBaseUnits(_ one: Quantity) {
        #expect(one.unit.convert(one.value) == one.expected)
    }
}
