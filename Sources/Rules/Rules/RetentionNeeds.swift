package import Model
package import PromQLSyntax
import Timekeeping

/// How far back one rule reads.
package struct RuleReach: Sendable {
    /// Such as `alert "Latency"`.
    package var rule: String
    package var location: SourceLocation
    /// What it needs to be kept; never empty.
    package var needs: [RetentionNeed]

    /// The longest of its needs.
    package var reach: Duration { needs.map(\.reach).max() ?? .zero }

    /// How far back it needs every sample.
    package var wholeReach: Duration { needs.map(\.wholeReach).max() ?? .zero }

    /// Says that a rule reads further back than all samples are kept, and what is kept for it.
    ///
    /// - Parameters:
    ///   - retention: For how long all samples are kept.
    ///   - longest: The longest that anything is kept for a rule.
    /// - Returns: Nil when the retention covers the rule.
    package func note(retention: Duration, longest: Duration) -> String? {
        guard reach > retention else { return nil }
        let text =
            "\(rule) reads \(reach.prometheusText) back, longer than store.retention "
            + "(\(retention.prometheusText)); "
        guard longest > retention else {
            return text + "older samples are not kept (store.long_window_max is "
                + "\(longest.prometheusText))"
        }
        let isWhole = wholeReach > retention
        let isCut = reach > longest
        return text + "older samples of its series are kept "
            + (isWhole ? "whole, for its function counts every one" : "thinned to one a minute")
            + (isCut
                ? ", but only for \(longest.prometheusText): raise store.long_window_max" : "")
    }
}

extension RuleSet {
    /// How far back each rule, threshold and objective reads.
    ///
    /// - Parameters:
    ///   - interval: Of groups that set none.
    ///   - delay: How much earlier than now rules of groups without an offset of their own may be evaluated.
    /// - Returns: In file order, those that read nothing left out.
    /// - Throws: When an expression is no PromQL; never for rules that the loader has read.
    package func reaches(
        interval: Duration,
        delay: Duration = .zero
    ) throws(PromQLSyntaxError) -> [RuleReach] {
        var reaches: [RuleReach] = []
        func add(
            _ rule: String,
            _ location: SourceLocation,
            _ expressions: [RuleExpression],
            offset: Duration,
            past: (window: Duration, step: Duration)? = nil
        ) throws(PromQLSyntaxError) {
            var union = RetentionNeedUnion()
            for expression in expressions {
                let syntax = try PromQLParser.parse(expression.text)
                for need in syntax.retentionNeeds() { union.add(need, later: offset) }
                guard let past else { continue }
                for need in syntax.retentionNeeds(past: past.window, step: past.step) {
                    union.add(need, later: offset)
                }
            }
            guard !union.needs.isEmpty else { return }
            reaches.append(RuleReach(rule: rule, location: location, needs: union.needs))
        }
        for group in groups {
            let offset = group.queryOffset ?? delay
            for rule in group.rules {
                switch rule {
                case .recording(let rule):
                    try add("record \"\(rule.record)\"", rule.location, [rule.expr], offset: offset)
                case .alerting(let rule):
                    try add("alert \"\(rule.alert)\"", rule.location, [rule.expr], offset: offset)
                }
            }
            for rule in group.thresholds {
                var past: (window: Duration, step: Duration)?
                if let reference = rule.relativeTo {
                    let step = max(group.interval ?? interval, reference.window / 30)
                    past = (reference.offset + reference.window, step)
                }
                try add(
                    "threshold \"\(rule.alert)\"",
                    rule.location,
                    [rule.expr],
                    offset: offset,
                    past: past
                )
            }
            for objective in group.slos {
                try add(
                    "slo \"\(objective.name)\"",
                    objective.location,
                    objective.indicator.selectors,
                    offset: offset
                )
            }
        }
        return reaches
    }
}

extension [RuleReach] {
    /// Everything that the rules need to be kept, equal selectors merged.
    package var retentionNeeds: [RetentionNeed] {
        var union = RetentionNeedUnion()
        for need in flatMap(\.needs) { union.add(need, later: .zero) }
        return union.needs
    }
}

/// Needs by their matchers, in the order of first sight.
private struct RetentionNeedUnion {
    private(set) var needs: [RetentionNeed] = []
    private var places: [Set<LabelMatcher>: Int] = [:]

    mutating func add(_ need: RetentionNeed, later offset: Duration) {
        var need = need
        need.reach += offset
        if need.wholeReach > .zero { need.wholeReach += offset }
        if let place = places[Set(need.matchers)] {
            needs[place].formUnion(need)
        } else {
            places[Set(need.matchers)] = needs.count
            needs.append(need)
        }
    }
}
