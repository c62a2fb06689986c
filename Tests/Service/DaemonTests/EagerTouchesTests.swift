import Foundation
import Ingest
import LogStore
import MetricStore
import Model
import PromQL
import RuleEvaluation
import Rules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Daemon

/// The way from the door to an eager group, in virtual time.
@Suite struct EagerTouchesTests {
    private final class Bench: Sendable {
        /// 20 s into a minute: no slot of an hourly group is near.
        let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
        let store: MetricStore
        let engine: RuleEngine
        let touches: EagerTouches
        let admission: Admission
        let metrics = MetricsRegistry()
        let fired = Mutex<[String]>([])

        init(_ rules: String) throws {
            store = MetricStore(
                settings: MetricStoreSettings(shards: 1),
                clock: clock,
                metrics: metrics
            )
            store.start()
            let sink = Sink()
            engine = try RuleEngine(
                evaluator: QueryEngine(source: store),
                appender: store,
                store: NoStates(),
                sink: sink,
                clock: clock,
                log: .silent,
                metrics: metrics
            )
            touches = EagerTouches(store: store, engine: engine, clock: clock)
            let logMetrics = LogMetrics(clock: clock, metrics: metrics, log: .silent)
            admission = Admission(
                samples: touches,
                records: LogStore(settings: LogStoreSettings(), clock: clock, metrics: metrics),
                logMetrics: logMetrics,
                sources: SourceRegistry(clock: clock, metrics: metrics),
                clock: clock
            )
            sink.bench.withLock { $0 = self }
            let loaded = try RuleLoader.load(text: rules, file: "rules.yaml")
            try engine.load(loaded)
            try logMetrics.load(loaded.logMetrics)
        }

        deinit { store.stop() }

        /// Lets the engine's thread, as it were, do what is due, and gives what the group was judged at.
        func evaluate() async -> Timestamp? {
            engine.evaluateDue(at: clock.now())
            await engine.handOn()
            return engine.snapshot.first?.lastEvaluation
        }

        func bring(_ labels: LabelSet, _ value: Double, at moment: Timestamp) {
            var batch = SampleBatch()
            batch.append(labels, samples: [Sample(moment, value)])
            _ = admission.admit(batch, from: "test")
        }
    }

    private final class Sink: AlertTransitionSink {
        let bench = Mutex<Bench?>(nil)

        func take(_ transitions: [AlertTransition]) async throws {
            guard let bench = bench.withLock({ $0 }) else { return }
            for one in transitions {
                bench.fired.withLock { $0.append("\(one.alertName) \(one.change)") }
            }
        }
    }

    private struct NoStates: AlertStateStoring {
        func loadAlertStates() throws -> StoredAlertStates {
            StoredAlertStates(alerts: [], queue: [], lastSequence: 0)
        }

        func saveAlertStates(_ changes: AlertStateChanges) throws {}
    }

    private static func rules(eager: Bool, expr: String = "up == 0") -> String {
        """
        groups:
          - name: live
            interval: 1h
            eager: \(eager)
            rules: [{alert: Down, expr: '\(expr)'}]
        log_metrics:
          - {name: errors_total, parse: none, type: counter}
        """
    }

    @Test func aBatchIsJudgedAtItsNewestTimestamp() async throws {
        let bench = try Bench(Self.rules(eager: true))
        #expect(bench.engine.wantsTouches)
        let moment = bench.clock.now() - .milliseconds(250)
        bench.bring(["__name__": "up"], 0, at: moment)
        #expect(await bench.evaluate() == moment)
        #expect(bench.fired.withLock { $0 }.count == 1)
    }

    @Test func batchesWithinTheWindowAreOneEvaluation() async throws {
        let bench = try Bench(Self.rules(eager: true))
        let now = bench.clock.now()
        for offset in [30, 10, 20] as [Int64] {
            bench.bring(["__name__": "up", "job": "\(offset)"], 0, at: now - .milliseconds(offset))
        }
        #expect(await bench.evaluate() == now - .milliseconds(10))
        let text = bench.metrics.exposition(.text)
        #expect(
            text.contains(
                #"tocsin_rule_group_eager_iterations_total{rule_group="rules.yaml;live"} 1"#
            )
        )
        #expect(bench.fired.withLock { $0 }.count == 3, "all of them are seen by it")
    }

    @Test func otherMetricsAndNothingNewTouchNothing() async throws {
        let bench = try Bench(Self.rules(eager: true))
        let now = bench.clock.now()
        bench.bring(["__name__": "down"], 0, at: now)
        #expect(await bench.evaluate() == nil)
        bench.bring(["__name__": "up"], 0, at: now + .seconds(3600))
        #expect(await bench.evaluate() == nil, "refused: too far in the future")
        bench.bring(["__name__": "up"], 0, at: now - .seconds(1))
        #expect(await bench.evaluate() == now - .seconds(1))
        bench.bring(["__name__": "up"], 0, at: now - .seconds(1))
        #expect(await bench.evaluate() == now - .seconds(1), "a duplicate")
    }

    @Test func countsOfLogRecordsTouchToo() async throws {
        let bench = try Bench(Self.rules(eager: true, expr: "errors_total > 1"))
        let record = LogRecord(
            tag: "app",
            eventTime: bench.clock.now(),
            arrivalTime: bench.clock.now(),

            fields: [("log", .string("boom"))]
        )
        _ = bench.admission.admit([record], from: "forward")
        #expect(await bench.evaluate() == bench.clock.now())
        #expect(bench.fired.withLock { $0 }.isEmpty, "one is not enough")
        bench.clock.advance(by: .milliseconds(100))
        _ = bench.admission.admit([record], from: "forward")
        #expect(
            await bench.evaluate() == bench.clock.now(),
            "revised under the same timestamp, judged all the same"
        )
        #expect(bench.fired.withLock { $0 }.count == 1)
    }

    @Test func withoutEagerGroupsNothingIsLookedAt() async throws {
        let bench = try Bench(Self.rules(eager: false))
        #expect(!bench.engine.wantsTouches)
        bench.bring(["__name__": "up"], 0, at: bench.clock.now())
        #expect(await bench.evaluate() == nil)
    }

    @Test func theStoresRefusalsPassThrough() throws {
        let bench = try Bench(Self.rules(eager: true))
        #expect(!bench.touches.isOverloaded)
        bench.store.stop()
        var batch = SampleBatch()
        batch.append(["__name__": "up"], samples: [Sample(bench.clock.now(), 1)])
        #expect(bench.touches.append(batch).refused[.stopping] == 1)
        #expect(bench.touches.tryAppend(batch)?.refused[.stopping] == 1)
    }
}
