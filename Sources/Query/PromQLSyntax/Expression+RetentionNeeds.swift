package import Model
import Timekeeping

extension Expression {
    /// What the expression needs to be kept: each selector with its reach, and how much of its series it takes.
    ///
    /// The reach is that of `selectorNeeds`. A sample a minute does for functions that look at the ends of
    /// their window, at resets, or at extremes; others, and windows shorter than four minutes, need every sample.
    package func retentionNeeds(lookback: Duration = .seconds(300)) -> [RetentionNeed] {
        retentionNeeds(RetentionSurroundings(), lookback: lookback)
    }

    /// What is needed when the expression is evaluated at every `step` of the past `window`.
    package func retentionNeeds(
        past window: Duration,
        step: Duration,
        lookback: Duration = .seconds(300)
    ) -> [RetentionNeed] {
        let surroundings = RetentionSurroundings(
            past: window.milliseconds,
            step: step.milliseconds
        )
        return retentionNeeds(surroundings, lookback: lookback)
    }

    private func retentionNeeds(
        _ surroundings: RetentionSurroundings,
        lookback: Duration
    ) -> [RetentionNeed] {
        var collector = RetentionNeedCollector(lookback: lookback.milliseconds)
        collector.collect(self, surroundings)
        return collector.needs
    }
}

/// What is around a selector.
private struct RetentionSurroundings {
    /// Ranges and offsets of the subqueries, milliseconds.
    var past: Int64 = 0
    /// The shortest step of the subqueries.
    var step: Int64?
    /// The call whose argument the selector is.
    var function: Function?
}

private struct RetentionNeedCollector {
    let lookback: Int64
    private(set) var needs: [RetentionNeed] = []

    /// Shorter windows over a sample a minute could miss what they ask for.
    private static let thinnableRange: Int64 = 240_000
    private static let minute: Int64 = 60_000

    init(lookback: Int64) {
        self.lookback = lookback
    }

    mutating func collect(_ expression: Expression, _ outer: RetentionSurroundings) {
        switch expression {
        case .vector(let selector):
            let isFine = outer.step.map { $0 < RetentionNeedCollector.minute } ?? false
            add(selector, range: lookback, outer, isFine ? nil : [])
        case .matrix(let matrix):
            let edge = matrix.selector.window == .plain ? 0 : lookback
            let range = length(matrix.range)
            let isThinnable = range >= RetentionNeedCollector.thinnableRange
            let detail = isThinnable ? outer.function?.detailOfThinned : nil
            add(matrix.selector, range: range + edge, outer, detail)
        case .subquery(let node):
            var inner = outer
            inner.past += length(node.range) + length(node.modifiers.offset)
            // The default step is the evaluation interval, which may be short.
            let step = node.step.map { length($0) } ?? 0
            inner.step = min(outer.step ?? .max, step)
            inner.function = nil
            collect(node.inner, inner)
        case .call(let node) where node.function == .info:
            for need in expression.selectorNeeds(lookback: .milliseconds(lookback)) {
                let reach = need.reach + .milliseconds(outer.past)
                merge(RetentionNeed(matchers: need.matchers, reach: reach, wholeReach: reach))
            }
        case .call(let node):
            var inner = outer
            inner.function = node.function
            for argument in node.arguments { collect(argument, inner) }
        case .parenthesized(let node): collect(node.inner, outer)
        case .number, .string, .aggregation, .binary, .unary:
            var inner = outer
            inner.function = nil
            for child in expression.children { collect(child, inner) }
        }
    }

    /// Adds a selector; nil for the detail: every sample counts.
    private mutating func add(
        _ selector: VectorSelector,
        range: Int64,
        _ outer: RetentionSurroundings,
        _ detail: RetentionNeed.Detail?
    ) {
        let milliseconds = outer.past + range + length(selector.modifiers.offset)
        let reach = Duration.milliseconds(max(milliseconds, lookback))
        merge(
            RetentionNeed(
                matchers: selector.matchers,
                reach: reach,
                wholeReach: detail == nil ? reach : .zero,
                detail: detail ?? []
            )
        )
    }

    private mutating func merge(_ need: RetentionNeed) {
        if let place = needs.firstIndex(where: { $0.matchers == need.matchers }) {
            needs[place].formUnion(need)
        } else {
            needs.append(need)
        }
    }

    private func length(_ expression: DurationExpression?) -> Int64 {
        guard let expression else { return 0 }
        // A length that cannot be worked out without the query's step is an error of the query itself.
        return (try? expression.duration(mayBeNegative: true))?.milliseconds ?? 0
    }
}

extension Function {
    private static let counterFunctions: Set<Function> = [.rate, .increase, .irate, .resets]
    private static let extremeFunctions: Set<Function> = [.maxOverTime, .minOverTime]
    private static let samplingFunctions: Set<Function> = [
        .delta, .firstOverTime, .lastOverTime, .presentOverTime, .absentOverTime,
    ]

    /// What the function must find beside a sample a minute; nil when it must find every sample.
    fileprivate var detailOfThinned: RetentionNeed.Detail? {
        if Function.counterFunctions.contains(self) { return .resets }
        if Function.extremeFunctions.contains(self) { return .extremes }
        return Function.samplingFunctions.contains(self) ? [] : nil
    }
}
