import Foundation
import LogRules
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Keeps what is saved, and fails when it is told to.
final class MemoryStore: LogRuleStoring {
    private struct Broken: Error {}

    private let state = Mutex((stored: StoredLogRules(), isBroken: false, writes: 0))

    var stored: StoredLogRules { state.withLock { $0.stored } }
    var writes: Int { state.withLock { $0.writes } }

    func setBroken(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

    func loadLogRules() throws -> StoredLogRules { stored }

    func saveLogRules(_ changes: LogRuleChanges) throws {
        try state.withLock { state in
            if state.isBroken { throw Broken() }
            state.writes += 1
            for (name, body) in changes.rules { state.stored.rules[name] = body }
            state.stored.queue += changes.queued
            state.stored.queue.removeAll { changes.taken.contains($0.sequence) }
            state.stored.lastSequence = changes.lastSequence ?? state.stored.lastSequence
        }
    }
}

/// Takes transitions over, and refuses when it is told to.
final class MemorySink: LogRuleSink {
    private struct Refused: Error {}

    private let state = Mutex((taken: [AlertTransition](), refuses: false))

    var taken: [AlertTransition] { state.withLock { $0.taken } }

    func setRefuses(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    func take(_ transitions: [AlertTransition]) async throws {
        try state.withLock { state in
            if state.refuses { throw Refused() }
            state.taken += transitions
        }
    }
}

@Suite struct LogRuleEngineTests {
    let clock = ManualClock()
    let store = MemoryStore()
    let sink = MemorySink()
    let metrics = MetricsRegistry()

    static let place = SourceLocation(file: "rules.yaml", line: 3, column: 5)

    static func rule(
        _ kind: LogRuleDefinition.Kind,
        name: String = "Rule",
        filter: LogFilter = .all([]),
        timeframe: Duration = .seconds(60),
        keys: [String] = [],
        resolveAfter: Duration = .seconds(300)
    ) -> LogRuleDefinition {
        LogRuleDefinition(
            name: name,
            kind: kind,
            filter: filter,
            timeframe: timeframe,
            keys: keys,
            every: .seconds(10),
            lateness: .seconds(5),
            resolveAfter: resolveAfter,
            priority: .p2,
            labels: ["team": "shop"],
            annotations: ["why": "{{ num_events }} of {{ user }}"],
            action: "Look",
            location: place
        )
    }

    func engine(
        _ rules: [LogRuleDefinition],
        settings: LogRuleSettings = LogRuleSettings()
    ) throws -> LogRuleEngine {
        let made = try LogRuleEngine(
            settings: settings,
            store: store,
            sink: sink,
            clock: clock,
            parse: { _ in nil },
            log: .silent,
            metrics: metrics
        )
        try made.load(rules)
        return made
    }

    func record(
        _ text: String,
        user: String = "ann",
        ago: Duration = .zero
    ) -> LogRecord {
        LogRecord(
            tag: "app",
            eventTime: clock.now() - ago,
            arrivalTime: clock.now(),
            fields: [
                ("log", .string(text)), ("user", .string(user)),
                (
                    "kubernetes",
                    .object([
                        ("namespace_name", .string("shop")), ("container_name", .string("web")),
                    ])
                ),
            ]
        )
    }

    func advance(_ engine: LogRuleEngine, by span: Duration) {
        for _ in 0..<Int(span.milliseconds / 1000) {
            clock.advance(by: .seconds(1))
            engine.tick()
        }
    }

    func counter(_ name: String, _ rule: String = "Rule") -> Int {
        metrics.counter(name, help: "", labels: [("rule", rule)]).value
    }

    @Test func anAlertFiresWithItsLinesAndEndsWhenItIsQuiet() async throws {
        let engine = try engine([
            Self.rule(
                .frequency(events: 3),
                filter: .contains(field: nil, text: "FAILED"),
                keys: ["user"]
            )
        ])
        for index in 1...3 {
            engine.judge([record("login failed \(index)\n"), record("login ok", user: "ann")])
            engine.judge([record("login failed", user: "bob")].filter { _ in index < 3 })
        }
        await engine.handOn()
        let fired = try #require(sink.taken.first)
        #expect(sink.taken.count == 1)
        #expect(fired.change == .fired(.crit))
        #expect(fired.summary == "Rule user=ann: 3 records within 1m")
        #expect(fired.labels == ["alertname": "Rule", "team": "shop", "user": "ann"])
        #expect(fired.annotations == ["why": "3 of ann", "num_events": "3"])
        #expect(fired.priority == .p2 && fired.action == "Look" && fired.rule == "logs/Rule")
        #expect(
            fired.lines?.map(\.text) == ["login failed 1", "login failed 2", "login failed 3"]
        )
        #expect(fired.lines?.first?.stream == "shop/web")
        // It fires once, however often it matches, and its quiet begins anew.
        advance(engine, by: .seconds(200))
        for _ in 0..<3 { engine.judge([record("login failed again")]) }
        await engine.handOn()
        #expect(sink.taken.count == 1)
        #expect(counter("tocsin_log_rule_matches") == 2)
        advance(engine, by: .seconds(299))
        #expect(engine.snapshot.first?.alerts.count == 1)
        advance(engine, by: .seconds(1))
        await engine.handOn()
        #expect(sink.taken.map(\.change) == [.fired(.crit), .resolved])
        #expect(sink.taken.last?.lines?.count == 6)
        #expect(sink.taken.map(\.sequence) == [1, 2])
    }

