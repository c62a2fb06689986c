import Model
import Rules
import Telemetry
import Timekeeping

/// All loaded groups, and what a cycle over them does; confined to whoever holds the engine's lock.
struct EngineCore {
    private(set) var groups: [GroupRuntime] = []
    /// Loaded from the store and not yet given to a rule; nil once the first rules are loaded.
    private var restored: StoredAlertStates?
    private var lastSequence: Int64
    /// Series whose rule is gone; they end with the next cycle, unless another rule writes them.
    private var orphans: Set<LabelSet> = []
    private var clockStepsBack = 0

    init(restored: StoredAlertStates) {
        self.restored = restored
        lastSequence = max(restored.lastSequence, restored.queue.map(\.sequence).max() ?? 0)
    }

    // MARK: Loading

    /// Puts new groups in place of the old; rules that are the same keep their state, alerts of rules that are
    /// gone are resolved.
    mutating func adopt(
        _ compiled: [CompiledGroup],
        settings: RuleEngineSettings,
        at now: Timestamp
    ) -> GroupRuntime.Yield {
        var oldGroups: [String: GroupRuntime] = [:]
        var oldRules: [String: RuleRuntime] = [:]
        for group in groups {
            oldGroups[group.group.label] = group
            for rule in group.rules { oldRules[rule.keyText] = rule }
        }
        var stored = Dictionary(grouping: restored?.alerts ?? [], by: \.key.rule)
        restored = nil
        groups = compiled.map { compiled in
            var group = GroupRuntime(
                compiled,
                schedule: GroupSchedule(interval: compiled.interval, startingAfter: now),
                rules: []
            )
            if let old = oldGroups[compiled.label] { group.adopt(old, at: now) }
            group.rules = compiled.rules.map { rule in
                var runtime = RuleRuntime(rule, limit: compiled.limit, settings: settings)
                if let old = oldRules.removeValue(forKey: runtime.keyText) {
                    runtime.adopt(old)
                } else if let alerts = stored.removeValue(forKey: runtime.keyText) {
                    runtime.restore(alerts, next: group.schedule.next, interval: compiled.interval)
                }
                return runtime
            }
            return group
        }
        var yield = GroupRuntime.Yield()
        for var rule in oldRules.values.sorted(by: { $0.keyText < $1.keyText }) {
            orphans.formUnion(rule.written)
            for labels in rule.knownAlerts.sorted() {
                yield.changes.removed.append(rule.key(labels))
                guard let change = rule.release(labels, at: now) else { continue }
                yield.transitions.append(
                    rule.transition(
                        change,
                        summary: EngineCore.goneSummary(rule.rule.name, labels),
                        at: now
                    )
                )
            }
        }
        for alert in stored.values.flatMap(\.self).sorted(by: { $0.labels < $1.labels }) {
            yield.changes.removed.append(alert.key)
            if alert.record.isFiring { yield.transitions.append(EngineCore.ended(alert, at: now)) }
        }
        number(&yield)
        return yield
    }

    private static func goneSummary(_ name: String, _ labels: LabelSet) -> String {
        let own = labels.dropping(["alertname"]).labels.map { "\($0.name)=\($0.value)" }
        return ([name] + own).joined(separator: " ") + ": its rule is gone"
    }

    /// The end of an alert whose rule went while the service was down.
    private static func ended(_ alert: StoredAlert, at now: Timestamp) -> AlertTransition {
        AlertTransition(
            fingerprint: alert.key.fingerprint,
            rule: alert.rule,
            alertName: alert.alertName,
            labels: alert.labels,
            annotations: alert.annotations,
            change: .resolved,
            priority: alert.priority,
            value: nil,
            unit: nil,
            summary: goneSummary(alert.alertName, alert.labels),
            action: nil,
            runbook: nil,
            at: now
        )
    }

    /// Gives transitions their numbers and enters them into what is saved.
    private mutating func number(_ yield: inout GroupRuntime.Yield) {
        guard !yield.transitions.isEmpty else { return }
        for index in yield.transitions.indices {
            lastSequence += 1
            yield.transitions[index].sequence = lastSequence
        }
        yield.changes.queued = yield.transitions
        yield.changes.lastSequence = lastSequence
    }

    // MARK: Evaluation

