package import Matching
package import Model
package import Timekeeping

/// Judges records in order of event time with nothing behind: what would match, for a dry run.
package struct LogRuleTrial {
    /// A match and the rule that it is of.
    package struct Found: Sendable {
        package var rule: LogRuleDefinition
        package var match: LogMatch
    }

    private var rules: [(rule: CompiledLogRule, evaluator: LogRuleEvaluator, next: Int64?)] = []
    private let parse: (LogRecord) -> [(name: String, value: LogValue)]?
    /// Records that each rule's filter let through, by name.
    package private(set) var records: [String: Int] = [:]

    private static let stepsMax: Int64 = 100_000

    /// - Throws: When a pattern of a rule is none.
    package init(
        _ definitions: [LogRuleDefinition],
        parse: @escaping (LogRecord) -> [(name: String, value: LogValue)]?
    ) throws(PatternError) {
        self.parse = parse
        for definition in definitions {
            let rule = try CompiledLogRule(definition, settings: LogRuleSettings())
            rules.append((rule, LogRuleEvaluator(definition.kind), nil))
            records[definition.name] = 0
        }
    }

    /// Takes a record; looks at the windows at each step that its time has passed.
    package mutating func take(_ record: LogRecord) -> [Found] {
        var found = pass(to: record.eventTime, isLast: false)
        var event = LogEvent(record, parse: parse)
        for index in rules.indices {
            guard let seen = rules[index].rule.event(&event) else { continue }
            let definition = rules[index].rule.definition
            records[definition.name, default: 0] += 1
            var notes = LogRuleEvaluator.Notes()
            for match in rules[index].evaluator.take(seen, rules[index].rule, &notes) {
                found.append(Found(rule: definition, match: match))
            }
        }
        return found
    }

    /// Looks at the windows up to the end of the step that a moment is in.
    package mutating func finish(at moment: Timestamp) -> [Found] {
        pass(to: moment, isLast: true)
    }

    private mutating func pass(to moment: Timestamp, isLast: Bool) -> [Found] {
        var found: [Found] = []
        for index in rules.indices {
            let rule = rules[index].rule
            let floor = moment.floored(to: rule.definition.every).milliseconds
            // A step's own end belongs to it.
            let first = floor == moment.milliseconds ? floor : floor + rule.step
            guard var next = rules[index].next else {
                rules[index].next = first
                if isLast { rules[index].next = nil }
                continue
            }
            if (first - next) / rule.step > LogRuleTrial.stepsMax {
                next = first - LogRuleTrial.stepsMax * rule.step
            }
            while next < first || (isLast && next <= first) {
                var notes = LogRuleEvaluator.Notes()
                for match in rules[index].evaluator.look(at: next, rule, &notes) {
                    found.append(Found(rule: rule.definition, match: match))
                }
                next += rule.step
            }
            rules[index].next = next
        }
        return found
    }
}
