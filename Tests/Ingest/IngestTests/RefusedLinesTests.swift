import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Lines that belong together, in batches that the store could not keep and that come again.
@Suite struct RefusedLinesTests {
    static let place = SourceLocation(file: "rules.yaml", line: 1, column: 1)

    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_500))
    let registry = MetricsRegistry()
    let store = RecordingStore()
    let logs = RecordingLogs()
    let judged = Judged()

    /// Notes what it is given.
    final class Judged: RecordJudging {
        let logs = RecordingLogs()

        func judge(_ records: [LogRecord]) { logs.append(records) }

        func tick() {}
    }

    private func metrics(resumes: Bool = false) throws -> LogMetrics {
        let made = LogMetrics(resumes: resumes, clock: clock, metrics: registry, log: .silent)
        try made.load([
            LogMetricDefinition(name: "m", kind: .counter(value: nil), location: Self.place)
        ])
        return made
    }

    private func door(_ metrics: LogMetrics) throws -> Admission {
        let preparation = LogPreparation(clock: clock, metrics: registry)
        try preparation.load([
            LogStreamDefinition(
                multiline: LogStreamDefinition.Multiline(joining: .start("^start")),
                location: Self.place
            )
        ])
        return Admission(
            samples: store,
            records: logs,
            preparation: preparation,
            logMetrics: metrics,
            judge: judged,
            sources: SourceRegistry(clock: clock, metrics: registry),
            clock: clock
        )
    }

    private func lines(_ texts: String...) -> [LogRecord] {
        texts.map {
            LogRecord(
                tag: "web",
                eventTime: clock.now(),
                arrivalTime: clock.now(),
                fields: [("log", .string($0))]
            )
        }
    }

    private func isIn(_ door: Admission, _ batch: [LogRecord]) -> Bool {
        if case .admitted = door.admit(batch, from: "bulk") { true } else { false }
    }

    private var kept: [String] { logs.records.map { $0["log"]?.text ?? "" } }
    private var joined: Int { registry.counter("tocsin_log_lines_joined", help: "").value }

    @Test(arguments: [RefusalCause.stopping, .notStored])
    func areJoinedOnce(_ cause: RefusalCause) throws {
        let door = try door(try metrics())
        #expect(isIn(door, lines("start 1", "  more")))
        var refusal = AppendResult()
        refusal.refuse(cause, samples: 1, "come again")
        store.refusals = refusal
        let batch = lines("  its end", "start 2", "  more of 2")
        for _ in 0..<3 { #expect(!isIn(door, batch)) }
        #expect(kept.isEmpty)
        #expect(joined == 1)
        store.refusals = AppendResult()
        #expect(isIn(door, batch))
        // What was acknowledged before the refusal is kept and judged, whole and once.
        #expect(kept == ["start 1\n  more\n  its end"])
        door.drain()
        #expect(kept == ["start 1\n  more\n  its end", "start 2\n  more of 2"])
        #expect(judged.logs.records.count == 2)
        #expect(joined == 3)
        #expect(store.value(["__name__": "m"]) == 2)
    }

    @Test func piecesWaitUntilTheyCanBeCounted() throws {
        let metrics = try metrics(resumes: true)
        let door = try door(metrics)
        var piece = lines("a long ")[0]
        piece.fields.append(("logtag", .string("P")))
        #expect(isIn(door, [piece]))
        clock.advance(by: .seconds(60))
        door.tick()
        #expect(kept.isEmpty && store.series.isEmpty)
        try metrics.resume(from: SeriesList([]))
        door.tick()
        door.drain()
        #expect(kept == ["a long "])
        #expect(store.value(["__name__": "m"]) == 1)
    }
}
