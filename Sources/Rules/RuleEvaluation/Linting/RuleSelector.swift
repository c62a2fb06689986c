package import Model
import PromQLSyntax
package import Rules

/// A selector that a rule reads, for asking a server whether anything matches it.
package struct RuleSelector: Hashable, Sendable {
    /// As PromQL, modifiers left out.
    package var text: String
    /// The rule's expression.
    package var location: SourceLocation

    /// Every different selector of the rules, in order, without those that are meant to find nothing (under `absent`),
    /// and without the series that the rules themselves make.
    package static func all(in rules: RuleSet) -> [RuleSelector] {
        var made: Set<String> = ["ALERTS", "ALERTS_FOR_STATE"]
        var expressions: [RuleExpression] = []
        for group in rules.groups {
            for rule in group.rules {
                switch rule {
                case .recording(let rule):
                    made.insert(rule.record)
                    expressions.append(rule.expr)
                case .alerting(let rule): expressions.append(rule.expr)
                }
            }
            expressions += group.thresholds.map(\.expr)
        }
        var seen: Set<String> = []
        var found: [RuleSelector] = []
        for expression in expressions {
            // What does not parse is told elsewhere.
            guard let parsed = try? PromQLParser.parse(expression.text) else { continue }
            for selector in selectors(of: parsed)
            where selector.metricName.map({ !made.contains($0) }) ?? true {
                let bare = VectorSelector(
                    name: selector.name,
                    matchers: selector.matchers,
                    span: selector.span
                )
                let text = Expression.vector(bare).printed
                guard seen.insert(text).inserted else { continue }
                found.append(RuleSelector(text: text, location: expression.location))
            }
        }
        return found
    }

    private static func selectors(of expression: Expression) -> [VectorSelector] {
        switch expression {
        case .vector(let node): [node]
        case .matrix(let node): [node.selector]
        case .call(let node) where node.function == .absent || node.function == .absentOverTime:
            []
        // The second argument of info() selects by labels alone.
        case .call(let node) where node.function == .info:
            node.arguments.first.map(selectors) ?? []
        default: expression.children.flatMap(selectors)
        }
    }
}
