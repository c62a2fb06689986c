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
        var toStart = Double(first.timestamp.milliseconds - context.start) / 1000
        var toEnd = Double(context.end - last.timestamp.milliseconds) / 1000
        let sampled = Double(last.timestamp.milliseconds - first.timestamp.milliseconds) / 1000
        let average = sampled / Double(count - 1)
        // A gap of up to 1.1 mean intervals is taken as covered; a wider one by half an interval.
        let threshold = average * 1.1
        if toStart >= threshold { toStart = average / 2 }
        if isCounter {
            // A counter was not below zero: extrapolate to its zero point at most.
            var toZero = toStart
            if change > 0, first.value >= 0 { toZero = sampled * (first.value / change) }
            if toZero < toStart { toStart = toZero }
        }
        if toEnd >= threshold { toEnd = average / 2 }
        var factor = (sampled + toStart + toEnd) / sampled
        if isRate { factor /= context.rangeSeconds }
        return change * factor
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
