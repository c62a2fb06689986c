import Model
import Telemetry
import Timekeeping

/// One loaded group with its rules' state.
struct GroupRuntime {
    private(set) var group: CompiledGroup
    var schedule: GroupSchedule
    var rules: [RuleRuntime]
    /// The newest time it was evaluated at, slot or between slots.
    private(set) var evaluatedAt: Timestamp?
    private var evaluationTime = Duration.zero

    init(_ group: CompiledGroup, schedule: GroupSchedule, rules: [RuleRuntime]) {
        self.group = group
        self.schedule = schedule
        self.rules = rules
    }

    /// Takes over when the same group was last evaluated before a reload.
    mutating func adopt(_ old: GroupRuntime, at now: Timestamp) {
        schedule = old.schedule.rescheduled(interval: group.interval, at: now)
        evaluatedAt = old.evaluatedAt
        evaluationTime = old.evaluationTime
    }

    /// What an evaluation of the group gave.
    struct Yield {
        var transitions: [AlertTransition] = []
        var changes = AlertStateChanges()
    }

    /// Evaluates the rules in file order at the context's slot.
    ///
    /// Between slots (`isEager`), rules that count evaluations or wait for samples to settle are left out.
    mutating func evaluate(
        _ context: EvaluationContext,
        _ buffer: inout AppendBuffer,
        isEager: Bool
    ) -> Yield {
        let started = MonotonicTime.nanoseconds()
        var yield = Yield()
        var figures = (evaluations: 0, failures: 0, samples: 0, time: Duration.zero)
        for index in rules.indices {
            if isEager, rules[index].rule.waitsForSlots { continue }
            yield.transitions += rules[index].evaluate(context, &buffer)
            if rules[index].hasAlerts || !rules[index].saved.isEmpty {
                let unsaved = rules[index].unsaved(context.settings, at: context.slot)
                yield.changes.saved += unsaved.saved
                yield.changes.removed += unsaved.removed
            }
            figures.evaluations += 1
            if rules[index].lastError != nil { figures.failures += 1 }
            figures.samples += rules[index].lastSampleCount
            figures.time += rules[index].evaluationTime
            context.metrics.evaluationDuration.observe(rules[index].evaluationTime.inSeconds)
        }
        evaluatedAt = context.slot
        evaluationTime = .nanoseconds(Int64(clamping: MonotonicTime.nanoseconds() - started))
        report(context, figures.evaluations, figures.failures, figures.samples, figures.time)
        return yield
    }

    private func report(
        _ context: EvaluationContext,
        _ evaluations: Int,
        _ failures: Int,
        _ samples: Int,
        _ ruleTime: Duration
    ) {
        context.metrics.groupDuration.observe(evaluationTime.inSeconds)
        var counts = (pending: 0, firing: 0, blind: 0)
        // By index, here and above: a rule is large, and iterating copies it.
        for index in rules.indices where rules[index].hasAlerts {
            let (pending, firing, blind) = rules[index].counts
            counts.pending += pending
            counts.firing += firing
            counts.blind += blind
        }
        context.metrics.update(group.label) { figures in
            figures.evaluations += evaluations
            figures.failures += failures
            figures.lastSamples = samples
            figures.lastDuration = evaluationTime
            figures.lastRuleDurationSum = ruleTime
            figures.lastEvaluation = context.slot
            figures.pending = counts.pending
            figures.firing = counts.firing
            figures.blind = counts.blind
        }
    }

    /// The metrics its rules read; nil: any.
    var metricNames: Set<String>? {
        var names: Set<String> = []
        for rule in rules {
            guard let own = rule.rule.metricNames else { return nil }
            names.formUnion(own)
        }
        return names
    }

    var snapshot: GroupSnapshot {
        GroupSnapshot(
            name: group.name,
            file: group.file,
            interval: group.interval,
            limit: group.limit,
            isEager: group.isEager,
            lastEvaluation: evaluatedAt,
            evaluationTime: evaluationTime,
            rules: rules.indices.map { rules[$0].snapshot }
        )
    }
}
