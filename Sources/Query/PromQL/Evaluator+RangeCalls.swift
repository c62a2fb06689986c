import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// Evaluates a function of a range vector: its windows slide over samples that are read once.
    func rangeCall(
        _ plan: PlanNode,
        _ node: FunctionCall,
        _ kernel: @escaping RangeFunction.Kernel
    ) throws(QueryError) -> Frame {
        var scalars: [[Double]] = []
        var argument: PlanNode?
        for operand in plan.operands {
            if operand.isMatrix {
                argument = operand
            } else {
                scalars.append(try scalar(operand))
            }
        }
        guard let argument else { throw .execution("\(node.function.rawValue) lacks a range") }
        var frame = try windows(plan, node, kernel, argument, scalars)
        if node.function == .absentOverTime { return absentOverTime(frame, argument.expression) }
        if node.function == .rate || node.function == .increase {
            noteNonCounters(frame, plan, argument.expression)
        }
        if node.function != .lastOverTime && node.function != .firstOverTime {
            let count = delaysNameRemoval || grid.count == 1 ? 0 : frame.compacted().count
            try dropNames(&frame, plan)
            // Here Prometheus refuses equal labels even where their values never meet.
            guard frame.count >= count else { throw .execution(Evaluator.duplicateLabels) }
        }
        return frame
    }

    /// The function's value for each window of each series.
    private func windows(
        _ plan: PlanNode,
        _ node: FunctionCall,
        _ kernel: @escaping RangeFunction.Kernel,
        _ argument: PlanNode,
        _ scalars: [[Double]]
    ) throws(QueryError) -> Frame {
        switch argument.expression {
        case .matrix(let matrix):
            guard let leaf = plan.leaf else { break }
            try checkMode(matrix.selector.window, node.function)
            if hasDoubtfulParameters(node, scalars) {
                let samples = try read(argument: matrix)
                if !samples.isEmpty { try checkParameters(node, scalars) }
            }
            let frame = try read(leaf, of: plan, scalars)
            try run.count(frame.presentCount)
            return frame
        case .subquery(let subquery):
            let (evaluator, inner, window) = try self.subquery(argument, subquery)
            if inner.hasValues { try checkParameters(node, scalars) }
            return try slide(
                windowFunction(node.function, kernel, length: window.range, scalars, .plain),
                over: inner,
                evaluator.grid,
                window
            )
        default: break
        }
        throw .execution("expected a range vector: \(argument.expression.printed)")
    }

    private func read(argument: MatrixSelector) throws(QueryError) -> [SeriesSamples] {
        try read(argument, try window(argument))
    }

    /// Slides windows over the values that an expression has over a grid of its own.
    private func slide(
        _ function: WindowFunction,
        over inner: Frame,
        _ innerGrid: TimeGrid,
        _ window: Window
    ) throws(QueryError) -> Frame {
        try run.checkSize(rows: inner.count, steps: grid.count)
        // The frame of a window without steps has no rows either.
        var result = Frame(
            absent: inner.table,
            steps: grid.count,
            drops: inner.drops,
            isDistinct: inner.isDistinct
        )
        let isFixed = window.moment.fixed != nil
        var request = ColumnRequest(
            matchers: [],
            function: function,
            length: window.range,
            end: window.reference(grid.start),
            step: grid.step,
            steps: isFixed ? 1 : grid.count
        )
        var samples: [Sample] = []
        for row in 0..<inner.count {
            try run.checkCancellation()
            samples.removeAll(keepingCapacity: true)
            for step in 0..<inner.steps where inner[row, step].isPresent {
                samples.append(
                    Sample(Timestamp(milliseconds: innerGrid.time(step)), inner[row, step])
                )
            }
            guard !samples.isEmpty else { continue }
            // A window that stays where it is still has a moment of evaluation a step.
            for step in 0..<(isFixed ? grid.count : 1) {
                if isFixed {
                    let scan = function.scan
                    request.function.scan = {
                        scan($0, SeriesWindow(start: $1.start, end: $1.end, step: step))
                    }
                }
                ColumnScan.slide(samples.span, request) { found, value in
                    result[row, isFixed ? step : found] = value
                }
            }
        }
        return result
    }

    private func checkMode(_ mode: WindowMode, _ function: Function) throws(QueryError) {
        let allowed: [Function]
        switch mode {
        case .plain: return
        case .anchored: allowed = [.changes, .delta, .increase, .rate, .resets]
        case .smoothed: allowed = [.delta, .increase, .rate]
        }
        guard allowed.contains(function) else {
            let names = allowed.map(\.rawValue).joined(separator: ", ")
            throw .execution(
                "\(mode.rawValue) modifier can only be used with: \(names) "
                    + "- not with \(function.rawValue)"
            )
        }
    }

    /// True when a parameter is one that `checkParameters` has something to say of.
    private func hasDoubtfulParameters(_ node: FunctionCall, _ scalars: [[Double]]) -> Bool {
        switch node.function {
        case .quantileOverTime: scalars[0].contains { !($0 >= 0 && $0 <= 1) }
        case .doubleExponentialSmoothing: scalars.joined().contains { $0 <= 0 || $0 >= 1 }
        default: false
        }
    }

    /// Checks the scalar arguments; of an empty vector nothing is said.
    private func checkParameters(
        _ node: FunctionCall,
        _ scalars: [[Double]]
    ) throws(QueryError) {
        switch node.function {
        case .quantileOverTime:
            for q in scalars[0] where !(q >= 0 && q <= 1) {
                warnQuantile(q, at: node.arguments[0].span)
            }
        case .doubleExponentialSmoothing:
            for (name, values) in [("smoothing", scalars[0]), ("trend", scalars[1])] {
                for value in values where value <= 0 || value >= 1 {
                    throw .execution(
                        "invalid \(name) factor. Expected: 0 < \(name.first == "s" ? "sf" : "tf") "
                            + "< 1, got: \(PromQLNumber.fixed(value))"
                    )
                }
            }
        default: break
        }
    }

    func warnQuantile(_ q: Double, at span: SourceSpan) {
        run.warn(
            "quantile value should be between 0 and 1, got \(PromQLNumber.general(q))",
            at: span
        )
    }

    private func noteNonCounters(_ frame: Frame, _ plan: PlanNode, _ argument: Expression) {
        guard run.keepsAnnotations else { return }
        var suspects = plan.recall { $0.suspects }
        if suspects?.source !== frame.table {
            suspects = SuspectNames(frame.table)
            plan.keep { $0.suspects = suspects }
        }
        var found: [(row: Int, name: String)] = []
        for (name, rows) in suspects?.rows ?? [] {
            if let row = rows.first(where: frame.hasValues) { found.append((row, name)) }
        }
        for (_, name) in found.sorted(by: { $0.row < $1.row }) {
            run.inform(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                    + GoQuoting.quoted(name),
                at: argument.span
            )
        }
    }

    private func absentOverTime(_ frame: Frame, _ argument: Expression) -> Frame {
        var result = absence(of: frame, argument)
        result.drops = .all
        return result
    }

    /// One where no row has a value.
    func absence(of frame: Frame, _ argument: Expression) -> Frame {
        var result = Frame(
            absent: SeriesTable([absentLabels(argument)]),
            steps: grid.count,
            isDistinct: true
        )
        for step in 0..<grid.count {
            let isThere = (0..<frame.count).contains { frame[$0, step].isPresent }
            if !isThere { result[0, step] = 1 }
        }
        return result
    }

    /// The labels that a selector's equality matchers promise.
    func absentLabels(_ argument: Expression) -> LabelSet {
        let matchers: [LabelMatcher]
        switch argument.unwrapped {
        case .vector(let selector): matchers = selector.matchers
        case .matrix(let matrix): matchers = matrix.selector.matchers
        default: return LabelSet()
        }
        var labels = LabelSet()
        var seen: Set<String> = []
        for matcher in matchers where matcher.name != LabelSet.metricName {
            if matcher.operation == .equal, seen.insert(matcher.name).inserted {
                labels[matcher.name] = matcher.value
            } else {
                labels[matcher.name] = ""
            }
        }
        return labels
    }
}
