import Model
import PromQL
import RuleEvaluation
import Rules
import Synchronization
import Telemetry
import TestSupport
import Timekeeping

/// Samples that rules appended, readable by scripted expressions.
final class SampleTable: SampleAppending {
    private let samples = Mutex<[(labels: [UInt8], sample: Sample)]>([])
    private let appends = Mutex(0)

    func append(_ batch: SampleBatch) -> AppendResult {
        appends.withLock { $0 += 1 }
        samples.withLock { samples in
            for entry in batch.entries {
                for index in entry.samples {
                    samples.append(
                        (
                            Array(batch.labelBytes[entry.labels]),
                            Sample(
                                Timestamp(milliseconds: batch.timestamps[index]),
                                batch.values[index]
                            )
                        )
                    )
                }
            }
        }
        return AppendResult()
    }

    var appendCount: Int { appends.withLock { $0 } }

    /// `time value` of each sample of a series; `stale` for a marker.
    func history(_ labels: LabelSet) -> [String] {
        var bytes: [UInt8] = []
        LabelEncoding.append(labels, to: &bytes)
        return samples.withLock { samples in
            samples.filter { $0.labels == bytes }.map { entry in
                let value =
                    Staleness.isMarker(entry.sample.value)
                    ? "stale" : GoNumber.fixed(entry.sample.value)
                return "\(entry.sample.timestamp.milliseconds / 1000) \(value)"
            }
        }
    }

    /// The newest value of a series not after `time`; nil when it is stale or not there.
    func value(_ labels: LabelSet, at time: Timestamp) -> Double? {
        var bytes: [UInt8] = []
        LabelEncoding.append(labels, to: &bytes)
        return samples.withLock { samples in
            let found = samples.last { $0.labels == bytes && $0.sample.timestamp <= time }
            return found.flatMap { Staleness.isMarker($0.sample.value) ? nil : $0.sample.value }
        }
    }
}

/// Answers expressions by a script: text to a function of time.
final class ScriptedEvaluator: ExpressionEvaluating {
    typealias Script = @Sendable (Timestamp) throws(QueryError) -> [VectorSample]

    private struct Scripted: EvaluableExpression {
        let text: String
        let owner: ScriptedEvaluator

        var needs: [SelectorNeed] {
            let names = owner.reads.withLock { $0[text] } ?? [text]
            return names.map {
                SelectorNeed(
                    matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                    reach: .seconds(300)
                )
            }
        }

        var judgesAbsence: Bool { text.hasPrefix("absent") }

        func evaluate(at time: Timestamp) throws(QueryError) -> QueryResult {
            owner.evaluations.withLock { $0.append((text, time)) }
            guard let script = owner.scripts.withLock({ $0[text] }) else {
                return QueryResult(value: .vector([]))
            }
            return QueryResult(value: .vector(try script(time)))
        }
    }

    private let scripts = Mutex<[String: Script]>([:])
    private let reads = Mutex<[String: [String]]>([:])
    private let evaluations = Mutex<[(text: String, time: Timestamp)]>([])

    func prepare(_ expression: String) throws(QueryError) -> any EvaluableExpression {
        guard !expression.contains("(((") else {
            throw .badExpression("parse error: unclosed left parenthesis")
        }
        return Scripted(text: expression, owner: self)
    }

    /// Sets what `text` gives from now on.
    func set(_ text: String, reads names: [String]? = nil, _ script: @escaping Script) {
        scripts.withLock { $0[text] = script }
        if let names { reads.withLock { $0[text] = names } }
    }

    /// Sets a constant answer: value by `job`.
    func set(_ text: String, _ values: [String: Double]) {
        set(text) { _ in
            values.sorted { $0.key < $1.key }.map {
                VectorSample(
                    labels: [LabelSet.metricName: text, "job": $0.key],
                    value: $0.value
                )
            }
        }
    }

    func fail(_ text: String, _ reason: String) {
        set(text) { _ throws(QueryError) in throw .execution(reason) }
    }

    /// The times at which `text` was evaluated, in seconds.
    func times(_ text: String) -> [Int64] {
        evaluations.withLock { $0.filter { $0.text == text }.map { $0.time.milliseconds / 1000 } }
    }
}

/// Keeps states in memory; can be told to fail.
final class MemoryAlertStore: AlertStateStoring {
    struct Failure: Error {}

    private struct State {
        var alerts: [StoredAlertKey: StoredAlert] = [:]
        var queue: [Int64: AlertTransition] = [:]
        var lastSequence: Int64 = 0
        var fails = false
        var saves = 0
    }

    private let state = Mutex(State())

    func loadAlertStates() throws -> StoredAlertStates {
        try state.withLock { state in
            if state.fails { throw Failure() }
            return StoredAlertStates(
                alerts: Array(state.alerts.values),
                queue: state.queue.values.sorted { $0.sequence < $1.sequence },
                lastSequence: state.lastSequence
            )
        }
    }

    func saveAlertStates(_ changes: AlertStateChanges) throws {
        try state.withLock { state in
            if state.fails { throw Failure() }
            state.saves += 1
            for alert in changes.saved { state.alerts[alert.key] = alert }
            for key in changes.removed { state.alerts[key] = nil }
            for transition in changes.queued { state.queue[transition.sequence] = transition }
            for sequence in changes.taken { state.queue[sequence] = nil }
            state.lastSequence = changes.lastSequence ?? state.lastSequence
        }
    }

    func setFailing(_ fails: Bool) { state.withLock { $0.fails = fails } }

    var alerts: [StoredAlert] { state.withLock { Array($0.alerts.values) } }
    var queued: [AlertTransition] {
        state.withLock { $0.queue.values.sorted { $0.sequence < $1.sequence } }
    }
    var saveCount: Int { state.withLock { $0.saves } }
}

