import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// Evaluates a function of a range vector: its windows slide over samples that are read once.
    func rangeCall(
        _ node: FunctionCall,
        _ kernel: RangeFunction.Kernel
    ) throws(QueryError) -> Frame {
        var scalars: [[Double]] = []
        var argument: Expression?
        for each in node.arguments {
            if each.valueType == .matrix {
                argument = each.unwrapped
            } else {
                scalars.append(try scalar(each))
            }
        }
        guard let argument else { throw .execution("\(node.function.rawValue) lacks a range") }
        let input = try rangeInput(argument, for: node.function)
        if !input.series.isEmpty { try checkParameters(node, scalars) }
        try run.checkSize(rows: input.series.count, steps: grid.count)
        var frame = Frame(steps: grid.count)
        frame.reserve(input.series.count)
        let dropsName = node.function != .lastOverTime && node.function != .firstOverTime
        for (index, series) in input.series.enumerated() {
            let row = frame.appendRow(
                series.labels,
                dropsName: dropsName || input.dropsName[index]
            )
            try run.checkCancellation()
            slide(series.samples.span, input, scalars, kernel, into: &frame, row: row)
            if !frame.hasValues(row) {
                frame.removeLastRow()
            } else if node.function == .rate || node.function == .increase {
                noteNonCounter(series.labels.name, argument)
            }
        }
        if node.function == .absentOverTime { return absentOverTime(frame, argument) }
        frame.isDistinct = input.isDistinct
        if !delaysNameRemoval, dropsName {
            frame.removeDroppedNames()
            try mergeEqualLabels(&frame)
        }
        return frame
    }

    /// What a range function reads.
    private struct RangeInput {
        var series: [SeriesSamples]
        /// Of each series, whether its name is to be dropped already.
        var dropsName: [Bool]
        /// True when no two series have equal labels.
        var isDistinct: Bool
        var window: Window
        var mode: WindowMode
    }

    private func rangeInput(
        _ argument: Expression,
        for function: Function
    ) throws(QueryError) -> RangeInput {
        switch argument {
        case .matrix(let node):
            try checkMode(node.selector.window, function)
            let window = try window(node)
            let series = try read(node, window)
            return RangeInput(
                series: series,
                dropsName: [Bool](repeating: false, count: series.count),
                isDistinct: true,
                window: window,
                mode: node.selector.window
            )
        case .subquery(let node):
            let (evaluator, frame, window) = try subquery(node)
            var input = RangeInput(
                series: [],
                dropsName: [],
                isDistinct: frame.isDistinct,
                window: window,
                mode: .plain
            )
            for row in 0..<frame.count {
                let samples = evaluator.samples(frame, row)
                guard !samples.isEmpty else { continue }
                input.series.append(SeriesSamples(labels: frame.labels[row], samples: samples))
                input.dropsName.append(frame.dropsName[row])
            }
            return input
        default: throw .execution("expected a range vector: \(argument.printed)")
        }
    }

    private func slide(
        _ samples: Span<Sample>,
        _ input: RangeInput,
        _ scalars: [[Double]],
        _ kernel: RangeFunction.Kernel,
        into frame: inout Frame,
        row: Int
    ) {
        let window = input.window
        var context = RangeContext(
            start: 0,
            end: 0,
            rangeSeconds: Double(window.range) / 1000,
            moment: 0,
            mode: input.mode
        )
        var low = 0
        var high = 0
        for step in 0..<grid.count {
            context.moment = grid.time(step)
            context.end = window.reference(context.moment)
            context.start = context.end - window.range
            let after = context.start - window.before
            let through = context.end + window.after
            while high < samples.count, samples[high].timestamp.milliseconds <= through {
                high += 1
            }
            while low < high, samples[low].timestamp.milliseconds <= after { low += 1 }
            guard low < high else { continue }
            if scalars.count > 0 { context.first = scalars[0][step] }
            if scalars.count > 1 { context.second = scalars[1][step] }
            frame[row, step] = kernel(samples.extracting(low..<high), context)
        }
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

    private func noteNonCounter(_ name: String, _ argument: Expression) {
        guard !name.isEmpty,
            !["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix)
        else { return }
        run.inform(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                + GoQuoting.quoted(name),
            at: argument.span
        )
    }

    private func absentOverTime(_ frame: Frame, _ argument: Expression) -> Frame {
        var result = Frame(steps: grid.count)
        result.appendRow(absentLabels(argument), dropsName: true)
        for step in 0..<grid.count {
            let isThere = (0..<frame.count).contains { frame[$0, step].isPresent }
            if !isThere { result[0, step] = 1 }
        }
        return result.compacted()
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
