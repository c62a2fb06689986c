import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// A vector selector: the newest sample of each series at each step, not older than the lookback and not stale, or
    /// of smoothed selectors the value at the step itself.
    func selected(_ plan: PlanNode) throws(QueryError) -> Frame {
        guard let leaf = plan.leaf else {
            throw .execution("expected a selector: \(plan.expression.printed)")
        }
        let frame = try read(leaf, of: plan)
        try run.count(frame.presentCount)
        return frame
    }

    /// Reads a leaf over the grid; `scalars` are the range function's other arguments, one value a step each.
    func read(
        _ leaf: Leaf,
        of plan: PlanNode,
        _ scalars: [[Double]] = []
    ) throws(QueryError) -> Frame {
        let read = try windows(leaf, scalars)
        if grid.count > 1, read.moment.fixed != nil { return try readFixed(read, leaf, plan) }
        let column = try run.column(key(read, leaf), of: plan, request(read, leaf))
        noteOverlaps(column, plan)
        return try frame(column, steps: grid.count)
    }

    /// Warns of metrics whose start timestamps contradict their samples.
    private func noteOverlaps(_ column: Column, _ plan: PlanNode) {
        guard !column.noticed.isEmpty,
            let argument = plan.operands.first(where: \.isMatrix)?.expression
        else { return }
        for row in column.noticed {
            run.warn(
                "sample has start time that overlaps with previous sample timestamp for metric "
                    + GoQuoting.quoted(column.table.labels[row].name),
                at: argument.span
            )
        }
    }

    func frame(_ column: Column, steps: Int) throws(QueryError) -> Frame {
        try run.checkSize(rows: column.table.count, steps: steps)
        return Frame(column.table, column.values, steps: steps, isDistinct: true)
    }

    /// Windows that stay where they are while the moment of evaluation moves on: one request a step.
    private func readFixed(
        _ read: Windows,
        _ leaf: Leaf,
        _ plan: PlanNode
    ) throws(QueryError) -> Frame {
        guard leaf.isParameterized else {
            return try once.read(leaf, of: plan).broadcast(to: grid.count)
        }
        var requests: [ColumnRequest] = []
        for step in 0..<grid.count {
            var one = request(read, leaf)
            one.steps = 1
            one.step = 1
            let scan = one.function.scan
            one.function = WindowFunction { samples, window in
                scan(samples, SeriesWindow(start: window.start, end: window.end, step: step))
            }
            requests.append(one)
        }
        let columns = try run.columns(requests)
        var result = Frame(absent: columns[0].table, steps: grid.count, isDistinct: true)
        try run.checkSize(rows: result.count, steps: grid.count)
        for (step, column) in columns.enumerated() {
            guard column.table.count == result.count else {
                throw .execution("series changed while they were read")
            }
            for row in 0..<result.count { result[row, step] = column.values[row] }
        }
        return result
    }

    // MARK: Requests

    /// Where a leaf's windows lie, and the function of each.
    struct Windows {
        /// Milliseconds.
        var length: Int64
        var moment: ShiftedMoment
        /// What a window takes in beyond its edges, to know the values there.
        var before: Int64 = 0
        var after: Int64 = 0
        var function: WindowFunction
    }

    /// What `offset` and `@` make of the time of evaluation.
    func moment(_ modifiers: SelectorModifiers) throws(QueryError) -> ShiftedMoment {
        ShiftedMoment(fixed: run.moment(modifiers), offset: try run.offset(modifiers))
    }

    func windows(_ leaf: Leaf, _ scalars: [[Double]]) throws(QueryError) -> Windows {
        switch leaf.shape.kind {
        case .newest:
            return Windows(
                length: run.lookback,
                moment: try moment(leaf.modifiers),
                function: WindowFunction(.newest) { samples, _ in
                    samples[samples.count - 1].value
                }
            )
        case .newestTime:
            return Windows(
                length: run.lookback,
                moment: try moment(leaf.modifiers),
                function: .newestTime
            )
        case .newestStart:
            return Windows(
                length: run.lookback,
                moment: try moment(leaf.modifiers),
                function: .newestStart
            )
        case .smoothed:
            return Windows(
                length: run.lookback,
                moment: try moment(leaf.modifiers),
                after: run.lookback,
                function: WindowFunction { Evaluator.smoothed($0, at: $1.end) }
            )
        case .range(let function):
            guard let range = leaf.shape.range, let kernel = leaf.kernel else {
                throw .execution("\(function.rawValue) lacks a range")
            }
            let length = try run.length(range)
            let moment = try moment(leaf.modifiers)
            return Windows(
                length: length,
                moment: moment,
                before: leaf.shape.window == .plain ? 0 : run.lookback,
                after: leaf.shape.window == .smoothed ? run.lookback : 0,
                function: windowFunction(
                    function,
                    kernel,
                    length: length,
                    scalars,
                    leaf.shape.window
                )
            )
        }
    }

    /// A range function over windows, its scalars bound to the steps of the grid.
    func windowFunction(
        _ function: Function,
        _ kernel: @escaping RangeFunction.Kernel,
        length: Int64,
        _ scalars: [[Double]],
        _ mode: WindowMode
    ) -> WindowFunction {
        let seconds = Double(length) / 1000
        guard function.rangeTakesScalars else {
            var made = WindowFunction(RangeFunction.shortcut(function, mode)) { samples, window in
                kernel(
                    samples,
                    RangeContext(
                        start: window.start,
                        end: window.end,
                        rangeSeconds: seconds,
                        moment: window.end,
                        mode: mode,
                        starts: window.starts
                    )
                )
            }
            if run.keepsAnnotations, mode == .plain, function == .rate || function == .increase {
                made.notices = { RangeFunction.hasOverlap($0, $1) }
            }
            return made
        }
        return WindowFunction { [grid] samples, window in
            var context = RangeContext(
                start: window.start,
                end: window.end,
                rangeSeconds: seconds,
                moment: grid.time(window.step),
                mode: mode
            )
            if scalars.count > 0 { context.first = scalars[0][window.step] }
            if scalars.count > 1 { context.second = scalars[1][window.step] }
            return kernel(samples, context)
        }
    }

    func key(_ read: Windows, _ leaf: Leaf) -> Leaf.Key {
        Leaf.Key(
            number: leaf.number,
            end: read.moment.at(grid.start),
            step: grid.step,
            steps: grid.count
        )
    }

    func request(_ read: Windows, _ leaf: Leaf) -> ColumnRequest {
        ColumnRequest(
            matchers: leaf.shape.matchers,
            function: read.function,
            length: read.length,
            end: read.moment.at(grid.start),
            step: grid.step,
            steps: grid.count,
            before: read.before,
            after: read.after
        )
    }

    /// The value at a moment between the samples around it; the last one's before it when none follows.
    private static func smoothed(_ samples: Span<Sample>, at time: Int64) -> Double {
        var next = 0
        while next < samples.count, samples[next].timestamp.milliseconds < time { next += 1 }
        guard next < samples.count else { return samples[next - 1].value }
        if samples[next].timestamp.milliseconds == time { return samples[next].value }
        guard next > 0 else { return Absent.value }
        return WindowEdges.interpolated(
            samples[next - 1],
            samples[next],
            at: time,
            isCounter: false
        )
    }
}

extension WindowFunction {
    /// The time of the newest sample in seconds.
    static let newestTime = WindowFunction(.newestTime) { samples, _ in
        samples[samples.count - 1].timestamp.seconds
    }
}

extension WindowFunction {
    /// The start timestamp of the newest sample in seconds, 0 when it is not known.
    static let newestStart = WindowFunction(.newestStart) { samples, window in
        let time = samples[samples.count - 1].timestamp.milliseconds
        return Double(window.starts?[time] ?? 0) / 1000
    }
}

extension RangeFunction {
    /// The way around the scan that a store may take.
    static func shortcut(_ function: Function, _ mode: WindowMode) -> WindowFunction.Shortcut {
        guard mode == .plain else { return .none }
        switch function {
        case .rate: return .extrapolated(isCounter: true, isRate: true)
        case .increase: return .extrapolated(isCounter: true, isRate: false)
        case .delta: return .extrapolated(isCounter: false, isRate: false)
        default: return .none
        }
    }
}

/// The moment a selector reads at, milliseconds.
struct ShiftedMoment {
    /// The moment of `@`, the same for all steps.
    var fixed: Int64?
    var offset: Int64

    func at(_ evaluation: Int64) -> Int64 { (fixed ?? evaluation) - offset }
}
