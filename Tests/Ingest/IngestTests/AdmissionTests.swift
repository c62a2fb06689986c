import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct AdmissionTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_500))
    let store = RecordingStore()
    let logs = RecordingLogs()
    let registry = MetricsRegistry()
    let sources: SourceRegistry
    let logMetrics: LogMetrics

    init() {
        sources = SourceRegistry(clock: clock, metrics: registry)
        logMetrics = LogMetrics(clock: clock, metrics: registry, log: .silent)
    }

    func door(_ settings: AdmissionSettings = AdmissionSettings()) -> Admission {
        Admission(
            settings: settings,
            samples: store,
            records: logs,
            logMetrics: logMetrics,
            sources: sources,
            clock: clock
        )
    }

    func batch(_ timestamps: [Timestamp]) -> SampleBatch {
        var batch = SampleBatch()
        batch.append(["__name__": "up"], samples: timestamps.map { Sample($0, 1) })
        return batch
    }

    func records(_ times: [Timestamp]) -> [LogRecord] {
        times.map {
            LogRecord(
                tag: "t",
                eventTime: $0,
                arrivalTime: clock.now(),
                fields: [("log", .string("x"))]
            )
        }
    }

    func status(_ name: String) -> SourceStatus? { sources.statuses.first { $0.name == name } }

    @Test func samplesReachTheStoreAndMoveTheWatermark() {
        let now = clock.now()
        let outcome = door().admit(
            batch([now - .seconds(30), now - .seconds(10), now + .seconds(3600)]),
            from: "remote_write"
        )
        guard case .admitted(let result) = outcome else {
            Issue.record("turned away")
            return
        }
        #expect(result.accepted == 3)
        #expect(status("remote_write")?.watermark == now - .seconds(10))
        #expect(status("remote_write")?.lastSuccess == now)
        #expect(status("remote_write")?.accepted == 3)
        _ = door().admit(batch([now - .seconds(5)]), from: "other")
        #expect(sources.watermark(of: "remote_write") == now - .seconds(10))
    }

    @Test func pushedSeriesAreRelabelledAndOthersAreNot() throws {
        let (rules, _) = try RelabelRuleTests.rules(
            """
            - {source_labels: [__name__], regex: up, target_label: __name__, replacement: renamed}
            - {source_labels: [__name__], regex: noise, action: drop}
            """
        )
        let door = door(AdmissionSettings(writeRelabelling: rules))
        let now = clock.now()
        _ = door.admit(batch([now]), from: "remote_write")
        _ = door.admit(batch([now]), from: "scrape/j")
        _ = door.admit(batch([now + .seconds(1)]), from: "cloudwatch/eu-west-1")
        #expect(store.series[["__name__": "renamed"]]?.points.count == 1)
        #expect(store.series[["__name__": "up"]]?.points.count == 2)
        var noise = SampleBatch()
        noise.append(
            ["__name__": "noise"],
            samples: [Sample(now, 1), Sample(now + .seconds(1), 1)]
        )
        _ = door.admit(noise, from: "otlp")
        #expect(status("otlp")?.refused == ["write_relabel": 2])
        #expect(status("otlp")?.advice == "")
        #expect(store.series[["__name__": "noise"]] == nil)
    }

    @Test func lateSamplesAndClocksThatAreAheadAreCounted() {
        let now = clock.now()
        _ = door().admit(
            batch([
                now - .seconds(600), now - .seconds(301), now - .seconds(299), now + .seconds(30),
            ]),
            from: "remote_write"
        )
        let text = registry.exposition(.text)
        #expect(text.contains(#"tocsin_source_late_total{source="remote_write"} 2"#))
        #expect(text.contains(#"tocsin_source_ahead_seconds{source="remote_write"} 30"#))
        #expect(
            status("remote_write")?.advice.contains("30 s ahead of this machine's clock") == true
        )
    }

    @Test func refusalsAreCountedByCauseAndShownForAWhile() {
        var refusal = AppendResult()
        refusal.duplicates = 2
        refusal.revised = 1
        refusal.refuse(.seriesLimit, samples: 4, "series limit reached: 5 of 5 (store.max_series)")
        store.refusals = refusal
        _ = door().admit(batch([clock.now()]), from: "remote_write")
        store.refusals = AppendResult()
        #expect(status("remote_write")?.refused == ["series_limit": 4])
        #expect(status("remote_write")?.advice.contains("store.max_series") == true)
        let text = registry.exposition(.text)
        for line in [
            #"tocsin_source_refused_total{source="remote_write",cause="series_limit"} 4"#,
            #"tocsin_source_duplicates_total{source="remote_write"} 2"#,
            #"tocsin_source_revised_total{source="remote_write"} 1"#,
            #"tocsin_source_batches_total{source="remote_write"} 1"#,
            #"tocsin_source_accepted_total{source="remote_write"} 1"#,
        ] {
            #expect(text.contains(line))
        }
        clock.advance(by: .seconds(601))
        #expect(status("remote_write")?.advice == "")
    }

    @Test func anOverloadedStoreTurnsBatchesAwayWhole() throws {
        try logMetrics.load([
            LogMetricDefinition(name: "m", location: SourceLocation(file: "f", line: 1, column: 1))
        ])
        store.isOverloaded = true
        let door = door()
        for outcome in [
            door.admit(batch([clock.now()]), from: "remote_write"),
            door.admit(records([clock.now()]), from: "forward"),
        ] {
            guard case .overloaded(let retryAfter, let reason) = outcome else {
                Issue.record("let in")
                return
            }
            #expect(retryAfter == .seconds(1))
            #expect(reason.contains("behind"))
        }
        #expect(store.series.isEmpty)
        #expect(logs.records.isEmpty)
        #expect(
            registry.exposition(.text).contains(
                #"tocsin_source_overloads_total{source="forward"} 1"#
            )
        )
        store.isOverloaded = false
        _ = door.admit(records([clock.now()]), from: "forward")
        #expect(store.value(["__name__": "m"]) == 1)
        #expect(logs.records.count == 1)
    }

    @Test func aStoreThatStopsAsksTheSenderToComeAgain() {
        var refusal = AppendResult()
        refusal.refuse(.stopping, samples: 1, "the metric store is stopping")
        store.refusals = refusal
        guard case .overloaded(_, let reason) = door().admit(batch([clock.now()]), from: "a") else {
            Issue.record("let in")
            return
        }
        #expect(reason.contains("stopping"))
        #expect(status("a")?.refused == [:])
    }

    @Test func recordsAreCountedAndKept() throws {
        try logMetrics.load([
            LogMetricDefinition(name: "m", location: SourceLocation(file: "f", line: 1, column: 1))
        ])
        let now = clock.now()
        let outcome = door().admit(
            records([now - .seconds(9), now - .seconds(1), now + .seconds(9999)]),
            from: "forward"
        )
        guard case .admitted(let result) = outcome else {
            Issue.record("turned away")
            return
        }
        #expect(result.accepted == 3)
        #expect(logs.records.count == 3)
        #expect(store.value(["__name__": "m"]) == 3)
        #expect(status("forward")?.watermark == now - .seconds(1))
    }

    @Test func aSourceOverItsRateIsAskedToComeAgain() {
        let door = door(AdmissionSettings(samplesPerSecondMax: 10, burst: .seconds(2)))
        let now = clock.now()
        // The bucket holds 20; a batch larger than what is left still comes in whole, once.
        for _ in 0..<3 {
            guard case .admitted = door.admit(batch(Array(repeating: now, count: 8)), from: "a")
            else {
                Issue.record("turned away")
                return
            }
        }
        guard case .overloaded(let wait, let reason) = door.admit(batch([now]), from: "a") else {
            Issue.record("let in")
            return
        }
        #expect(wait == .seconds(1))
        #expect(reason.contains("sources.max_samples_per_second"))
        guard case .admitted = door.admit(batch([now]), from: "b") else {
            Issue.record("another source pays for the first")
            return
        }
        clock.advance(by: .seconds(1))
        guard case .admitted = door.admit(batch([now]), from: "a") else {
            Issue.record("still turned away")
            return
        }
    }

    @Test func statusesTellOffFailedAndWell() {
        sources.declare("cloudwatch", isOn: false, advice: "no regions; add sources.cloudwatch")
        sources.declare("forward", isOn: true)
        #expect(sources.statuses.map(\.name) == ["cloudwatch", "forward"])
        #expect(status("cloudwatch")?.isOn == false)
        #expect(status("cloudwatch")?.advice == "no regions; add sources.cloudwatch")
        #expect(status("forward")?.advice == "")
        sources.failed("forward", advice: "cannot listen on 0.0.0.0:24224")
        #expect(status("forward")?.advice == "cannot listen on 0.0.0.0:24224")
        sources.succeeded("forward")
        #expect(status("forward")?.advice == "")
        sources.refused("forward", cause: "message_too_long", "a message of 9 bytes; limit 8")
        #expect(status("forward")?.refused == ["message_too_long": 1])
        #expect(status("forward")?.advice == "a message of 9 bytes; limit 8")
    }
}
