import LogStore
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite("Log store")
struct LogStoreTests {
    let clock = ManualClock()
    let metrics = MetricsRegistry()

    func store(_ settings: LogStoreSettings = .standard) -> LogStore {
        LogStore(settings: settings, clock: clock, metrics: metrics)
    }

    func record(
        _ message: String,
        tag: String = "app",
        event: Timestamp? = nil,
        pod: String? = nil,
        container: String? = nil,
        extra: [(name: String, value: LogValue)] = []
    ) -> LogRecord {
        var fields: [(name: String, value: LogValue)] = [("log", .string(message))]
        if let pod, let container {
            fields.append(
                (
                    "kubernetes",
                    .object([
                        ("namespace_name", .string("production")), ("pod_name", .string(pod)),
                        ("container_name", .string(container)),
                    ])
                )
            )
        }
        return LogRecord(
            tag: tag,
            eventTime: event ?? clock.now(),
            arrivalTime: clock.now(),
            fields: fields + extra
        )
    }

    func messages(_ records: [LogRecord]) -> [String] {
        records.map { $0["log"]?.text ?? "" }
    }

    @Test func theNewestComeFirstOverAllStreams() {
        let store = store()
        for index in 0..<20 {
            store.append([
                record("line \(index)", tag: "tag-\(index % 3)")
            ])
        }
        #expect(messages(store.newest(limit: 4)) == ["line 19", "line 18", "line 17", "line 16"])
        #expect(messages(store.newest(limit: 2, tag: "tag-0")) == ["line 18", "line 15"])
        #expect(store.newest(limit: 0).isEmpty)
        #expect(store.newest(limit: 100).count == 20)
        #expect(store.statistics.streams == 3)
    }

    @Test func everyKindOfValueComesBackAsItWas() throws {
        let store = store()
        let fields: [(name: String, value: LogValue)] = [
            ("null", .null), ("yes", .bool(true)), ("no", .bool(false)), ("zero", .integer(0)),
            ("least", .integer(.min)), ("most", .integer(.max)), ("minus", .integer(-1)),
            ("number", .number(0.1)), ("nan", .number(.nan)), ("infinite", .number(-.infinity)),
            ("empty", .string("")), ("text", .string("naïve \u{1F514}\0\n\"")),
            ("list", .array([.integer(1), .string("x"), .array([]), .null])),
            ("object", .object([("a", .object([("b", .array([.object([("c", .bool(true))])]))]))])),
            ("", .string("empty name")), (String(repeating: "n", count: 300), .integer(7)),
        ]
        let sent = LogRecord(
            tag: "t",
            eventTime: Timestamp(milliseconds: -5),
            arrivalTime: clock.now(),
            fields: fields
        )
        store.append([sent])
        let back = try #require(store.newest(limit: 1).first)
        #expect(back.tag == "t")
        #expect(back.eventTime == sent.eventTime)
        #expect(back.arrivalTime == sent.arrivalTime)
        #expect(back.fields.map(\.name) == fields.map(\.name))
        for (got, expected) in zip(back.fields, fields) {
            if case .number(let a) = got.value, case .number(let b) = expected.value {
                #expect(a.bitPattern == b.bitPattern)
            } else {
                #expect(got.value == expected.value, "\(got.name)")
            }
        }
    }

