import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Counters over restarts of the process, and batches that the store could not keep.
@Suite struct LogMetricsRestartTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_500))
    let store = RecordingStore()

    /// What the store holds, as the query layer would read it.
    var rings: SeriesList {
        SeriesList(
            store.series.map { labels, series in
                SeriesSamples(
                    labels: labels,
                    samples: series.points.sorted { $0.key < $1.key }.map {
                        Sample(Timestamp(milliseconds: $0.key), $0.value)
                    }
                )
            }
        )
    }

    /// A process that has just started.
    func process(_ kind: LogMetricDefinition.Kind) throws -> LogMetrics {
        let made = LogMetrics(
            resumes: true,
            clock: clock,
            metrics: MetricsRegistry(),
            log: .silent
        )
        try made.load([LogMetricsTests.metric(labels: ["s"], kind: kind)])
        return made
    }

    func records(_ count: Int, s: String = "a", t: Double = 1) -> [LogRecord] {
        (0..<count).map { _ in
            LogRecord(
                tag: "t",
                eventTime: clock.now(),
                arrivalTime: clock.now(),
                fields: [("s", .string(s)), ("t", .number(t))]
            )
        }
    }

    @Test(arguments: [0, 1, 60])
    func aCounterGoesOnWhereTheLastProcessLeftIt(_ secondsDown: Int64) throws {
        let first = try process(.counter(value: nil))
        try first.resume(from: rings)
        first.count(records(3), into: store)
        first.count(records(2, s: ""), into: store)
        clock.advance(by: .seconds(secondsDown))
        let second = try process(.counter(value: nil))
        try second.resume(from: rings)
        // More than the first process had: begun again at 0, this would hide the 3.
        second.count(records(10), into: store)
        second.count(records(1, s: ""), into: store)
        second.count(records(1, s: "new"), into: store)
        #expect(store.value(["__name__": "m", "s": "a"]) == 13)
        #expect(store.value(["__name__": "m"]) == 3)
        #expect(store.value(["__name__": "m", "s": "new"]) == 1)
        // And the quiet ones are kept alive.
        clock.advance(by: .seconds(20))
        second.tick(into: store)
        #expect(
            store.series[["__name__": "m", "s": "a"]]?.points[clock.now().milliseconds - 499] == 13
        )
    }

    @Test func aHistogramGoesOnToo() throws {
        let kind = LogMetricDefinition.Kind.histogram(value: "t", bounds: [1, 5])
        let first = try process(kind)
        try first.resume(from: rings)
        for value in [0.5, 0.5, 3, 9] { first.count(records(1, t: value), into: store) }
        clock.advance(by: .seconds(5))
        let second = try process(kind)
        try second.resume(from: rings)
        for value in [0.5, 4, 100] { second.count(records(1, t: value), into: store) }
        func value(_ name: String, le: String? = nil) -> Double? {
            var labels: LabelSet = ["__name__": name, "s": "a"]
            if let le { labels["le"] = le }
            return store.value(labels)
        }
        #expect(value("m_bucket", le: "1") == 3)
        #expect(value("m_bucket", le: "5") == 5)
        #expect(value("m_bucket", le: "+Inf") == 7)
        #expect(value("m_count") == 7)
        #expect(value("m_sum") == 117.5)
    }

    @Test func nothingIsCountedBeforeTheTotalsAreBack() throws {
        let metrics = try process(.counter(value: nil))
        #expect(metrics.count(records(1), into: store) == nil)
        #expect(store.series.isEmpty)
        try metrics.resume(from: rings)
        #expect(metrics.count(records(1), into: store)?.refused.isEmpty == true)
        #expect(store.value(["__name__": "m", "s": "a"]) == 1)
    }

    @Test func seriesOfOthersAndGaugesAreLeftAlone() throws {
        let now = clock.now()
        let others = SeriesList([
            SeriesSamples(
                labels: ["__name__": "m", "s": "a", "pod": "p"],
                samples: [Sample(now - .seconds(5), 40)]
            ),
            SeriesSamples(
                labels: ["__name__": "m", "s": "old"],
                samples: [Sample(now - .seconds(7 * 3600), 40)]
            ),
            SeriesSamples(
                labels: ["__name__": "m", "s": "stale"],
                samples: [
                    Sample(now - .seconds(9), 40), Sample(now - .seconds(5), Staleness.marker),
                ]
            ),
        ])
        let metrics = try process(.counter(value: nil))
        try metrics.resume(from: others)
        for s in ["a", "old", "stale"] { metrics.count(records(1, s: s), into: store) }
        for s in ["a", "old", "stale"] { #expect(store.value(["__name__": "m", "s": s]) == 1) }
    }

    @Test(arguments: [RefusalCause.stopping, .notStored])
    func aBatchThatTheStoreCannotKeepIsNotCounted(_ cause: RefusalCause) throws {
        let metrics = try process(.counter(value: nil))
        try metrics.resume(from: rings)
        metrics.count(records(2), into: store)
        var refusal = AppendResult()
        refusal.refuse(cause, samples: 1, "come again")
        store.refusals = refusal
        let batch = records(3) + records(1, s: "b")
        #expect(metrics.count(batch, into: store)?.refused[cause] != nil)
        store.refusals = AppendResult()
        // It comes again: counted once.
        #expect(metrics.count(batch, into: store)?.refused.isEmpty == true)
        #expect(store.value(["__name__": "m", "s": "a"]) == 5)
        #expect(store.value(["__name__": "m", "s": "b"]) == 1)
    }

    @Test func theDoorTurnsABatchAwayThatTheStoreCannotKeep() throws {
        let registry = MetricsRegistry()
        let metrics = try process(.counter(value: nil))
        try metrics.resume(from: rings)
        let logs = RecordingLogs()
        let door = Admission(
            samples: store,
            records: logs,
            logMetrics: metrics,
            sources: SourceRegistry(clock: clock, metrics: registry),
            clock: clock
        )
        var refusal = AppendResult()
        refusal.refuse(.notStored, samples: 1, "the disk is full")
        store.refusals = refusal
        guard case .overloaded(_, let reason) = door.admit(records(2), from: "bulk") else {
            Issue.record("let in")
            return
        }
        #expect(reason == "the disk is full")
        #expect(logs.records.isEmpty)
        store.refusals = AppendResult()
        guard case .admitted = door.admit(records(2), from: "bulk") else {
            Issue.record("turned away")
            return
        }
        #expect(store.value(["__name__": "m", "s": "a"]) == 2)
        #expect(logs.records.count == 2)
    }
}