    @Test func aRuleGoesOnAfterARestart() async throws {
        let definition = Self.rule(.frequency(events: 4))
        var running = try engine([definition])
        for _ in 0..<3 { running.judge([record("failed")]) }
        running.flush()
        clock.advance(by: .seconds(10))
        running = try engine([definition])
        running.judge([record("failed")])
        // On disk before the record is acknowledged; not taken over before the next start.
        #expect(store.stored.queue.count == 1)
        clock.advance(by: .seconds(10))
        running = try engine([definition])
        for _ in 0..<4 { running.judge([record("failed")]) }
        await running.handOn()
        #expect(sink.taken.map(\.change) == [.fired(.crit)], "neither forgotten nor repeated")
        running.flush()
        #expect(store.stored.queue.isEmpty)
        // A long stop does not end it: nobody saw whether it went on.
        clock.advance(by: .seconds(9999))
        running = try engine([definition])
        advance(running, by: .seconds(299))
        await running.handOn()
        #expect(sink.taken.count == 1)
        advance(running, by: .seconds(1))
        await running.handOn()
        #expect(sink.taken.last?.change == .resolved)
    }

    @Test func silenceIsJudgedBehindTheClockAndNotAfterAStop() async throws {
        let definition = Self.rule(.flatline(threshold: 2, forgetsKeys: false))
        var running = try engine([definition])
        for _ in 0..<20 {
            running.judge([record("beat", ago: .seconds(4))])
            advance(running, by: .seconds(10))
        }
        await running.handOn()
        #expect(sink.taken.isEmpty)
        running.flush()
        clock.advance(by: .seconds(600))
        running = try engine([definition])
        advance(running, by: .seconds(55))
        await running.handOn()
        #expect(sink.taken.isEmpty, "the service was not there to see")
        advance(running, by: .seconds(30))
        await running.handOn()
        #expect(sink.taken.map(\.change) == [.fired(.crit)])
        #expect(sink.taken.first?.summary == "Rule: 0 records within 1m, fewer than 2")
    }

    @Test func silenceOfAPulledSourceIsJudgedAsFarAsItIsRead() async throws {
        let horizon = Mutex<Timestamp?>(clock.now())
        func engine() throws -> LogRuleEngine {
            let made = try LogRuleEngine(
                store: store,
                sink: sink,
                clock: clock,
                parse: { _ in nil },
                horizon: { $0.contains("elasticsearch/a") ? horizon.withLock { $0 } : nil },
                log: .silent,
                metrics: metrics
            )
            try made.load([Self.rule(.flatline(threshold: 1, forgetsKeys: false))])
            return made
        }
        let first = try engine()
        // Past the time after a start in which absence may be the service's own.
        for _ in 0..<8 {
            first.judge([record("x")], from: "elasticsearch/a")
            advance(first, by: .seconds(10))
            horizon.withLock { $0 = clock.now() }
        }
        let read = clock.now()
        advance(first, by: .seconds(180))
        await first.handOn()
        #expect(sink.taken.isEmpty)
        first.flush()
        // A restart knows where the rule's records come from.
        let second = try engine()
        advance(second, by: .seconds(120))
        await second.handOn()
        #expect(sink.taken.isEmpty)
        // Read further, the silence is one.
        for step in 1...12 {
            horizon.withLock { $0 = read + .seconds(Int64(step) * 25) }
            second.tick()
        }
        await second.handOn()
        #expect(sink.taken.map(\.alertName) == ["Rule"])
        // A source that is not pulled any more holds nobody up.
        horizon.withLock { $0 = nil }
        advance(second, by: .seconds(5))
    }

    @Test func lateRecordsTakeTheirPlace() throws {
        var trial = try LogRuleTrial([Self.rule(.frequency(events: 3))]) { _ in nil }
        // Three within a minute of each other, told in another order, with one far away between them.
        func found(_ ago: Int64) -> Int { trial.take(record("x", ago: .seconds(ago))).count }
        #expect(found(200) == 0)
        #expect(found(10) == 0)
        #expect(found(50) == 0)
        #expect(found(300) == 0, "too old for the window")
        #expect(found(30) == 1)
    }