    @Test func randomRecordsComeBackAsTheyWere() {
        for seed in 1...5 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            func value(_ depth: Int) -> LogValue {
                switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &random) {
                case 0: .null
                case 1: .bool(.random(using: &random))
                case 2:
                    .integer(
                        Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random)
                    )
                case 3: .number(Double.random(in: -1e9...1e9, using: &random))
                case 4:
                    .string(
                        String(
                            (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                                "aé\u{1F514}z".randomElement(using: &random) ?? "x"
                            }
                        )
                    )
                case 5:
                    .array(
                        (0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth + 1) }
                    )
                default: .object(fields(depth + 1))
                }
            }
            func fields(_ depth: Int) -> [(name: String, value: LogValue)] {
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                    ("field\(Int.random(in: 0..<9, using: &random))", value(depth))
                }
            }
            let store = store(LogStoreSettings(fieldNamesMax: 5))
            let sent = (0..<200).map { _ in
                LogRecord(
                    tag: "t",
                    eventTime: Timestamp(milliseconds: Int64(bitPattern: random.next())),
                    arrivalTime: clock.now(),
                    fields: fields(0)
                )
            }
            store.append(sent)
            let back = store.newest(limit: 1000)
            #expect(back.count == sent.count)
            for (got, expected) in zip(back.reversed(), sent) {
                #expect(got.eventTime == expected.eventTime)
                #expect(
                    LogValue.object(got.fields) == LogValue.object(expected.fields),
                    "seed \(seed)"
                )
                for path in ["field1", "field2.field3", "field0.field1.field2"] {
                    let value = expected[path]?.text
                    guard let value else { continue }
                    #expect(
                        store.newest(limit: 1000, matching: [(path, value)]).count
                            == sent.filter { ($0[path]?.text ?? "") == value }.count
                    )
                    break
                }
            }
        }
    }

    @Test func memoryStaysWithinTheLimitAndQuietStreamsKeepTheirRecords() {
        let limit = 1 << 20
        let store = store(LogStoreSettings(maxMemoryBytes: limit))
        store.append([record("quiet", tag: "quiet")])
        for index in 0..<20_000 {
            store.append([
                record("noise \(index) " + String(repeating: "x", count: 200), tag: "noisy")
            ])
            #expect(store.statistics.bytes <= limit)
        }
        let statistics = store.statistics
        #expect(statistics.records + statistics.dropped == 20_001)
        #expect(statistics.dropped > 0)
        #expect(messages(store.newest(limit: 1, tag: "quiet")) == ["quiet"])
        #expect(messages(store.newest(limit: 1)).first?.hasPrefix("noise 19999") == true)
        #expect(
            metrics.exposition(.text).contains(
                "tocsin_log_store_records_dropped_total{cause=\"memory\"} \(statistics.dropped)"
            )
        )
    }

    @Test func recordsLeaveWithTheRetention() {
        let store = store(LogStoreSettings(retention: .seconds(60)))
        store.append([record("old")])
        clock.advance(by: .seconds(30))
        store.append([record("young", tag: "other")])
        clock.advance(by: .seconds(30))
        #expect(messages(store.newest(limit: 10)) == ["young"])
        store.expire()
        #expect(store.statistics.records == 1)
        #expect(store.statistics.streams == 1)
        clock.advance(by: .seconds(31))
        store.append([record("new")])
        #expect(store.statistics.records == 1)
        #expect(store.statistics.dropped == 2)
    }

    @Test func tooManyStreamsDropTheOneSilentLongest() {
        let store = store(LogStoreSettings(streamsMax: 3))
        for tag in ["a", "b", "c"] { store.append([record("of \(tag)", tag: tag)]) }
        store.append([record("again a", tag: "a")])
        store.append([record("of d", tag: "d")])
        #expect(messages(store.newest(limit: 10)) == ["of d", "again a", "of c", "of a"])
        #expect(store.statistics.streams == 3)
        #expect(store.statistics.dropped == 1)
    }

    @Test func longValuesAreCutOnAScalarAndHugeRecordsDropped() throws {
        let store = store(
            LogStoreSettings(recordBytesMax: 1000, valueBytesMax: 101, depthMax: 2)
        )
        store.append([record(String(repeating: "é", count: 200))])
        let cut = try #require(store.newest(limit: 1).first?["log"]?.text)
        #expect(cut == String(repeating: "é", count: 50))
        let deep = LogValue.object([("a", .object([("b", .object([("c", .integer(1))]))]))])
        store.append([record("deep", extra: [("deep", deep)])])
        let back = try #require(store.newest(limit: 1).first)
        #expect(back["deep.a.b"] == .null)
        store.append([
            record(
                "huge",
                extra: (0..<20).map { ("f\($0)", .string(String(repeating: "x", count: 100))) }
            )
        ])
        #expect(messages(store.newest(limit: 1)) == ["deep"])
        #expect(store.statistics.dropped == 1)
    }

    @Test func writersAndSearchersWorkAtOnce() async {
        let store = store(LogStoreSettings(maxMemoryBytes: 1 << 20))
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for index in 0..<500 {
                        store.append([record("\(writer) \(index)", tag: "writer-\(writer)")])
                    }
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<50 {
                        let found = store.newest(limit: 20, text: "1")
                        #expect(found.count <= 20)
                    }
                }
            }
        }
        #expect(store.statistics.records == 2000)
    }
}
