package import Model
import PromQLSyntax

extension RuleSet {
    /// Every selector that a rule, a threshold or an objective reads, each once with its longest reach and all
    /// that read it.
    ///
    /// Pull sources fetch these and nothing else; those who read them decide what matters when money is short.
    ///
    /// - Throws: When an expression is no PromQL; never for rules that the loader has read.
    package var selectorNeeds: [SelectorNeed] {
        get throws(PromQLSyntaxError) {
            let entries = try reading
            let priorities = ReaderPriorities(entries)
            var union = SelectorNeedUnion()
            for (index, entry) in entries.enumerated() {
                let reader = NeedReader(name: entry.name, priority: priorities[index])
                for need in entry.needs { union.add(need, readBy: reader) }
            }
            return union.needs
        }
    }

    /// What each rule, threshold and objective reads, in the order of the files.
    private var reading: [RuleReading] {
        get throws(PromQLSyntaxError) {
            var entries: [RuleReading] = []
            for group in groups {
                let offset = group.queryOffset ?? .zero
                for rule in group.rules {
                    switch rule {
                    case .recording(let rule):
                        entries.append(
                            RuleReading(
                                name: "\(group.name)/\(rule.record)",
                                record: rule.record,
                                priority: nil,
                                needs: try needs(of: [rule.expr], upTo: offset)
                            )
                        )
                    case .alerting(let rule):
                        let labels = group.labels.merging(rule.labels) { $1 }
                        entries.append(
                            RuleReading(
                                name: "\(group.name)/\(rule.alert)",
                                record: nil,
                                priority: AlertSeverity.priority(
                                    of: LabelSet(labels.map { Label($0.key, $0.value) })
                                ),
                                needs: try needs(of: [rule.expr], upTo: offset)
                            )
                        )
                    }
                }
                for threshold in group.thresholds {
                    let past = threshold.relativeTo.map { $0.offset + $0.window } ?? .zero
                    entries.append(
                        RuleReading(
                            name: "\(group.name)/\(threshold.alert)",
                            record: nil,
                            priority: threshold.mostUrgentPriority,
                            needs: try needs(of: [threshold.expr], upTo: offset + past)
                        )
                    )
                }
                for objective in group.slos {
                    entries.append(
                        RuleReading(
                            name: "\(group.name)/\(objective.name)",
                            record: nil,
                            // An outage burns a budget at P1.
                            priority: .p1,
                            needs: try needs(of: objective.indicator.selectors, upTo: offset)
                        )
                    )
                }
            }
            return entries
        }
    }

    private func needs(
        of expressions: [RuleExpression],
        upTo past: Duration
    ) throws(PromQLSyntaxError) -> [SelectorNeed] {
        var needs: [SelectorNeed] = []
        for expression in expressions {
            for var need in try PromQLParser.parse(expression.text).selectorNeeds {
                need.reach += past
                needs.append(need)
            }
        }
        return needs
    }
}

extension ThresholdRule {
    /// The more urgent of the priorities of its levels.
    package var mostUrgentPriority: Priority {
        switch (warn, crit) {
        case (.some, .some): min(warnPriority, critPriority)
        case (.some, nil): warnPriority
        case (nil, _): critPriority
        }
    }
}

extension SLODefinition.Indicator {
    /// Every selector that the indicator reads.
    package var selectors: [RuleExpression] {
        switch self {
        case .badOverTotal(let part, let total), .goodOverTotal(let part, let total):
            part.selectors + total.selectors
        case .percentageOfTotal(let percentage, let total): [percentage] + total.selectors
        }
    }
}

/// What one rule reads.
private struct RuleReading {
    var name: String
    /// The metric it records; nil for what alerts.
    var record: String?
    /// Nil for a recording rule, which matters as much as those who read it.
    var priority: Priority?
    var needs: [SelectorNeed]
}

/// How much each rule matters: a recording rule as much as the most urgent one that reads what it records.
private struct ReaderPriorities {
    private var priorities: [Priority]

    subscript(index: Int) -> Priority { priorities[index] }

    init(_ entries: [RuleReading]) {
        priorities = entries.map { $0.priority ?? .p4 }
        let recording = entries.indices.filter { entries[$0].record != nil }
        guard !recording.isEmpty else { return }
        // Who reads each recorded metric, by index.
        let readers = recording.map { index in
            entries.indices.filter { reader in
                entries[reader].needs.contains { $0.mayMean(entries[index].record ?? "") }
            }
        }
        // A chain of records is at most as long as there are records.
        for _ in recording {
            var isChanged = false
            for (index, readers) in zip(recording, readers) {
                let found = readers.map { priorities[$0] }.min() ?? .p4
                guard found < priorities[index] else { continue }
                priorities[index] = found
                isChanged = true
            }
            guard isChanged else { return }
        }
    }
}

extension SelectorNeed {
    /// True when the matchers on the name let `metric` through.
    fileprivate func mayMean(_ metric: String) -> Bool {
        matchers.filter { $0.name == LabelSet.metricName }.allSatisfy { $0.matches(metric) }
    }
}

/// Selectors by their matchers, each with the longest reach seen, in the order of first sight.
private struct SelectorNeedUnion {
    private(set) var needs: [SelectorNeed] = []
    private var places: [Set<LabelMatcher>: Int] = [:]

    mutating func add(_ need: SelectorNeed, readBy reader: NeedReader) {
        if let place = places[Set(need.matchers)] {
            needs[place].reach = max(needs[place].reach, need.reach)
            needs[place].readers.insert(reader)
        } else {
            places[Set(need.matchers)] = needs.count
            var need = need
            need.readers.insert(reader)
            needs.append(need)
        }
    }
}
