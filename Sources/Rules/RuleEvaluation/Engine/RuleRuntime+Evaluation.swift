import Model
import PromQL
import Rules
import Telemetry
import Timekeeping

extension RuleRuntime {
    /// Evaluates the rule at the context's slot.
    ///
    /// - Returns: Transitions in order, not yet numbered.
    mutating func evaluate(
        _ context: EvaluationContext,
        _ buffer: inout AppendBuffer
    ) -> [AlertTransition] {
        let started = MonotonicTime.nanoseconds()
        lastEvaluation = context.slot
        let time = context.slot - rule.offset
        buffer.flush(before: rule.metricNames)
        var transitions: [AlertTransition] = []
        var failure: String?
        do {
            let series = try context.cycle.series(rule.expression, at: time)
            lastSampleCount = series.count
            switch machine {
            case .none: failure = record(series, at: time, context, &buffer)
            case .alert, .threshold:
                var reference: [VectorSample]?
                if let expression = rule.reference {
                    reference = try context.cycle.series(expression, at: time)
                }
                transitions = judge(series, reference, at: time, context, &failure)
            }
        } catch {
            failure = error.description
            lastSampleCount = 0
            transitions = advance(.failed(error.description), [:], at: time, context, &failure)
        }
        note(failure, context)
        switch machine {
        case .none: break
        case .alert, .threshold: writeAlerts(at: time, &buffer)
        }
        evaluationTime = .nanoseconds(Int64(clamping: MonotonicTime.nanoseconds() - started))
        return transitions
    }

    private mutating func note(_ failure: String?, _ context: EvaluationContext) {
        if let failure, failure != lastError {
            context.log.warn(
                "rule evaluation failed: \(failure)",
                ["group": context.groupLabel, "rule": rule.name]
            )
        }
        if failure == nil, lastError != nil {
            context.log.info(
                "rule evaluates again",
                ["group": context.groupLabel, "rule": rule.name]
            )
        }
        lastError = failure
        health = failure == nil ? .ok : .err
    }

    // MARK: Recording

    private mutating func record(
        _ series: [VectorSample],
        at time: Timestamp,
        _ context: EvaluationContext,
        _ buffer: inout AppendBuffer
    ) -> String? {
        guard context.limit == 0 || series.count <= context.limit else {
            return
                "exceeded limit of \(context.limit) with \(series.count) series; nothing recorded"
        }
        var samples: [LabelSet: Double] = [:]
        for one in series {
            var labels = one.labels
            for (name, value) in rule.constantLabels ?? [:] { labels[name] = value }
            labels[LabelSet.metricName] = rule.name
            guard samples.updateValue(one.value, forKey: labels) == nil else {
                return "vector contains metrics with the same labelset after applying rule labels"
            }
        }
        for (labels, value) in samples { buffer.append(labels, value, at: time) }
        markStale(except: Set(samples.keys), at: time, &buffer)
        return nil
    }

    private mutating func markStale(
        except current: Set<LabelSet>,
        at time: Timestamp,
        _ buffer: inout AppendBuffer
    ) {
        for labels in written.subtracting(current) {
            buffer.append(labels, Staleness.marker, at: time)
        }
        written = current
    }

    // MARK: Alerts

    /// `ALERTS` and `ALERTS_FOR_STATE` of every pending and firing alert.
    private mutating func writeAlerts(at time: Timestamp, _ buffer: inout AppendBuffer) {
        guard hasAlerts || !written.isEmpty else { return }
        let alerts = activeAlerts
        guard !alerts.isEmpty || !written.isEmpty else { return }
        var current: Set<LabelSet> = []
        for (labels, state, level, activeAt) in alerts {
            for (series, value) in AlertSeries.samples(labels, state, level, activeAt) {
                current.insert(series)
                buffer.append(series, value, at: time)
            }
        }
        markStale(except: current, at: time, &buffer)
    }

    /// What `ALERTS` says of each active alert; the level only of thresholds that fire.
    var activeAlerts:
        [(labels: LabelSet, state: AlertSnapshot.State, level: AlertLevel?, activeAt: Timestamp)]
    {
        switch machine {
        case .none: []
        case .alert(let machine):
            machine.alerts.compactMap { labels, alert in
                switch alert.record.phase {
                case .inactive: nil
                case .pending: (labels, .pending, nil, alert.record.activeAt)
                case .firing: (labels, .firing, nil, alert.record.activeAt)
                }
            }
        case .threshold(let machine):
            machine.alerts.compactMap { labels, alert in
                guard let since = alert.record.activeAt ?? alert.record.warnSince else {
                    return nil
                }
                return (
                    labels, alert.record.level == nil ? .pending : .firing, alert.record.level,
                    since
                )
            }
        }
    }

    /// Turns series into observations and takes the step.
    private mutating func judge(
        _ series: [VectorSample],
        _ reference: [VectorSample]?,
        at time: Timestamp,
        _ context: EvaluationContext,
        _ failure: inout String?
    ) -> [AlertTransition] {
        if let reason = context.settings.blindness(rule.expression.needs, time) {
            failure = reason
            return advance(.failed(reason), [:], at: time, context, &failure)
        }
        if isAtRest(series) { return [] }
        var absence = context.settings.sight(rule.expression.needs, time)
        if case .judged = absence, context.isInGrace(offset: rule.offset) { absence = .awaited }
        if rule.expression.judgesAbsence {
            switch absence {
            case .judged: break
            case .awaited: return []
            case .unseen(_, let reason):
                return advance(.failed(reason), [:], at: time, context, &failure)
            }
        }
        var past: [LabelSet: Double] = [:]
        for one in reference ?? [] { past[one.labels.withoutName] = one.value }
        var sources: [LabelSet: VectorSample] = [:]
        var observations: [RuleObservation] = []
        observations.reserveCapacity(series.count)
        for one in series {
            let reference = reference == nil ? nil : past[one.labels.withoutName]
            if isQuiet(one, reference) { continue }
            let labels = identity(one, at: time, context)
            observations.append(
                RuleObservation(labels: labels, value: one.value, reference: reference)
            )
            sources[labels] = one
        }
        // A quiet result is still one: `breach` must not take it for an empty one.
        return advance(
            .results(observations, absence: absence),
            sources,
            at: time,
            context,
            &failure
        )
    }

