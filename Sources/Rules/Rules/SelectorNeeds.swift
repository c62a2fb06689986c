package import Model
import PromQLSyntax

extension RuleSet {
    /// Every selector that a rule, a threshold or an objective reads, each once with its longest reach.
    ///
    /// Pull sources fetch these and nothing else.
    ///
    /// - Throws: When an expression is no PromQL; never for rules that the loader has read.
    package var selectorNeeds: [SelectorNeed] {
        get throws(PromQLSyntaxError) {
            var union = SelectorNeedUnion()
            for group in groups {
                let offset = group.queryOffset ?? .zero
                for rule in group.rules {
                    switch rule {
                    case .recording(let rule): try union.add(rule.expr, upTo: offset)
                    case .alerting(let rule): try union.add(rule.expr, upTo: offset)
                    }
                }
                for threshold in group.thresholds {
                    let past = threshold.relativeTo.map { $0.offset + $0.window } ?? .zero
                    try union.add(threshold.expr, upTo: offset + past)
                }
                for selector in group.slos.flatMap(\.indicator.selectors) {
                    try union.add(selector, upTo: offset)
                }
            }
            return union.needs
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

/// Selectors by their matchers, each with the longest reach seen, in the order of first sight.
struct SelectorNeedUnion {
    private(set) var needs: [SelectorNeed] = []
    private var places: [Set<LabelMatcher>: Int] = [:]

    /// Adds what an expression reads when it is evaluated as far back as `past`.
    mutating func add(_ expression: RuleExpression, upTo past: Duration) throws(PromQLSyntaxError) {
        for var need in try PromQLParser.parse(expression.text).selectorNeeds {
            need.reach += past
            if let place = places[Set(need.matchers)] {
                needs[place].reach = max(needs[place].reach, need.reach)
            } else {
                places[Set(need.matchers)] = needs.count
                needs.append(need)
            }
        }
    }
}
