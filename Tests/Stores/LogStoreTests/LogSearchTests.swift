import LogStore
import Matching
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite("Log search") struct LogSearchTests {
    let clock = ManualClock()
    let start = Timestamp(milliseconds: 1_700_000_000_000)

    func store(_ settings: LogStoreSettings = .standard) -> LogStore {
        LogStore(settings: settings, clock: clock, metrics: MetricsRegistry())
    }

    func record(
        _ message: String,
        tag: String = "app",
        after milliseconds: Int64 = 0,
        _ extra: [(name: String, value: LogValue)] = []
    ) -> LogRecord {
        LogRecord(
            tag: tag,
            eventTime: start + .milliseconds(milliseconds),
            arrivalTime: clock.now(),
            fields: [("log", .string(message))] + extra
        )
    }

    static func kubernetes(_ fields: [(name: String, value: LogValue)]) -> (String, LogValue) {
        ("kubernetes", .object(fields))
    }

    static let fluentBit = kubernetes([
        ("namespace_name", .string("production")), ("pod_name", .string("web-1")),
        ("container_name", .string("nginx")), ("host", .string("node-a")),
        ("labels", .object([("app.kubernetes.io/name", .string("shop"))])),
    ])
    static let common = kubernetes([
        ("namespace", .string("production")), ("pod", .object([("name", .string("web-2"))])),
        ("container", .object([("name", .string("nginx"))])),
        ("node", .object([("name", .string("node-b"))])),
        ("labels", .object([("app_kubernetes_io/name", .string("shop"))])),
    ])

    func messages(_ result: LogSearchResult) -> [String] {
        result.hits.map { $0.record["log"]?.text ?? "" }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var search: @Sendable (inout LogSearch) throws -> Void
        var expected: [String]
    }

    static func condition(_ field: String, _ value: String) throws -> LogSearch.Condition {
        LogSearch.Condition(
            field: field,
            test: try FieldTest(
                LogMetricDefinition.Condition(field: field, comparison: .equal, value: value)
            )
        )
    }

    static let cases: [Case] = [
        Case(
            testDescription: "nothing asked: all, newest event first",
            search: { _ in },
            expected: ["panic: out of memory", "GET /b 500", "GET /a 200", "{\"status\": 503}"]
        ),
        Case(
            testDescription: "by stream, in both shapes of Kubernetes' metadata",
            search: {
                $0.matchers = [
                    LabelMatcher("namespace", equals: "production"),
                    try LabelMatcher("container", .matches, "ng.*"),
                ]
            },
            expected: ["GET /b 500", "GET /a 200"]
        ),
        Case(
            testDescription: "by a pod's name in Fluent Bit's shape",
            search: { $0.conditions = [try condition("kubernetes.pod_name", "web-2")] },
            expected: ["GET /b 500"]
        ),
        Case(
            testDescription: "by a pod's short name",
            search: { $0.conditions = [try condition("kubernetes.pod", "web-1")] },
            expected: ["GET /a 200"]
        ),
        Case(
            testDescription: "by a label whose dots may have gone",
            search: {
                $0.conditions = [
                    try condition("kubernetes.labels.app.kubernetes.io/name", "shop")
                ]
            },
            expected: ["GET /b 500", "GET /a 200"]
        ),
        Case(
            testDescription: "by a number that is text in one and JSON text in another",
            search: { search in
                search.conditions = [
                    LogSearch.Condition(
                        field: "status",
                        test: try FieldTest(
                            LogMetricDefinition.Condition(
                                field: "status",
                                comparison: .greaterOrEqual,
                                value: "500"
                            )
                        )
                    )
                ]
                search.parse = { $0.hasPrefix("{") ? [("status", .integer(503))] : nil }
            },
            expected: ["GET /b 500", "{\"status\": 503}"]
        ),
        Case(
            testDescription: "a missing field is empty",
            search: { $0.conditions = [try condition("status", "")] },
            expected: ["panic: out of memory", "{\"status\": 503}"]
        ),
        Case(
            testDescription: "by text, whatever the case",
            search: { $0.contains = ["PANIC: OUT"] },
            expected: ["panic: out of memory"]
        ),
        Case(
            testDescription: "text in nested strings",
            search: { $0.contains = ["web-2"] },
            expected: ["GET /b 500"]
        ),
        Case(
            testDescription: "without a text",
            search: { $0.lacks = ["get"] },
            expected: ["panic: out of memory", "{\"status\": 503}"]
        ),
        Case(
            testDescription: "by a pattern found anywhere",
            search: { $0.patterns = [try Pattern(#"/[ab] \d+$"#)] },
            expected: ["GET /b 500", "GET /a 200"]
        ),
        Case(
            testDescription: "by event time, both ends included, oldest first",
            search: {
                $0.from = Timestamp(milliseconds: 1_700_000_001_000)
                $0.to = Timestamp(milliseconds: 1_700_000_002_000)
                $0.order = .oldestFirst
            },
            expected: ["GET /a 200", "GET /b 500"]
        ),
        Case(
            testDescription: "in order of arrival behind a record",
            search: { $0.order = .arrival(after: 2) },
            expected: ["panic: out of memory", "{\"status\": 503}"]
        ),
    ]

    @Test("searches", arguments: cases) func search(_ one: Case) throws {
        let store = store()
        store.append([
            record("GET /a 200", after: 1000, [Self.fluentBit, ("status", .integer(200))]),
            record("GET /b 500", after: 2000, [Self.common, ("status", .string("500"))]),
            record("panic: out of memory", after: 3000),
            record("{\"status\": 503}", tag: "late", after: -5000),
        ])
        var search = LogSearch(limit: 10)
        try one.search(&search)
        #expect(messages(store.search(search)) == one.expected)
    }

    /// The rings against a plain list, in every order and with every limit.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func firstInOrderEqualsASort(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let store = store()
        var all: [(sequence: Int, event: Int64, text: String)] = []
        for sequence in 1...3000 {
            let event = Int64.random(in: 0..<500, using: &random) * 1000
            let text = "\(Int.random(in: 0..<10, using: &random)) at \(sequence)"
            all.append((sequence, event, text))
            store.append([
                record(text, tag: "t\(Int.random(in: 0..<7, using: &random))", after: event)
            ])
        }
        for _ in 0..<30 {
            let digit = "\(Int.random(in: 0..<10, using: &random)) at"
            let limit = Int.random(in: 1...400, using: &random)
            let after = Int.random(in: 0..<3000, using: &random)
            var matching = all.filter { $0.text.hasPrefix(digit) }
            var search = LogSearch(limit: limit)
            search.contains = [digit]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: matching.sort { ($0.event, $0.sequence) > ($1.event, $1.sequence) }
            case 1:
                search.order = .oldestFirst
                matching.sort { ($0.event, $0.sequence) < ($1.event, $1.sequence) }
            case 2:
                search.order = .arrival(after: UInt64(after))
                matching.removeAll { $0.sequence <= after }
            default:
                search.order = .lastArrivedFirst
                matching.reverse()
            }
            let result = store.search(search)
            // "1 at" is also found in no other text: the digit stands first, and once.
            #expect(messages(result) == matching.prefix(limit).map(\.text))
            #expect(result.isLimited == (matching.count > limit))
            #expect(result.isComplete)
        }
    }

    @Test func aSearchEndsWhenItsTimeIsOver() {
        let store = store()
        store.append((0..<5000).map { record("line \($0)", after: Int64($0)) })
        let looks = Mutex(0)
        var search = LogSearch(limit: 10)
        search.contains = ["no such"]
        let result = store.search(search) {
            looks.withLock {
                $0 += 1; return $0 > 20
            }
        }
        #expect(!result.isComplete)
        #expect(result.hits.isEmpty)
        // The newest segments were looked through; what is older was not.
        let reach = result.completeTo ?? start
        #expect(reach > start && reach < start + .seconds(5))
    }

    @Test func itIsSaidFromWhenOnEverythingIsHeld() {
        let store = store(LogStoreSettings(maxMemoryBytes: 64 << 10, retention: .seconds(3600)))
        let begin = clock.now()
        #expect(store.search(LogSearch(limit: 1)).heldFrom == begin)
        for index in 0..<2000 {
            clock.advance(by: .seconds(1))
            store.append([record("line \(index) " + String(repeating: "x", count: 100))])
        }
        let full = store.search(LogSearch(limit: 10_000))
        #expect(full.heldFrom > begin)
        // Whatever arrived after that moment is there.
        let held = full.hits.filter { $0.record.arrivalTime > full.heldFrom }.count
        #expect(held == Int((clock.now() - full.heldFrom).milliseconds / 1000))
        clock.advance(by: .seconds(7200))
        #expect(store.search(LogSearch(limit: 1)).heldFrom == clock.now() - .seconds(3600))
    }

    @Test func whoWaitsIsWokenByTheNextRecord() async {
        let store = store()
        store.append([record("before")])
        let before = store.search(LogSearch(limit: 1)).newestSequence
        async let woken: Void = store.arrivals.wait(
            past: before,
            timeout: .seconds(60),
            sleeper: SystemSleeper()
        )
        store.append([record("after")])
        await woken
        let found = store.search(LogSearch(limit: 5, order: .arrival(after: before)))
        #expect(messages(found) == ["after"])
        // What arrived before the wait counts too, and a wait has an end.
        await store.arrivals.wait(past: before, timeout: .seconds(60), sleeper: SystemSleeper())
        await store.arrivals.wait(
            past: found.newestSequence,
            timeout: .milliseconds(1),
            sleeper: SystemSleeper()
        )
    }
}
