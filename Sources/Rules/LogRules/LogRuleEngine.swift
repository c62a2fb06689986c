package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Judges every admitted log record by the `log_rules` of the rule files, on event time, and tells the incidents.
///
/// What rules remember is kept over restarts: with every alert at once, else every few seconds. An alert is on
/// disk before the record that raised it is acknowledged.
package final class LogRuleEngine: Sendable {
    private struct State {
        var rules: [LogRuleRuntime] = []
        /// What was saved of rules that are not loaded yet.
        var saved: [String: String]
        /// Transitions that the incidents have not taken.
        var queue: [AlertTransition]
        var lastSequence: Int64
        var savedSequence: Int64
        /// Of what is not on disk yet.
        var unsavedQueue: [AlertTransition] = []
        var taken: [Int64] = []
        var gone: Set<String> = []
        var nextSave = Timestamp.distantPast
        var instruments: [String: Instruments] = [:]
    }

    private struct Instruments {
        let records: Counter
        let matches: Counter
        let late: Counter
        let forgotten: Counter
        let refused: Counter
    }

    private let settings: LogRuleSettings
    private let store: any LogRuleStoring
    private let sink: any LogRuleSink
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let parse: @Sendable (LogRecord) -> [(name: String, value: LogValue)]?
    private let horizon: @Sendable (Set<String>) -> Timestamp?
    private let log: Log
    private let metrics: MetricsRegistry
    private let startedAt: Timestamp
    private let state: Mutex<State>
    /// Held while the store writes, so that an older memory never replaces a newer one.
    private let saving = Mutex(false)
    private let hasRules = Atomic(false)
    private let (wakes, wake) = AsyncStream.makeStream(
        of: Void.self,
        bufferingPolicy: .bufferingNewest(1)
    )
    private let saveFailures: Counter

    /// A sender's clock may be so far ahead.
    private static let skewMax = Duration.seconds(60)

    /// Reads what was saved; `load` gives it back to the rules.
    ///
    /// - Parameters:
    ///   - settings: Limits.
    ///   - store: Keeps what rules remember.
    ///   - sink: Takes alerts over.
    ///   - clock: The time of alerts.
    ///   - sleeper: How a retry waits.
    ///   - parse: Gives the fields that are in a record's text.
    ///   - horizon: Up to when pulled sources are read; nil when none of them is pulled now.
    ///   - log: For what a person should know.
    ///   - metrics: Counters join them.
    /// - Throws: What the store throws.
    package init(
        settings: LogRuleSettings = LogRuleSettings(),
        store: any LogRuleStoring,
        sink: any LogRuleSink,
        clock: any WallClock,
        sleeper: any Sleeper = SystemSleeper(),
        parse: @escaping @Sendable (LogRecord) -> [(name: String, value: LogValue)]?,
        horizon: @escaping @Sendable (Set<String>) -> Timestamp? = { _ in nil },
        log: Log,
        metrics: MetricsRegistry
    ) throws {
        self.settings = settings
        self.store = store
        self.sink = sink
        self.clock = clock
        self.sleeper = sleeper
        self.parse = parse
        self.horizon = horizon
        self.log = log
        self.metrics = metrics
        startedAt = clock.now()
        let stored = try store.loadLogRules()
        state = Mutex(
            State(
                saved: stored.rules,
                queue: stored.queue,
                lastSequence: stored.lastSequence,
                savedSequence: stored.lastSequence
            )
        )
        saveFailures = metrics.counter(
            "tocsin_log_rule_save_failures",
            help: "Writes of what log rules remember that failed."
        )
        if !stored.queue.isEmpty { wake.yield() }
        metrics.collect { [weak self] in
            let firing = self?.state.withLock { $0.rules.reduce(0) { $0 + $1.alerts.count } } ?? 0
            return [
                MetricFamily(
                    "tocsin_log_rule_alerts",
                    help: "Alerts of log rules that fire.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(firing))]
                )
            ]
        }
    }

    /// Puts all rules in place of those loaded before; firing alerts of rules that are gone are resolved.
    ///
    /// - Throws: Every problem, with the old rules going on.
    package func load(_ definitions: [LogRuleDefinition]) throws(DiagnosticList) {
        var problems: [Diagnostic] = []
        var compiled: [CompiledLogRule] = []
        for definition in definitions {
            do {
                compiled.append(try CompiledLogRule(definition, settings: settings))
            } catch {
                problems.append(
                    Diagnostic(definition.location, "log rule \"\(definition.name)\": \(error)")
                )
            }
        }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        let made = compiled
        let now = clock.now()
        state.withLock { adopt(made, at: now, &$0) }
        hasRules.store(!definitions.isEmpty, ordering: .relaxed)
        save(everything: true)
        wake.yield()
    }

    private func adopt(_ compiled: [CompiledLogRule], at now: Timestamp, _ state: inout State) {
        var left = Dictionary(
            uniqueKeysWithValues: state.rules.map { ($0.rule.definition.name, $0) }
        )
        var rules: [LogRuleRuntime] = []
        for rule in compiled {
            let name = rule.definition.name
            state.gone.remove(name)
            if let before = left.removeValue(forKey: name) {
                rules.append(LogRuleRuntime(rule, from: before, startedAt: now))
                continue
            }
            let saved = state.saved.removeValue(forKey: name)
            rules.append(restored(rule, saved))
            if state.instruments[name] == nil { state.instruments[name] = instruments(name) }
        }
        for (name, runtime) in left {
            for alert in runtime.alerts.sorted(by: { $0.key < $1.key }).map(\.value) {
                enqueue(alert, .resolved, runtime.rule.definition, at: now, &state)
            }
            state.gone.insert(name)
        }
        // Rules that were loaded in an earlier run and are in no file now.
        state.gone.formUnion(state.saved.keys)
        state.rules = rules
    }

    private func restored(_ rule: CompiledLogRule, _ saved: String?) -> LogRuleRuntime {
        do {
            return try LogRuleRuntime(rule, saved: saved, startedAt: startedAt)
        } catch {
            log.error(
                "what a log rule remembered cannot be read; it begins anew",
                ["rule": rule.definition.name, "reason": "\(error)"]
            )
            // Without anything saved nothing can be wrong with it.
            guard let fresh = try? LogRuleRuntime(rule, saved: nil, startedAt: startedAt) else {
                preconditionFailure("a rule without a memory")
            }
            return fresh
        }
    }

    private func instruments(_ name: String) -> Instruments {
        let labels = [(name: "rule", value: name)]
        return Instruments(
            records: metrics.counter(
                "tocsin_log_rule_records",
                help: "Records that a log rule's filter let through.",
                labels: labels
            ),
            matches: metrics.counter(
                "tocsin_log_rule_matches",
                help: "Matches of a log rule, repeated ones too.",
                labels: labels
            ),
            late: metrics.counter(
                "tocsin_log_rule_late",
                help: "Records that came after their time was looked at.",
                labels: labels
            ),
            forgotten: metrics.counter(
                "tocsin_log_rule_forgotten",
                help: "Keys, moments and values that a log rule forgot for want of room.",
                labels: labels
            ),
            refused: metrics.counter(
                "tocsin_log_rule_alerts_refused",
                help: "Alerts that were not raised, as too many fire or wait.",
                labels: labels
            )
        )
    }

    // MARK: Judging

    /// Judges records; alerts that they raise are on disk when it returns.
    package func judge(_ records: [LogRecord]) { judge(records, pulledFrom: nil) }

    /// The same for records of a pulled source, which the rules that they reach remember: what depends on absence is
    /// judged only as far as the source is read.
    package func judge(_ records: [LogRecord], from source: String) {
        judge(records, pulledFrom: source)
    }

    private func judge(_ records: [LogRecord], pulledFrom source: String?) {
        guard hasRules.load(ordering: .relaxed), !records.isEmpty else { return }
        let now = clock.now()
        let raised = state.withLock { state in
            var raised = false
            for record in records {
                var event = LogEvent(record, parse: parse)
                let latest = min(record.eventTime, record.arrivalTime + LogRuleEngine.skewMax)
                for index in state.rules.indices {
                    var notes = LogRuleEvaluator.Notes()
                    let matches = state.rules[index].take(&event, latest: latest, &notes)
                    guard let matches else { continue }
                    if let source { state.rules[index].isFed(by: source) }
                    state.instruments[state.rules[index].rule.definition.name]?.records.add()
                    raised = settle(index, matches, notes, at: now, &state) || raised
                }
            }
            return raised
        }
        guard raised else { return }
        save(everything: false)
        wake.yield()
    }

    /// Looks at the windows, ends what has been quiet, and saves; call it every second from a thread that may
    /// block.
    package func tick() {
        guard hasRules.load(ordering: .relaxed) else { return }
        let now = clock.now()
        let (changed, isDue) = state.withLock { state in
            var changed = false
            for index in state.rules.indices {
                var notes = LogRuleEvaluator.Notes()
                let definition = state.rules[index].rule.definition
                let seen = horizon(state.rules[index].sources) ?? now
                // Of a source that has not been read yet there is nothing to say.
                guard seen > .distantPast else { continue }
                let matches = state.rules[index].look(
                    upTo: min(now, seen) - definition.lateness,
                    &notes
                )
                changed = settle(index, matches, notes, at: now, &state) || changed
                for alert in state.rules[index].endQuiet(at: now) {
                    enqueue(alert, .resolved, definition, at: now, &state)
                    changed = true
                }
            }
            let isDue = now >= state.nextSave
            if isDue { state.nextSave = now + settings.saveInterval }
            return (changed, isDue)
        }
        if changed || isDue { save(everything: isDue) }
        if changed { wake.yield() }
    }

    /// Saves everything now; for a clean stop.
    package func flush() { save(everything: true) }

    /// Ends a firing alert by a person's word; the next match raises it anew.
    ///
    /// - Returns: False when no alert of that fingerprint fires.
    package func release(fingerprint: String) -> Bool {
        let now = clock.now()
        let found = state.withLock { state in
            for index in state.rules.indices {
                guard let alert = state.rules[index].end(fingerprint: fingerprint) else { continue }
                enqueue(alert, .resolved, state.rules[index].rule.definition, at: now, &state)
                return true
            }
            return false
        }
        if found {
            save(everything: false)
            wake.yield()
        }
        return found
    }

    /// True when an alert was raised.
    private func settle(
        _ index: Int,
        _ matches: [LogMatch],
        _ notes: LogRuleEvaluator.Notes,
        at now: Timestamp,
        _ state: inout State
    ) -> Bool {
        let definition = state.rules[index].rule.definition
        let instruments = state.instruments[definition.name]
        if notes.late > 0 { instruments?.late.add(notes.late) }
        if notes.forgotten + notes.merged > 0 {
            instruments?.forgotten.add(notes.forgotten + notes.merged)
        }
        guard !matches.isEmpty else { return false }
        instruments?.matches.add(matches.count)
        var raised = false
        for match in matches {
            let isNew = state.rules[index].alerts[match.key] == nil
            if isNew,
                state.rules[index].alerts.count >= settings.alertsMax
                    || state.queue.count >= settings.queueMax
            {
                instruments?.refused.add()
                continue
            }
            guard let alert = state.rules[index].raise(match, at: now) else { continue }
            enqueue(alert, .fired(.crit), definition, at: now, &state)
            raised = true
        }
        return raised
    }

    private func enqueue(
        _ alert: LogRuleRuntime.Alert,
        _ change: AlertTransition.Change,
        _ definition: LogRuleDefinition,
        at now: Timestamp,
        _ state: inout State
    ) {
        state.lastSequence += 1
        var transition = AlertTransition(
            fingerprint: alert.labels.fingerprintText,
            rule: "logs/\(definition.name)",
            alertName: definition.name,
            labels: alert.labels,
            annotations: alert.annotations,
            change: change,
            priority: definition.priority,
            value: nil,
            unit: nil,
            summary: alert.summary,
            action: definition.action,
            runbook: definition.runbook,
            at: now,
            sequence: state.lastSequence
        )
        transition.lines = alert.lines.isEmpty ? nil : alert.lines
        state.queue.append(transition)
        state.unsavedQueue.append(transition)
    }

    /// Every rule's firing alerts.
    package var snapshot: [LogRuleSnapshot] {
        state.withLock { state in
            state.rules.map { runtime in
                LogRuleSnapshot(
                    definition: runtime.rule.definition,
                    alerts: runtime.alerts.sorted { $0.key < $1.key }.map { _, alert in
                        LogRuleSnapshot.Alert(
                            labels: alert.labels,
                            annotations: alert.annotations,
                            firedAt: alert.firedAt,
                            lastMatch: alert.lastMatch,
                            summary: alert.summary
                        )
                    }
                )
            }
        }
    }

    // MARK: Keeping and handing on

    /// Writes what changed; of rules only those with new alerts unless `everything` is asked for.
    private func save(everything: Bool) {
        saving.withLock { isFailing in
            var changes = LogRuleChanges()
            var left: (queue: [AlertTransition], taken: [Int64], gone: Set<String>) = ([], [], [])
            var problem: (any Error)?
            state.withLock { state in
                let changed = Set(state.unsavedQueue.map(\.alertName))
                for index in state.rules.indices where state.rules[index].isDirty {
                    let name = state.rules[index].rule.definition.name
                    guard everything || changed.contains(name) else { continue }
                    do {
                        changes.rules[name] = try state.rules[index].saved()
                        state.rules[index].isDirty = false
                    } catch {
                        problem = error
                    }
                }
                for name in state.gone { changes.rules[name] = .some(nil) }
                changes.queued = state.unsavedQueue
                changes.taken = state.taken
                if state.lastSequence != state.savedSequence {
                    changes.lastSequence = state.lastSequence
                    state.savedSequence = state.lastSequence
                }
                left = (state.unsavedQueue, state.taken, state.gone)
                (state.unsavedQueue, state.taken, state.gone) = ([], [], [])
            }
            do {
                if let problem { throw problem }
                if !changes.isEmpty { try store.saveLogRules(changes) }
                if isFailing { log.info("what log rules remember is saved again") }
                isFailing = false
            } catch {
                saveFailures.add()
                if !isFailing {
                    log.error(
                        "what log rules remember cannot be saved; a restart now would forget what has "
                            + "changed",
                        ["reason": "\(error)"]
                    )
                }
                isFailing = true
                let names = Set(changes.rules.keys)
                let unsaved = left
                state.withLock { state in
                    state.unsavedQueue = unsaved.queue + state.unsavedQueue
                    state.taken = unsaved.taken + state.taken
                    state.gone.formUnion(unsaved.gone)
                    state.savedSequence = -1
                    for index in state.rules.indices
                    where names.contains(state.rules[index].rule.definition.name) {
                        state.rules[index].isDirty = true
                    }
                }
            }
        }
    }

    /// Hands waiting transitions on.
    ///
    /// - Returns: False when the receiver refused; what it did not take stays queued.
    @discardableResult
    package func handOn() async -> Bool {
        let waiting = state.withLock { $0.queue }
        guard !waiting.isEmpty else { return true }
        do {
            try await sink.take(waiting)
        } catch {
            log.error(
                "alerts of log rules could not be handed on; they are tried again",
                ["reason": "\(error)"]
            )
            return false
        }
        let taken = Set(waiting.map(\.sequence))
        state.withLock { state in
            state.queue.removeAll { taken.contains($0.sequence) }
            // What was taken before it was saved need not be saved.
            state.unsavedQueue.removeAll { taken.contains($0.sequence) }
            state.taken += taken.sorted()
        }
        return true
    }

    /// Hands transitions on as they come, until the task is cancelled.
    package func run() async {
        for await _ in wakes {
            while await !handOn() {
                do {
                    try await sleeper.sleep(for: .seconds(1))
                } catch {
                    return
                }
            }
        }
    }
}

/// One log rule as it stands.
package struct LogRuleSnapshot: Sendable {
    package struct Alert: Sendable {
        package var labels: LabelSet
        package var annotations: [String: String]
        package var firedAt: Timestamp
        package var lastMatch: Timestamp
        package var summary: String
    }

    package var definition: LogRuleDefinition
    /// By key.
    package var alerts: [Alert]
}
