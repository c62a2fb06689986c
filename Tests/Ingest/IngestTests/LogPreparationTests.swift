import Foundation
import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct LogPreparationTests {
    let clock = ManualClock()
    let metrics = MetricsRegistry()

    static let place = SourceLocation(file: "rules.yaml", line: 3, column: 5)

    func preparation(
        _ definitions: [LogStreamDefinition] = [],
        settings: LogJoinSettings = LogJoinSettings()
    ) throws -> LogPreparation {
        let made = LogPreparation(settings: settings, clock: clock, metrics: metrics)
        try made.load(definitions)
        return made
    }

    static func multiline(
        _ joining: LogStreamDefinition.Joining,
        lines: Int = 500,
        bytes: Int = 1 << 20
    ) -> LogStreamDefinition {
        LogStreamDefinition(
            multiline: LogStreamDefinition.Multiline(
                joining: joining,
                linesMax: lines,
                bytesMax: bytes
            ),
            location: place
        )
    }

    func line(
        _ text: String,
        _ extra: [(name: String, value: LogValue)] = [],
        pod: String = "web-1"
    ) -> LogRecord {
        LogRecord(
            tag: "kube",
            eventTime: clock.now(),
            arrivalTime: clock.now(),
            fields: [
                ("log", .string(text)), ("kubernetes", .object([("pod_name", .string(pod))])),
            ] + extra
        )
    }

    func texts(_ records: [LogRecord]) -> [String] { records.map { $0["log"]?.text ?? "" } }

    func counter(_ name: String) -> Int { metrics.counter(name, help: "").value }

    // MARK: Stack traces

    struct Trace: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var languages: [LogStreamDefinition.TraceLanguage] = [.java, .python, .go]
        /// The events that the lines are, lines joined.
        var events: [String]
    }

    static let traces = [
        Trace(
            testDescription: "Java with causes, and lines around it",
            events: [
                "INFO started",
                """
                java.lang.IllegalStateException: no pool
                \tat com.shop.Pool.take(Pool.java:42)
                \tat com.shop.Web.serve(Web.java:7)
                Caused by: java.net.ConnectException: refused
                \tat java.net.Socket.connect(Socket.java:1)
                \t... 12 more
                """,
                "INFO on it goes",
            ]
        ),
        Trace(
            testDescription: "Java behind a log line that names the exception",
            events: [
                """
                ERROR c.s.Web - failed: java.lang.Error
                    at com.shop.Web.serve(Web.java:7)
                    Suppressed: java.lang.RuntimeException: also
                        at com.shop.Web.close(Web.java:9)
                """
            ]
        ),
        Trace(
            testDescription: "two Java traces in a row",
            events: [
                "java.lang.Error: one\n\tat a.B.c(D.java:1)",
                "java.lang.Error: two\n\tat a.B.c(D.java:2)",
            ]
        ),
        Trace(
            testDescription: "Python with carets, repeated frames, and what follows",
            events: [
                """
                Traceback (most recent call last):
                  File "/app/views.py", line 10, in pay
                    gateway.charge(order)
                    ~~~~~~~~~~~~~~^^^^^^^
                  File "/app/gateway.py", line 3, in charge
                    return charge(order)
                  [Previous line repeated 993 more times]
                RecursionError: maximum recursion depth exceeded
                """,
                "127.0.0.1 - - GET /pay 500",
            ]
        ),
        Trace(
            testDescription: "Python without sources and without a message",
            events: [
                """
                Traceback (most recent call last):
                  File "<frozen x>", line 10, in a
                  File "<frozen x>", line 12, in b
                KeyboardInterrupt
                """
            ]
        ),
        Trace(
            testDescription: "Go with a signal",
            events: [
                "listening",
                """
                panic: runtime error: invalid memory address
                [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x6a]

                goroutine 1 [running]:
                main.serve(0xc000010000)
                \t/app/main.go:21 +0x1d
                main.main()
                \t/app/main.go:9 +0x2b
                """,
                "listening again",
            ]
        ),
        Trace(
            testDescription: "a language that is not asked for stays in lines",
            languages: [.go],
            events: ["java.lang.Error: x", "\tat a.B.c(D.java:1)"]
        ),
    ]

    @Test(arguments: traces) func tracesAreOneRecord(_ trace: Trace) throws {
        let lines = trace.events.flatMap {
            $0.split(separator: "\n", omittingEmptySubsequences: false)
        }
        // All at once, and each line in a batch of its own; with other pods' lines in between.
        for isSplit in [false, true] {
            let made = try preparation([Self.multiline(.traces(trace.languages))])
            var kept: [LogRecord] = []
            var counted = 0
            let records = lines.flatMap {
                [line("\($0)\n"), line("INFO other", pod: "web-2")]
            }
            for batch in isSplit ? records.map({ [$0] }) : [records] {
                let prepared = made.take(batch)
                kept += prepared.kept
                counted += prepared.counted.count
            }
            clock.advance(by: .seconds(2))
            let rest = made.flush()
            kept += rest.kept
            counted += rest.counted.count
            let own = kept.filter { $0["kubernetes.pod_name"]?.text == "web-1" }
            #expect(
                texts(own).map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 } == trace.events
            )
            #expect(kept.count == trace.events.count + lines.count)
            #expect(counted == trace.events.count + lines.count, "each event is counted once")
        }
    }

    // MARK: A start pattern

    @Test func aStartPatternJoinsWhatFollows() throws {
        let made = try preparation([Self.multiline(.start(#"^\d{4}-"#))])
        let first = made.take([
            line("orphan"), line("2026-11-24 one"), line("  more"), line(""),
            line("2026-11-24 two"),
        ])
        #expect(texts(first.kept) == ["orphan", "2026-11-24 one\n  more\n"])
        // What is acknowledged is counted, the open event too; a line whose event nobody saw is not.
        #expect(texts(first.counted) == ["2026-11-24 one\n  more\n", "2026-11-24 two"])
        #expect(counter("tocsin_log_fragments") == 1)
        let second = made.take([line("  its end")])
        #expect(second.kept.isEmpty && second.counted.isEmpty)
        clock.advance(by: .milliseconds(1999))
        #expect(made.flush().kept.isEmpty)
        clock.advance(by: .milliseconds(1))
        let third = made.flush()
        #expect(texts(third.kept) == ["2026-11-24 two\n  its end"])
        #expect(third.counted.isEmpty, "it was counted when it was acknowledged")
    }

    @Test func linesAndBytesOfAnEventAreBounded() throws {
        let made = try preparation([
            Self.multiline(.start("^start"), lines: 3, bytes: 2000)
        ])
        var prepared = made.take([line("start 1")] + (0..<7).map { line("more \($0)") })
        #expect(texts(prepared.kept) == ["start 1\nmore 0\nmore 1", "more 2\nmore 3\nmore 4"])
        #expect(prepared.counted.count == 1)
        prepared = made.take([
            line("start 2"), line(String(repeating: "x", count: 1999)), line("y"),
        ])
        #expect(prepared.kept.last?["log"]?.text == String(repeating: "x", count: 1999))
        #expect(prepared.counted.count == 1)
        #expect(counter("tocsin_log_joins_cut") == 4)
    }

    @Test func whatIsOpenInAllIsBounded() throws {
        let made = try preparation(
            [Self.multiline(.start("^start"))],
            settings: LogJoinSettings(openMax: 10, bytesMax: 1000)
        )
        var kept = 0
        for index in 0..<100 { kept += made.take([line("start", pod: "web-\(index)")]).kept.count }
        #expect(kept == 90)
        _ = made.take([line("start " + String(repeating: "x", count: 900), pod: "long")])
        let text = metrics.exposition(.text)
        let bytes = try #require(
            text.split(separator: "\n").first { $0.hasPrefix("tocsin_log_events_open_bytes ") }
        )
        #expect(Double(bytes.split(separator: " ")[1]) ?? .infinity <= 1000)
        #expect(made.flush(everything: true).kept.count > 0)
    }

    // MARK: Pieces of lines

    struct Pieces: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var records: [[(name: String, value: LogValue)]]
        var texts: [String]
    }

    static let sixteen = String(repeating: "d", count: 16384)

    static let pieces = [
        Pieces(
            testDescription: "CRI's flag as Fluent Bit parses it",
            records: [
                [
                    ("log", .string("{\"a\":")), ("logtag", .string("P")),
                    ("stream", .string("stdout")),
                ],
                [
                    ("log", .string("other")), ("logtag", .string("F")),
                    ("stream", .string("stderr")),
                ],
                [("log", .string("1}")), ("logtag", .string("F")), ("stream", .string("stdout"))],
            ],
            texts: ["other", "{\"a\":1}"]
        ),
        Pieces(
            testDescription: "raw CRI lines",
            records: [
                [("log", .string("2026-11-24T14:02:00.123456789Z stdout P one "))],
                [("log", .string("2026-11-24T14:02:00.2Z stderr F err\n"))],
                [("log", .string("2026-11-24T14:02:00.3Z stdout P two "))],
                [("log", .string("2026-11-24T14:02:00.4Z stdout F three\n"))],
                [("log", .string("2026-11-24T14:02:00.5+01:00 stdout F:x alone"))],
                [("log", .string("2026-11-24T14:02:00Z stdin F no CRI"))],
            ],
            texts: ["err", "one two three", "alone", "2026-11-24T14:02:00Z stdin F no CRI"]
        ),
        Pieces(
            testDescription: "Docker's pieces of 16 KiB",
            records: [
                [("log", .string(sixteen)), ("stream", .string("stdout"))],
                [("log", .string(sixteen)), ("stream", .string("stdout"))],
                [("log", .string("end\n")), ("stream", .string("stdout"))],
                [("log", .string(sixteen + "\n")), ("stream", .string("stdout"))],
            ],
            texts: [sixteen + sixteen + "end", sixteen + "\n"]
        ),
        Pieces(
            testDescription: "Docker's fluentd driver, pieces of two lines mixed",
            records: [
                [
                    ("log", .string("a1")), ("partial_message", .string("true")),
                    ("partial_id", .string("a")), ("partial_last", .string("false")),
                ],
                [
                    ("log", .string("b1")), ("partial_message", .string("true")),
                    ("partial_id", .string("b")), ("partial_last", .string("false")),
                ],
                [
                    ("log", .string("a2")), ("partial_message", .string("true")),
                    ("partial_id", .string("a")), ("partial_last", .string("true")),
                ],
                [
                    ("log", .string("b2")), ("partial_message", .string("true")),
                    ("partial_id", .string("b")), ("partial_last", .string("true")),
                ],
            ],
            texts: ["a1a2", "b1b2"]
        ),
    ]

    @Test(arguments: pieces) func piecesAreOneLine(_ one: Pieces) throws {
        let made = try preparation()
        var kept: [LogRecord] = []
        var counted = 0
        for fields in one.records {
            let prepared = made.take([
                LogRecord(
                    tag: "t",
                    eventTime: clock.now(),
                    arrivalTime: clock.now(),
                    fields: fields
                )
            ])
            kept += prepared.kept
            counted += prepared.counted.count
        }
        #expect(texts(kept) == one.texts)
        #expect(counted == one.texts.count)
        #expect(made.flush(everything: true).kept.isEmpty)
    }

    @Test func aRawLineBringsItsTimeAndStream() throws {
        let record = try #require(
            try preparation().take([line("2026-11-24T14:02:00.5Z stderr F text")]).kept.first
        )
        #expect(record.eventTime == Timestamp(rfc3339: "2026-11-24T14:02:00.5Z"))
        #expect(record["stream"]?.text == "stderr")
        #expect(record["log"]?.text == "text")
    }

    @Test func aPieceDoesNotWaitForEver() throws {
        let made = try preparation(settings: LogJoinSettings(lineBytesMax: 10))
        func piece(_ text: String) -> LogRecord { line(text, [("logtag", .string("P"))]) }
        #expect(made.take([piece("begun ")]).counted.isEmpty)
        clock.advance(by: .seconds(2))
        let flushed = made.flush()
        #expect(texts(flushed.kept) == ["begun "] && flushed.counted.count == 1)
        #expect(
            texts(made.take([piece("12345"), piece("67890"), piece("x")]).kept) == ["1234567890"]
        )
        #expect(counter("tocsin_log_joins_cut") == 1)
    }

    // MARK: JSON and filters

    @Test func textThatIsJSONBecomesFields() throws {
        func fields(_ merging: LogStreamDefinition.Merging, _ text: String) throws -> String {
            let made = try preparation(
                [
                    LogStreamDefinition(
                        from: ["kubernetes.pod": "web-1"],
                        merging: merging,
                        location: Self.place
                    )
                ],
                settings: LogJoinSettings(mergedKeysMax: 3)
            )
            let record = try #require(
                made.take([line(text, [("level", .string("shipper's"))])]).kept.first
            )
            return record.fields.filter { $0.name != "kubernetes" }
                .map { "\($0.name)=\($0.value.text)" }.joined(separator: " ")
        }
        let text = #" {"level":"app's","kubernetes":{"pod_name":"x"},"log":"inner","status":500}"#
        #expect(
            try fields(LogStreamDefinition.Merging(), text)
                == "level=shipper's log=inner status=500"
        )
        #expect(
            try fields(LogStreamDefinition.Merging(prefix: "app", keepsText: true), text)
                == "log=\(text) level=shipper's app.level=app's app.kubernetes= app.log=inner"
        )
        #expect(counter("tocsin_log_merged_keys_dropped") == 1)
        for plain in ["no JSON", "{\"broken\":", "[1]", "{} x"] {
            #expect(
                try fields(LogStreamDefinition.Merging(), plain) == "log=\(plain) level=shipper's"
            )
        }
    }

    @Test func recordsAreLeftOut() throws {
        func condition(
            _ field: String,
            _ comparison: LogMetricDefinition.Comparison,
            _ value: String
        ) -> LogMetricDefinition.Condition {
            LogMetricDefinition.Condition(field: field, comparison: comparison, value: value)
        }
        let made = try preparation([
            LogStreamDefinition(
                from: ["kubernetes.pod": "web-1"],
                keep: [condition("level", .notEqual, "debug")],
                drop: [
                    [condition("path", .equal, "/healthz"), condition("status", .less, "400")],
                    [condition("level", .equal, "trace")],
                ],
                location: Self.place
            )
        ])
        let prepared = made.take([
            line(#"{"level":"info","path":"/healthz","status":200}"#),
            line(#"{"level":"info","path":"/healthz","status":500}"#),
            line("level=debug x=1"), line("level=trace x=1"), line("plain text"),
            line("level=debug", pod: "other"),
        ])
        #expect(
            texts(prepared.kept) == [
                #"{"level":"info","path":"/healthz","status":500}"#, "plain text", "level=debug",
            ]
        )
        #expect(prepared.counted.count == 3)
        #expect(counter("tocsin_log_records_filtered") == 3)
    }

    @Test func aReloadKeepsWhatIsOpen() throws {
        let made = try preparation([Self.multiline(.start("^start"))])
        #expect(made.take([line("start"), line("more")]).counted.count == 1)
        try made.load([])
        let prepared = made.take([line("alone")])
        #expect(texts(prepared.kept) == ["start\nmore", "alone"])
        #expect(texts(prepared.counted) == ["alone"])
        #expect(throws: LogMetricProblems.self) {
            try made.load([Self.multiline(.start("("))])
        }
    }

    @Test func plainRecordsAreAsTheyCame() throws {
        let made = try preparation()
        let records = (0..<100).map { line("line \($0)\n") }
        let prepared = made.take(records)
        #expect(texts(prepared.kept) == texts(records))
        #expect(texts(prepared.counted) == texts(records))
    }
}
