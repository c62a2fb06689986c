import Model
import Timekeeping

/// The values at the edges of an anchored or smoothed window.
struct WindowEdges {
    /// Milliseconds.
    var start: Int64
    var end: Int64
    /// True when edges between two samples are interpolated, false when the sample before stands for them.
    var isSmoothed: Bool

    /// The samples that matter, and the values at the edges.
    struct Bounds {
        var first: Int
        var last: Int
        var left: Double
        var right: Double
    }

    /// - Returns: Nil when no sample says anything about the window.
    func bounds(_ samples: Span<Sample>, isCounter: Bool) -> Bounds? {
        guard samples.count > 0 else { return nil }
        var last = samples.count - 1
        var first = 0
        while first < last, samples[first].timestamp.milliseconds <= start { first += 1 }
        first = max(0, first - 1)
        if isSmoothed {
            var index = 0
            while index < last, samples[index].timestamp.milliseconds < end { index += 1 }
            last = index
        }
        guard samples[last].timestamp.milliseconds > start,
            samples[first].timestamp.milliseconds <= end
        else { return nil }
        var left = samples[first].value
        if isSmoothed, samples[first].timestamp.milliseconds < start {
            left = WindowEdges.interpolated(
                samples[first],
                samples[first + 1],
                at: start,
                isCounter: isCounter
            )
        }
        var right = samples[last].value
        if isSmoothed, last > 0, samples[last].timestamp.milliseconds > end {
            right = WindowEdges.interpolated(
                samples[last - 1],
                samples[last],
                at: end,
                isCounter: isCounter
            )
        }
        return Bounds(first: first, last: last, left: left, right: right)
    }

    /// The line between two samples; a counter that fell is taken to have restarted from zero.
    static func interpolated(
        _ a: Sample,
        _ b: Sample,
        at moment: Int64,
        isCounter: Bool
    ) -> Double {
        let low = isCounter && b.value < a.value ? 0 : a.value
        let passed = Double(moment - a.timestamp.milliseconds)
        let whole = Double(b.timestamp.milliseconds - a.timestamp.milliseconds)
        return low + (b.value - low) * passed / whole
    }

    /// The window's samples with one more at each edge.
    func extended(_ samples: [Sample]) -> [Sample] {
        guard var bounds = bounds(samples.span, isCounter: false) else { return [] }
        if samples[bounds.first].timestamp.milliseconds <= start { bounds.first += 1 }
        if samples[bounds.last].timestamp.milliseconds >= end { bounds.last -= 1 }
        var result = [Sample(Timestamp(milliseconds: start), bounds.left)]
        if bounds.first <= bounds.last { result += samples[bounds.first...bounds.last] }
        result.append(Sample(Timestamp(milliseconds: end), bounds.right))
        return result
    }
}
