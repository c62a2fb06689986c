package import Model
import Timekeeping

extension Expression {
    /// What the expression reads: each selector with how far back it looks, equal selectors merged.
    ///
    /// The reach is the selector's range (at least the lookback), its offset, and the ranges and offsets of the
    /// subqueries around it. `@` moves a selector to a fixed time and is not counted. A duration over
    /// `step()` or `range()` counts as in an instant query.
    package func selectorNeeds(lookback: Duration = .seconds(300)) -> [SelectorNeed] {
        var needs: [SelectorNeed] = []
        collect(outer: 0, lookback: lookback.milliseconds, into: &needs)
        return needs
    }

    /// `selectorNeeds(lookback:)` with Prometheus's lookback of five minutes.
    package var selectorNeeds: [SelectorNeed] { selectorNeeds() }

    private func collect(outer: Int64, lookback: Int64, into needs: inout [SelectorNeed]) {
        func length(_ expression: DurationExpression?) -> Int64 {
            guard let expression else { return 0 }
            // A length that cannot be worked out without the query's step is an error of the query itself.
            return (try? expression.duration(mayBeNegative: true))?.milliseconds ?? 0
        }
        func add(_ selector: VectorSelector, range: Int64) {
            let reach = outer + range + length(selector.modifiers.offset)
            let need = SelectorNeed(
                matchers: selector.matchers,
                reach: .milliseconds(Swift.max(reach, lookback))
            )
            if let index = needs.firstIndex(where: { $0.matchers == need.matchers }) {
                needs[index].reach = Swift.max(needs[index].reach, need.reach)
            } else {
                needs.append(need)
            }
        }
        switch self {
        case .vector(let selector): add(selector, range: lookback)
        case .matrix(let matrix):
            let edge = matrix.selector.window == .plain ? 0 : lookback
            add(matrix.selector, range: length(matrix.range) + edge)
        case .subquery(let node):
            node.inner.collect(
                outer: outer + length(node.range) + length(node.modifiers.offset),
                lookback: lookback,
                into: &needs
            )
        case .call(let node) where node.function == .info:
            node.arguments.first?.collect(outer: outer, lookback: lookback, into: &needs)
            // The second argument selects among info series, of which target_info is the usual one.
            var matchers: [LabelMatcher] = []
            if node.arguments.count > 1, case .vector(let selector) = node.arguments[1] {
                matchers = selector.matchers
            }
            if !matchers.contains(where: { $0.name == LabelSet.metricName }) {
                matchers.append(LabelMatcher(LabelSet.metricName, equals: "target_info"))
            }
            add(
                VectorSelector(name: nil, matchers: matchers, span: node.span),
                range: lookback
            )
        case .number, .string, .call, .aggregation, .binary, .unary, .parenthesized:
            for child in children {
                child.collect(outer: outer, lookback: lookback, into: &needs)
            }
        }
    }
}
