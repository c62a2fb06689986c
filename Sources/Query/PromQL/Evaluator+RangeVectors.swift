import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// The samples of a range vector at the evaluator's only moment, as a query that asks for them gets them.
    func matrix(_ plan: PlanNode) throws(QueryError) -> [SeriesSamples] {
        switch plan.expression {
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
            let (evaluator, frame, _) = try subquery(plan, node)
            return evaluator.series(try evaluator.named(frame)).sorted { $0.labels < $1.labels }
        default: throw .execution("expected a range vector: \(plan.expression.printed)")
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
        _ plan: PlanNode,
        _ node: Subquery
    ) throws(QueryError) -> (evaluator: Evaluator, frame: Frame, window: Window) {
        let (inner, window) = try subqueryEvaluator(node)
        try run.checkSize(rows: 1, steps: inner.grid.count)
        guard inner.grid.count > 0 else { return (inner, Frame(steps: 0), window) }
        let frame = try inner.vector(plan.operands[0])
        try run.count(frame.presentCount)
        return (inner, frame, window)
    }

    /// The evaluator of what is inside a subquery: over the multiples of its step that any window holds.
    func subqueryEvaluator(
        _ node: Subquery
    ) throws(QueryError) -> (evaluator: Evaluator, window: Window) {
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
        let inner = TimeGrid(from: start, through: window.reference(grid.end), step: step)
        return (Evaluator(run: run, grid: inner), window)
    }
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