    /// True when nothing was found and nothing is remembered: then there is nothing to judge.
    private func isAtRest(_ series: [VectorSample]) -> Bool {
        guard series.isEmpty, !endsUnseen, annotations.isEmpty else { return false }
        switch machine {
        case .none: return true
        case .alert(let machine): return machine.alerts.isEmpty
        case .threshold(let machine):
            return machine.alerts.isEmpty && machine.policy.missing != .breach
        }
    }

    /// True for a series below every threshold of a rule that remembers nothing: most series, most of the time.
    private func isQuiet(_ series: VectorSample, _ reference: Double?) -> Bool {
        guard case .threshold(let machine) = machine, machine.alerts.isEmpty,
            machine.policy.missing != .breach
        else { return false }
        let observation = RuleObservation(
            labels: LabelSet(),
            value: series.value,
            reference: reference
        )
        guard let judged = machine.policy.judged(observation) else { return true }
        return machine.policy.verdict(judged) == .clear
    }

    /// The labels that make the alert of a series what it is.
    private mutating func identity(
        _ series: VectorSample,
        at time: Timestamp,
        _ context: EvaluationContext
    ) -> LabelSet {
        var labels = series.labels.withoutName
        if let constants = rule.constantLabels {
            for (name, value) in constants { labels[name] = value }
        } else {
            for (name, value) in expand(rule.labels, series, at: time, context) {
                labels[name] = value
            }
        }
        labels["alertname"] = rule.name
        return labels
    }

    /// Fills templates in; a failing one is logged once, not at every evaluation.
    private mutating func expand(
        _ templates: [NamedTemplate],
        _ series: VectorSample,
        at time: Timestamp,
        _ context: EvaluationContext
    ) -> [String: String] {
        let data = TemplateContext(
            labels: series.labels.dictionary,
            value: series.value,
            externalLabels: context.settings.externalLabels,
            externalURL: context.settings.externalURL,
            time: time,
            query: context.query(at: time)
        )
        var texts: [String: String] = [:]
        for one in templates {
            let (text, failed) = one.template.expanded(data, alert: rule.name)
            texts[one.name] = text
            context.metrics.templateExpansions.add()
            guard failed else {
                failingTemplates.remove(one.name)
                continue
            }
            context.metrics.templateFailures.add()
            if failingTemplates.insert(one.name).inserted {
                context.log.warn(
                    "expanding a template failed: \(text)",
                    ["rule": rule.name, "template": one.name]
                )
            }
        }
        return texts
    }

    /// Takes one step of the machine and tells what came of it.
    private mutating func advance(
        _ outcome: RuleOutcome,
        _ sources: [LabelSet: VectorSample],
        at time: Timestamp,
        _ context: EvaluationContext,
        _ failure: inout String?
    ) -> [AlertTransition] {
        var step: AlertStep
        switch machine {
        case .none: return []
        case .alert(var machine):
            self.machine = .none
            step = machine.advance(outcome, at: context.slot)
            self.machine = .alert(machine)
        case .threshold(var machine):
            self.machine = .none
            step = machine.advance(outcome, at: context.slot)
            self.machine = .threshold(machine)
        }
        if endsUnseen, case .results(let observations, .judged) = outcome, !observations.isEmpty {
            endsUnseen = false
            let present = Set(observations.map(\.labels))
            for labels in knownAlerts.sorted() where !present.contains(labels) {
                if let change = release(labels, at: context.slot) { step.changes.append(change) }
            }
        }
        if step.refused > 0 {
            context.metrics.alertsRefused.add(step.refused)
            failure =
                failure
                ?? "exceeded limit of \(policyLimit) alerts: \(step.refused) new alerts refused, "
                + "the others go on"
        }
        failure = failure ?? step.error
        annotate(sources, at: time, context)
        let transitions = step.changes.map { transition($0, at: context.slot) }
        forgetAnnotations()
        return transitions
    }

    private var policyLimit: Int {
        switch machine {
        case .none: 0
        case .alert(let machine): machine.policy.activeMax
        case .threshold(let machine): machine.policy.activeMax
        }
    }

    /// Fills the annotations of active alerts in with what was seen now.
    private mutating func annotate(
        _ sources: [LabelSet: VectorSample],
        at time: Timestamp,
        _ context: EvaluationContext
    ) {
        guard !rule.annotations.isEmpty else { return }
        for (labels, _, _, _) in activeAlerts {
            if let constant = rule.constantAnnotations {
                annotations[labels] = constant
            } else if let source = sources[labels] {
                annotations[labels] = expand(rule.annotations, source, at: time, context)
            }
        }
    }

    private mutating func forgetAnnotations() {
        guard !annotations.isEmpty else { return }
        let known = Set(knownAlerts)
        annotations = annotations.filter { known.contains($0.key) }
    }
}