/// Takes transitions down; can be told to refuse.
final class TransitionRecorder: AlertTransitionSink {
    struct Refusal: Error {}

    private let state = Mutex((taken: [AlertTransition](), batches: [Int](), refuses: false))
    private let store: MemoryAlertStore?
    private let arrivals: AsyncStream<AlertTransition>.Continuation
    let stream: AsyncStream<AlertTransition>

    /// With a store it also checks that each transition is on disk before it is handed on.
    init(_ store: MemoryAlertStore? = nil) {
        self.store = store
        (stream, arrivals) = AsyncStream.makeStream()
    }

    func take(_ transitions: [AlertTransition]) async throws {
        let refuses = state.withLock { $0.refuses }
        if refuses { throw Refusal() }
        if let store {
            let saved = Set(store.queued.map(\.sequence))
            for one in transitions where !saved.contains(one.sequence) {
                state.withLock { $0.taken.append(one) }
                throw Refusal()
            }
        }
        state.withLock { state in
            state.taken += transitions
            state.batches.append(transitions.count)
        }
        for one in transitions { arrivals.yield(one) }
    }

    func setRefusing(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    var taken: [AlertTransition] { state.withLock { $0.taken } }

    /// How many came in each call.
    var batches: [Int] { state.withLock { $0.batches } }

    /// `job change@seconds` of each transition.
    var brief: [String] {
        taken.map { "\($0.labels["job"]) \($0.change.brief)@\($0.at.milliseconds / 1000)" }
    }
}

/// An engine with everything around it in memory and in virtual time.
final class EngineBench {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
    let evaluator = ScriptedEvaluator()
    let table = SampleTable()
    let store = MemoryAlertStore()
    let registry = MetricsRegistry()
    private(set) var sink: TransitionRecorder
    private(set) var engine: RuleEngine
    private let settings: RuleEngineSettings

    init(_ settings: RuleEngineSettings = EngineBench.settings) throws {
        self.settings = settings
        sink = TransitionRecorder(store)
        engine = try RuleEngine(
            settings: settings,
            evaluator: evaluator,
            appender: table,
            store: store,
            sink: sink,
            clock: clock,
            log: .silent,
            metrics: registry
        )
    }

    /// No grace, a slot each 60 s.
    static var settings: RuleEngineSettings {
        var settings = RuleEngineSettings()
        settings.interval = .seconds(60)
        settings.graceAfterStart = .zero
        return settings
    }

    /// A new engine and a new receiver over the same store.
    func restart() throws {
        sink = TransitionRecorder(store)
        engine = try RuleEngine(
            settings: settings,
            evaluator: evaluator,
            appender: table,
            store: store,
            sink: sink,
            clock: clock,
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    /// Moves on by `seconds`, evaluates what is due and hands on.
    func advance(_ seconds: Int = 60) async {
        clock.advance(by: .seconds(seconds))
        engine.evaluateDue(at: clock.now())
        await engine.handOn()
    }

    func metric(_ line: String) -> Bool { registry.exposition(.text).contains(line + "\n") }
}

extension RuleGroup {
    static let place = SourceLocation(file: "rules.yaml", line: 1, column: 1)

    static func of(
        _ name: String = "g",
        rules: [Rule] = [],
        thresholds: [ThresholdRule] = [],
        limit: Int = 0,
        interval: Duration? = nil,
        isEager: Bool = false,
        queryOffset: Duration? = nil,
        labels: [String: String] = [:]
    ) -> RuleGroup {
        RuleGroup(
            name: name,
            file: "rules.yaml",
            interval: interval,
            queryOffset: queryOffset,
            limit: limit,
            labels: labels,
            isEager: isEager,
            rules: rules,
            thresholds: thresholds,
            location: place
        )
    }
}

extension Rule {
    static func alert(
        _ name: String,
        _ expr: String,
        hold: Int = 0,
        keep: Int = 0,
        labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) -> Rule {
        .alerting(
            AlertingRule(
                alert: name,
                expr: RuleExpression(text: expr, location: RuleGroup.place),
                hold: .seconds(hold),
                keepFiringFor: .seconds(keep),
                labels: labels,
                annotations: annotations,
                location: RuleGroup.place
            )
        )
    }

    static func record(_ name: String, _ expr: String, labels: [String: String] = [:]) -> Rule {
        .recording(
            RecordingRule(
                record: name,
                expr: RuleExpression(text: expr, location: RuleGroup.place),
                labels: labels,
                location: RuleGroup.place
            )
        )
    }
}

extension ThresholdRule {
    static func of(
        _ name: String,
        _ expr: String,
        warn: Double? = 0.3,
        crit: Double? = 0.5,
        clear: Double? = nil,
        hold: Int = 0,
        unit: String? = "s",
        missing: MissingPolicy = .hold,
        relativeTo: Reference? = nil,
        datapoints: Datapoints? = nil,
        labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) -> ThresholdRule {
        func condition(
            _ comparison: ThresholdCondition.Comparison,
            _ value: Double?
        )
            -> ThresholdCondition?
        {
            value.map {
                ThresholdCondition(
                    comparison: comparison,
                    value: $0,
                    text: "\(comparison.rawValue) \($0)"
                )
            }
        }
        return ThresholdRule(
            alert: name,
            expr: RuleExpression(text: expr, location: RuleGroup.place),
            unit: unit,
            warn: condition(.greater, warn),
            crit: condition(.greater, crit),
            relativeTo: relativeTo,
            hold: .seconds(hold),
            clear: condition(.less, clear),
            datapoints: datapoints,
            missing: missing,
            labels: labels,
            annotations: annotations,
            action: "Scale, investigate",
            runbook: "runbooks/latency.md",
            location: RuleGroup.place
        )
    }
}
