import Model
import RuleEvaluation
import Rules
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct RuleEngineEagerTests {
    private static let rules = RuleSet(groups: [
        .of(
            "eager",
            rules: [.alert("A", "m", hold: 30)],
            thresholds: [.of("M", "m", datapoints: .init(needed: 2, of: 3))],
            isEager: true
        ),
        .of("calm", rules: [.alert("C", "m2")]),
    ])

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1000) }

    @Test func aTouchEvaluatesBetweenSlotsAtTheNewestTimestamp() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(RuleEngineEagerTests.rules)
        bench.clock.set(at(1_700_000_010))
        bench.engine.touched(metricNames: ["m"], newest: at(1_700_000_009))
        bench.engine.touched(metricNames: ["m", "x"], newest: at(1_700_000_008))
        bench.engine.touched(metricNames: ["m2"], newest: at(1_700_000_010))
        bench.engine.evaluateDue(at: bench.clock.now())
        #expect(
            bench.evaluator.times("m") == [1_700_000_009],
            "coalesced, datapoints wait for slots"
        )
        #expect(bench.evaluator.times("m2").isEmpty)

        bench.engine.touched(metricNames: ["m"], newest: at(1_700_000_009))
        bench.engine.evaluateDue(at: bench.clock.now())
        #expect(bench.evaluator.times("m") == [1_700_000_009], "nothing newer, nothing to do")

        bench.clock.set(at(1_700_000_039))
        bench.engine.touched(metricNames: ["m"], newest: at(1_700_000_900))
        bench.engine.evaluateDue(at: bench.clock.now())
        await bench.engine.handOn()
        #expect(bench.evaluator.times("m").last == 1_700_000_039, "the future is cut to now")
        #expect(bench.sink.brief == ["api fired crit@1700000039"], "for runs on timestamps")

        bench.clock.set(at(1_700_000_040))
        bench.engine.evaluateDue(at: bench.clock.now())
        #expect(bench.evaluator.times("m").suffix(2) == [1_700_000_040, 1_700_000_040])
        #expect(
            bench.metric(
                "tocsin_rule_group_eager_iterations_total{rule_group=\"rules.yaml;eager\"} 2"
            )
        )
    }

    @Test func theThreadPagesWithoutWaitingForASlot() async throws {
        let evaluator = ScriptedEvaluator()
        let sink = TransitionRecorder()
        var settings = RuleEngineSettings()
        settings.interval = .seconds(86400)
        let engine = try RuleEngine(
            settings: settings,
            evaluator: evaluator,
            appender: SampleTable(),
            store: MemoryAlertStore(),
            sink: sink,
            log: .silent,
            metrics: MetricsRegistry()
        )
        evaluator.set("m", ["api": 1])
        engine.start()
        try engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")], isEager: true)]))
        engine.touched(metricNames: ["m"], newest: SystemClock().now())
        var arrivals = sink.stream.makeAsyncIterator()
        let first = await arrivals.next()
        #expect(first?.change.brief == "fired crit")
        await engine.stop()
        await engine.stop()
    }

    @Test func theThreadKeepsItsSlotsAndStops() async throws {
        let evaluator = ScriptedEvaluator()
        let sink = TransitionRecorder()
        var settings = RuleEngineSettings()
        settings.interval = .milliseconds(20)
        let engine = try RuleEngine(
            settings: settings,
            evaluator: evaluator,
            appender: SampleTable(),
            store: MemoryAlertStore(),
            sink: sink,
            log: .silent,
            metrics: MetricsRegistry()
        )
        evaluator.set("m", ["api": 1])
        try engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        engine.start()
        var arrivals = sink.stream.makeAsyncIterator()
        let first = await arrivals.next()
        await engine.stop()
        #expect((first?.at.milliseconds ?? 1) % 20 == 0, "at a multiple of the interval")
        let count = evaluator.times("m").count
        #expect(count >= 1)
    }
}
