import Model
import RuleEvaluation
import Rules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct RuleEngineRestartTests {
    private static let rules = RuleSet(groups: [
        .of(
            rules: [.alert("A", "m", hold: 120, keep: 180)],
            thresholds: [
                .of("T", "p99", hold: 120),
                .of("M", "p99", crit: nil, datapoints: .init(needed: 3, of: 4)),
            ]
        )
    ])

    /// Values by slot of the two expressions; nil: no series.
    private static let story: [(m: Double?, p99: Double?)] = [
        (1, 0.4), (1, 0.4), (1, 0.4), (1, 0.9), (nil, 0.9), (nil, 0.9), (1, 0.2), (nil, 0.2),
        (nil, 0.4), (nil, nil), (nil, 0.4), (nil, 0.1), (nil, 0.1), (nil, 0.1),
    ]

    private static func run(restartBefore: Int?) async throws -> [String] {
        let bench = try EngineBench()
        try bench.engine.load(rules)
        var told: [String] = []
        for (index, values) in story.enumerated() {
            bench.evaluator.set("m", values.m.map { ["api": $0] } ?? [:])
            bench.evaluator.set("p99", values.p99.map { ["api": $0] } ?? [:])
            if index == restartBefore {
                told += bench.sink.taken.map(line)
                try bench.restart()
                try bench.engine.load(rules)
            }
            await bench.advance()
        }
        return told + bench.sink.taken.map(line)
    }

    private static func line(_ transition: AlertTransition) -> String {
        "\(transition.sequence) \(transition.alertName) \(transition.change.brief)@"
            + "\(transition.at.milliseconds / 1000) \(transition.summary)"
    }

    @Test func aRestartBeforeAnySlotTellsTheSameStory() async throws {
        let uninterrupted = try await RuleEngineRestartTests.run(restartBefore: nil)
        #expect(uninterrupted.count > 8)
        for index in RuleEngineRestartTests.story.indices {
            let told = try await RuleEngineRestartTests.run(restartBefore: index)
            #expect(told == uninterrupted, "restart before slot \(index)")
        }
    }

    @Test func timeInWhichNothingWasEvaluatedNeitherFiresNorResolves() async throws {
        let bench = try EngineBench()
        let rules = RuleSet(groups: [
            .of(rules: [.alert("A", "m", hold: 300), .alert("K", "k", keep: 300)])
        ])
        bench.evaluator.set("m", ["api": 1])
        bench.evaluator.set("k", ["api": 1])
        try bench.engine.load(rules)
        await bench.advance()
        bench.evaluator.set("k", [:])
        await bench.advance()
        bench.clock.advance(by: .seconds(36000))
        try bench.restart()
        try bench.engine.load(rules)
        for _ in 0..<3 { await bench.advance() }
        #expect(bench.sink.brief.isEmpty, "one minute was pending or kept before, three after")
        for _ in 0..<2 { await bench.advance() }
        #expect(
            bench.sink.taken.map { "\($0.alertName) \($0.change.brief)" } == [
                "A fired crit", "K resolved",
            ]
        )
    }

    @Test func whatTheReceiverDidNotTakeIsHandedOnAfterARestart() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        let rules = RuleSet(groups: [.of(rules: [.alert("A", "m")])])
        try bench.engine.load(rules)
        bench.sink.setRefusing(true)
        await bench.advance()
        #expect(bench.sink.taken.isEmpty)
        #expect(bench.store.queued.map(\.sequence) == [1])
        #expect(bench.metric("tocsin_alert_transition_queue_length 1"))
        try bench.restart()
        try bench.engine.load(rules)
        await bench.engine.handOn()
        #expect(bench.sink.brief == ["api fired crit@1700000040"])
        #expect(bench.store.queued.isEmpty)
        bench.evaluator.set("m", [:])
        await bench.advance()
        #expect(bench.sink.taken.map(\.sequence) == [1, 2], "numbers go on over a restart")
    }

    @Test func aStoreThatFailsDoesNotHoldPagesUpAndCatchesUp() async throws {
        let bench = try EngineBench()
        let sink = TransitionRecorder()
        let engine = try RuleEngine(
            settings: EngineBench.settings,
            evaluator: bench.evaluator,
            appender: bench.table,
            store: bench.store,
            sink: sink,
            clock: bench.clock,
            log: .silent,
            metrics: bench.registry
        )
        try engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        bench.evaluator.set("m", ["api": 1])
        bench.store.setFailing(true)
        bench.clock.advance(by: .seconds(60))
        engine.evaluateDue(at: bench.clock.now())
        await engine.handOn()
        #expect(sink.brief == ["api fired crit@1700000040"])
        #expect(bench.store.alerts.isEmpty)
        #expect(bench.metric("tocsin_alert_state_save_failures_total 2"))
        bench.store.setFailing(false)
        bench.clock.advance(by: .seconds(60))
        engine.evaluateDue(at: bench.clock.now())
        #expect(bench.store.alerts.count == 1)
        #expect(bench.store.queued.isEmpty)
    }

    /// Sleeps no time, and lets the receiver take again after the third sleep.
    private final class RelentingSleeper: Sleeper {
        let waits = Mutex<[Duration]>([])
        let sink: TransitionRecorder

        init(_ sink: TransitionRecorder) { self.sink = sink }

        func sleep(for duration: Duration) async throws {
            let count = waits.withLock { waits in
                waits.append(duration)
                return waits.count
            }
            if count == 3 { sink.setRefusing(false) }
        }
    }

    @Test func aReceiverThatRefusesIsAskedAgainAndGetsSmallBatchesInOrder() async throws {
        let bench = try EngineBench()
        let sink = TransitionRecorder()
        let sleeper = RelentingSleeper(sink)
        var settings = EngineBench.settings
        settings.transitionBatchMax = 2
        let engine = try RuleEngine(
            settings: settings,
            evaluator: bench.evaluator,
            appender: bench.table,
            store: bench.store,
            sink: sink,
            clock: bench.clock,
            sleeper: sleeper,
            log: .silent,
            metrics: bench.registry
        )
        sink.setRefusing(true)
        bench.evaluator.set("m", ["a": 1, "b": 1, "c": 1, "d": 1, "e": 1])
        try engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        bench.clock.advance(by: .seconds(60))
        engine.evaluateDue(at: bench.clock.now())
        engine.start()
        var arrivals = sink.stream.makeAsyncIterator()
        var order: [Int64] = []
        while order.count < 5, let next = await arrivals.next() { order.append(next.sequence) }
        await engine.stop()
        #expect(order == [1, 2, 3, 4, 5])
        #expect(sink.batches == [2, 2, 1])
        #expect(sleeper.waits.withLock { $0 } == [.seconds(1), .seconds(2), .seconds(4)])
        #expect(bench.metric("tocsin_alert_transition_failures_total 3"))
    }

    @Test func anUnreadableStoreIsAnErrorNotAnEmptyStart() throws {
        let bench = try EngineBench()
        bench.store.setFailing(true)
        #expect(throws: MemoryAlertStore.Failure.self) { try bench.restart() }
    }

    @Test func aReloadKeepsStatesAndResolvesWhatIsGone() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(
            RuleSet(groups: [
                .of("one", rules: [.alert("Keep", "m", hold: 120), .alert("Drop", "m")]),
                .of("two", rules: [.alert("Also", "m")]),
            ])
        )
        await bench.advance()
        try bench.engine.load(
            RuleSet(groups: [
                .of("one", rules: [.record("r", "m"), .alert("Keep", "m", hold: 60)])
            ])
        )
        #expect(bench.store.alerts.map(\.alertName) == ["Keep"])
        await bench.advance()
        #expect(
            bench.sink.taken.map { "\($0.alertName) \($0.change.brief) \($0.summary)" } == [
                "Drop fired crit Drop job=api: 1 (m)", "Also fired crit Also job=api: 1 (m)",
                "Drop resolved Drop job=api: its rule is gone",
                "Also resolved Also job=api: its rule is gone",
                "Keep fired crit Keep job=api: 1 (m) for 1m",
            ]
        )
        #expect(
            bench.table.history([
                LabelSet.metricName: "ALERTS", "alertname": "Drop", "alertstate": "firing",
                "job": "api",
            ]).last == "1700000120 stale"
        )
    }

    @Test func aRuleThatWentWhileTheServiceWasDownResolves() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        await bench.advance()
        try bench.restart()
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("B", "n")])]))
        await bench.engine.handOn()
        #expect(bench.sink.taken.map(\.summary) == ["A job=api: its rule is gone"])
        #expect(bench.store.alerts.isEmpty)
    }

    @Test(arguments: [false, true])
    func anAlertWhoseExpressionChangedDoesNotStayForEver(_ withRestart: Bool) async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 0.9])
        try bench.engine.load(RuleSet(groups: [.of(thresholds: [.of("T", "m")])]))
        await bench.advance()
        if withRestart { try bench.restart() }
        bench.evaluator.set("n", ["api-eu": 0.9])
        try bench.engine.load(RuleSet(groups: [.of(thresholds: [.of("T", "n")])]))
        await bench.advance()
        #expect(
            bench.sink.brief.suffix(2).sorted() == [
                "api resolved@1700000100", "api-eu fired crit@1700000100",
            ]
        )
    }
}
