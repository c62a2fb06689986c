import Model
import PromQLSyntax
import Timekeeping

extension RangeFunction {
    /// `rate`, `increase` and `delta`: the change over the window, extrapolated to its edges.
    ///
    /// Follows Prometheus 3's extrapolatedRate operation by operation: `increase` is not `rate` times the range, their bits
    /// differ.
    static func rate(
        _ samples: Span<Sample>,
        _ context: RangeContext,
        isCounter: Bool,
        isRate: Bool
    ) -> Double {
        guard context.mode == .plain else {
            return edgeRate(samples, context, isCounter: isCounter, isRate: isRate)
        }
        let count = samples.count
        guard count > 1 else { return Absent.value }
        let first = samples[0]
        let last = samples[count - 1]
        var change = last.value - first.value
        if isCounter {
            var previous = first.value
            for index in 1..<count {
                let value = samples[index].value
                if value < previous { change += previous }
                previous = value
            }
        }
        return ExtrapolatedRate.value(
            change: change,
            first: first,
            lastTime: last.timestamp.milliseconds,
            count: count,
            start: context.start,
            end: context.end,
            isCounter: isCounter,
            isRate: isRate
        )
    }

    /// The same between the values at the edges of an anchored or smoothed window, without extrapolation.
    private static func edgeRate(
        _ samples: Span<Sample>,
        _ context: RangeContext,
        isCounter: Bool,
        isRate: Bool
    ) -> Double {
        let edges = WindowEdges(
            start: context.start,
            end: context.end,
            isSmoothed: context.mode == .smoothed
        )
        guard var bounds = edges.bounds(samples, isCounter: isCounter) else {
            return Absent.value
        }
        var change = bounds.right - bounds.left
        if isCounter {
            // The edges have their resets accounted for: only what lies within counts.
            if samples[bounds.first].timestamp.milliseconds <= context.start { bounds.first += 1 }
            if samples[bounds.last].timestamp.milliseconds >= context.end { bounds.last -= 1 }
            var correction = 0.0
            var previous = bounds.left
            if bounds.first <= bounds.last {
                for index in bounds.first...bounds.last {
                    let value = samples[index].value
                    if value < previous { correction += previous }
                    previous = value
                }
            }
            if bounds.right < previous { correction += previous }
            change += correction
        }
        return isRate ? change / context.rangeSeconds : change
    }
}