    /// What one group is evaluated for.
    enum Occasion: Hashable {
        case slot(GroupSchedule.Turn)
        /// Between slots, at the newest timestamp of what touched it.
        case touch(Timestamp)
    }

    /// The groups that are due at `now`, in file order, and at which times; slots are taken by asking.
    mutating func takeDue(
        at now: Timestamp,
        touched: [String: Timestamp],
        log: Log
    ) -> [(index: Int, occasion: Occasion)] {
        var due: [(index: Int, occasion: Occasion)] = []
        for index in groups.indices {
            let stepsBefore = groups[index].schedule.clockStepsBack
            if let turn = groups[index].schedule.take(at: now) {
                due.append((index, .slot(turn)))
            }
            if groups[index].schedule.clockStepsBack > stepsBefore, clockStepsBack == 0 {
                log.warn(
                    "the clock went back; rules go on from the new time",
                    ["group": groups[index].group.label]
                )
            }
            if let newest = touched[groups[index].group.label] {
                due.append((index, .touch(min(newest, now))))
            }
        }
        clockStepsBack = groups.reduce(0) { $0 + $1.schedule.clockStepsBack }
        return due
    }

    /// Tells the cycle what the groups that are due will evaluate.
    func read(_ due: [(index: Int, occasion: Occasion)], _ cycle: any EvaluationCycle) {
        var expressions: [DueExpression] = []
        var written: Set<String> = []
        for (index, occasion) in due {
            let (slot, isEager) =
                switch occasion {
                case .slot(let turn): (turn.slot, false)
                case .touch(let newest): (newest, true)
                }
            for read in groups[index].group.reads where !isEager || !read.waitsForSlots {
                expressions.append(DueExpression(read.expression, at: slot - read.offset))
            }
            written.formUnion(groups[index].group.recordedNames)
        }
        cycle.read(expressions, except: written)
    }

    /// Evaluates one group; nil when a touch brings nothing newer than what was evaluated.
    mutating func evaluate(
        _ index: Int,
        _ occasion: Occasion,
        _ context: (Timestamp, GroupRuntime) -> EvaluationContext,
        _ buffer: inout AppendBuffer,
        _ metrics: RuleEngineMetrics
    ) -> GroupRuntime.Yield? {
        let label = groups[index].group.label
        let slot: Timestamp
        switch occasion {
        case .slot(let turn):
            slot = turn.slot
            metrics.update(label) {
                $0.iterations += turn.missed + 1
                $0.missed += turn.missed
            }
        case .touch(let newest):
            if let last = groups[index].evaluatedAt, newest <= last { return nil }
            slot = newest
            metrics.update(label) { $0.eagerIterations += 1 }
        }
        if case .slot = occasion, let last = groups[index].evaluatedAt, slot == last { return nil }
        let isEager = if case .touch = occasion { true } else { false }
        var yield = groups[index].evaluate(
            context(slot, groups[index]),
            &buffer,
            isEager: isEager
        )
        number(&yield)
        return yield
    }

    /// Ends the series whose rules are gone.
    mutating func endOrphans(at now: Timestamp, _ buffer: inout AppendBuffer) {
        guard !orphans.isEmpty else { return }
        for group in groups {
            for rule in group.rules { orphans.subtract(rule.written) }
        }
        for labels in orphans { buffer.append(labels, Staleness.marker, at: now) }
        orphans = []
    }

    /// Ends a firing alert by a person's word.
    mutating func release(_ fingerprint: String, at now: Timestamp) -> GroupRuntime.Yield? {
        for index in groups.indices {
            for place in groups[index].rules.indices {
                let rule = groups[index].rules[place]
                guard
                    let labels = rule.knownAlerts.first(where: {
                        $0.fingerprintText == fingerprint
                    }), let change = groups[index].rules[place].release(labels, at: now)
                else { continue }
                var yield = GroupRuntime.Yield()
                yield.transitions = [
                    rule.transition(change, summary: "\(rule.rule.name): ended by hand", at: now)
                ]
                yield.changes.removed = [rule.key(labels)]
                groups[index].rules[place].saved[labels] = nil
                number(&yield)
                return yield
            }
        }
        return nil
    }

    /// When the next slot of any group comes; nil without groups.
    var nextSlot: Timestamp? { groups.map(\.schedule.next).min() }
}
