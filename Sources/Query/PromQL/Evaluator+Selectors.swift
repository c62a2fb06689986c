import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// The newest sample of each series at each step, not older than the lookback and not stale.
    func vectorSelector(_ selector: VectorSelector) throws(QueryError) -> Frame {
        switch selector.window {
        case .plain, .anchored:
            return try newest(selector.matchers, try moment(selector.modifiers)) { $0.value }
        case .smoothed: return try smoothed(selector)
        }
    }

    /// What `offset` and `@` make of the time of evaluation.
    func moment(_ modifiers: SelectorModifiers) throws(QueryError) -> ShiftedMoment {
        ShiftedMoment(fixed: run.moment(modifiers), offset: try run.offset(modifiers))
    }

    /// The newest sample of each series at each step, as `read` reads it.
    func newest(
        _ matchers: [LabelMatcher],
        _ moment: ShiftedMoment,
        _ read: (Sample) -> Double
    ) throws(QueryError) -> Frame {
        let found = try run.select(
            matchers,
            after: moment.at(grid.start) - run.lookback,
            through: moment.at(grid.end)
        )
        try run.checkSize(rows: found.count, steps: grid.count)
        var frame = Frame(steps: grid.count)
        frame.isDistinct = true
        frame.reserve(found.count)
        var count = 0
        for series in found {
            let row = frame.appendRow(series.labels)
            let samples = series.samples.span
            var next = 0
            var present = 0
            for step in 0..<grid.count {
                let time = moment.at(grid.time(step))
                while next < samples.count, samples[next].timestamp.milliseconds <= time {
                    next += 1
                }
                guard next > 0 else { continue }
                let sample = samples[next - 1]
                guard sample.timestamp.milliseconds > time - run.lookback,
                    !Staleness.isMarker(sample.value)
                else { continue }
                frame[row, step] = read(sample)
                present += 1
            }
            count += present
            if present == 0 { frame.removeLastRow() }
        }
        try run.count(count)
        return frame
    }

    /// Values at the steps themselves, interpolated between the samples around each.
    private func smoothed(_ selector: VectorSelector) throws(QueryError) -> Frame {
        let moment = try moment(selector.modifiers)
        let found = try run.select(
            selector.matchers,
            after: moment.at(grid.start) - run.lookback,
            through: moment.at(grid.end) + run.lookback
        )
        try run.checkSize(rows: found.count, steps: grid.count)
        var frame = Frame(steps: grid.count)
        frame.isDistinct = true
        frame.reserve(found.count)
        for series in found {
            let row = frame.appendRow(series.labels)
            let samples = series.samples.withoutMarkers
            for step in 0..<grid.count {
                let time = moment.at(grid.time(step))
                let next = samples.firstIndex { $0.timestamp.milliseconds >= time }
                if let next, samples[next].timestamp.milliseconds == time {
                    frame[row, step] = samples[next].value
                    continue
                }
                let before = (next ?? samples.count) - 1
                guard before >= 0,
                    samples[before].timestamp.milliseconds > time - run.lookback
                else { continue }
                if let next, samples[next].timestamp.milliseconds <= time + run.lookback {
                    frame[row, step] = WindowEdges.interpolated(
                        samples[before],
                        samples[next],
                        at: time,
                        isCounter: false
                    )
                } else {
                    frame[row, step] = samples[before].value
                }
            }
            if !frame.hasValues(row) { frame.removeLastRow() }
        }
        try run.count(frame.values.count)
        return frame
    }

    // MARK: Range vectors

    /// The samples of a range vector at the evaluator's only moment, as a query that asks for them gets them.
    func matrix(_ expression: Expression) throws(QueryError) -> [SeriesSamples] {
        switch expression.unwrapped {
        case .matrix(let node):
            let window = try window(node)
            let reference = window.reference(grid.start)
            var result: [SeriesSamples] = []
            for series in try read(node, window) {
                let samples =
                    node.selector.window == .plain
                    ? series.samples
                    : WindowEdges(
                        start: reference - window.range,
                        end: reference,
                        isSmoothed: node.selector.window == .smoothed
                    ).extended(series.samples)
                if !samples.isEmpty {
                    result.append(SeriesSamples(labels: series.labels, samples: samples))
                }
            }
            return result
        case .subquery(let node):
            let (evaluator, frame, _) = try subquery(node)
            return evaluator.series(try evaluator.named(frame)).sorted { $0.labels < $1.labels }
        default: throw .execution("expected a range vector: \(expression.printed)")
        }
    }

    /// The window of a matrix selector.
    func window(_ node: MatrixSelector) throws(QueryError) -> Window {
        Window(
            range: try run.length(node.range),
            moment: try moment(node.selector.modifiers),
            before: node.selector.window == .plain ? 0 : run.lookback,
            after: node.selector.window == .smoothed ? run.lookback : 0
        )
    }

    /// Every sample that any step's window holds, staleness markers left out.
    func read(_ node: MatrixSelector, _ window: Window) throws(QueryError) -> [SeriesSamples] {
        let first = window.reference(grid.start)
        let last = window.reference(grid.end)
        var found = try run.select(
            node.selector.matchers,
            after: first - window.range - window.before,
            through: last + window.after
        )
        for index in found.indices {
            if found[index].samples.contains(where: { Staleness.isMarker($0.value) }) {
                found[index].samples = found[index].samples.withoutMarkers
            }
            try run.count(found[index].samples.count)
        }
        return found
    }

    /// Evaluates what is inside a subquery over its own grid.
    func subquery(
        _ node: Subquery
    ) throws(QueryError) -> (evaluator: Evaluator, frame: Frame, window: Window) {
        let window = Window(
            range: try run.length(node.range),
            moment: try moment(node.modifiers),
            before: 0,
            after: 0
        )
        let step: Int64
        if let written = node.step {
            step = try run.length(written)
        } else {
            step = run.settings.defaultSubqueryStep.milliseconds
        }
        guard step > 0 else { throw .execution("duration must be greater than 0") }
        // The first multiple of the step after the window's open start.
        let open = window.reference(grid.start) - window.range
        var start = open / step * step
        if start <= open { start += step }
        let inner = Evaluator(
            run: run,
            grid: TimeGrid(from: start, through: window.reference(grid.end), step: step)
        )
        try run.checkSize(rows: 1, steps: inner.grid.count)
        guard inner.grid.count > 0 else { return (inner, Frame(steps: 0), window) }
        let frame = try inner.vector(node.inner)
        try run.count(frame.values.count)
        return (inner, frame, window)
    }
}

/// The moment a selector reads at, milliseconds.
struct ShiftedMoment {
    /// The moment of `@`, the same for all steps.
    var fixed: Int64?
    var offset: Int64

    func at(_ evaluation: Int64) -> Int64 { (fixed ?? evaluation) - offset }
}

/// Where the window of a range vector lies for each moment.
struct Window {
    /// Milliseconds.
    var range: Int64
    var moment: ShiftedMoment
    /// What a window takes in before its start and after its end, to know the values at its edges.
    var before: Int64
    var after: Int64

    /// The end of the window when evaluated at `moment`; it starts `range` earlier.
    func reference(_ evaluation: Int64) -> Int64 { moment.at(evaluation) }
}

extension [Sample] {
    /// The samples that are no staleness markers.
    var withoutMarkers: [Sample] { filter { !Staleness.isMarker($0.value) } }
}