    @Test func aSenderAheadOfTimeDoesNotEndTheWindowsOfOthers() throws {
        let engine = try engine([Self.rule(.frequency(events: 3), timeframe: .seconds(120))])
        engine.judge([record("x"), record("ahead", ago: .seconds(-86400)), record("x")])
        #expect(counter("tocsin_log_rule_matches") == 1)
    }

    @Test func whatIsRememberedIsBounded() throws {
        let settings = LogRuleSettings(keysMax: 10, entriesMax: 10, valuesMax: 10)
        let kinds: [LogRuleDefinition.Kind] = [
            .frequency(events: 1000),
            .spike(.init(height: 2, direction: .both), field: nil),
            .flatline(threshold: 5, forgetsKeys: false),
            .change(fields: ["log"], ignoresNull: false),
            .newTerm(
                fields: [["log"]],
                window: .seconds(3600),
                learning: .seconds(3600),
                alertsOnMissing: false
            ), .cardinality(field: "log", max: 1_000_000, min: nil),
            .metricAggregation(field: "log", .cardinality, max: 1e9, min: nil),
            .metricAggregation(field: "log", .percentile(95), max: 1e9, min: nil),
        ]
        for (index, kind) in kinds.enumerated() {
            let name = "Rule \(index)"
            let engine = try engine(
                [Self.rule(kind, name: name, keys: ["user"])],
                settings: settings
            )
            for step in 0..<3000 {
                if step % 100 == 0 { clock.advance(by: .milliseconds(1)) }
                let user = step < 1500 ? "ann" : "user \(step)"
                engine.judge([record("\(step)", user: user, ago: .milliseconds(Int64(step % 1000)))]
                )
            }
            engine.flush()
            let size = store.stored.rules[name]?.utf8.count ?? 0
            #expect(size > 0 && size < 20_000, "\(kind.name): \(size) bytes")
            #expect(counter("tocsin_log_rule_forgotten", name) > 0, "\(kind.name)")
        }
    }

    @Test func alertsAreBounded() async throws {
        let engine = try engine(
            [Self.rule(.any, keys: ["user"])],
            settings: LogRuleSettings(alertsMax: 5)
        )
        for index in 0..<20 { engine.judge([record("x", user: "u\(index)")]) }
        await engine.handOn()
        #expect(sink.taken.count == 5)
        #expect(counter("tocsin_log_rule_alerts_refused") == 15)
    }

    @Test func aReceiverThatRefusesGetsThemLater() async throws {
        let engine = try engine([Self.rule(.any)])
        sink.setRefuses(true)
        engine.judge([record("x")])
        #expect(await engine.handOn() == false)
        sink.setRefuses(false)
        #expect(await engine.handOn())
        #expect(sink.taken.count == 1)
    }

    @Test func aStoreThatFailsIsTriedAgain() async throws {
        let engine = try engine([Self.rule(.any)])
        store.setBroken(true)
        engine.judge([record("x")])
        #expect(metrics.counter("tocsin_log_rule_save_failures", help: "").value == 1)
        // The page goes out all the same.
        await engine.handOn()
        #expect(sink.taken.count == 1)
        store.setBroken(false)
        advance(engine, by: .seconds(6))
        #expect(store.stored.rules["Rule"]?.contains("\"alerts\"") == true)
        #expect(store.stored.lastSequence == 1)
    }

    @Test func aPersonMayEndAnAlert() async throws {
        let engine = try engine([Self.rule(.any)])
        engine.judge([record("x")])
        await engine.handOn()
        let fingerprint = try #require(sink.taken.first?.fingerprint)
        #expect(engine.release(fingerprint: fingerprint))
        #expect(!engine.release(fingerprint: fingerprint))
        engine.judge([record("x")])
        await engine.handOn()
        #expect(sink.taken.map(\.change) == [.fired(.crit), .resolved, .fired(.crit)])
    }

    @Test func aReloadKeepsWhatIsAlikeAndEndsWhatIsGone() async throws {
        let engine = try engine([
            Self.rule(.frequency(events: 3)), Self.rule(.any, name: "Other"),
        ])
        engine.judge([record("x"), record("x")])
        var changed = Self.rule(.frequency(events: 4))
        changed.priority = .p1
        try engine.load([changed])
        await engine.handOn()
        #expect(sink.taken.map(\.alertName) == ["Other", "Other"])
        #expect(sink.taken.map(\.change) == [.fired(.crit), .resolved])
        engine.judge([record("x"), record("x")])
        await engine.handOn()
        #expect(sink.taken.last?.priority == .p1, "the first two were not forgotten")
        #expect(store.stored.rules["Other"] == nil)
        #expect(throws: DiagnosticList.self) {
            try engine.load([
                Self.rule(
                    .any,
                    filter: .compare(.init(field: "a", comparison: .matches, value: "("))
                )
            ])
        }
    }
}
