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
        let first = samples[0]
        if isCounter, let starts = context.starts {
            return startedRate(samples, context, starts, isRate: isRate)
        }
        guard count > 1 else { return Absent.value }
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

    /// The same of a counter with start timestamps: it is reset where it fell, and where they say it began anew.
    private static func startedRate(
        _ samples: Span<Sample>,
        _ context: RangeContext,
        _ starts: StartTimes,
        isRate: Bool
    ) -> Double {
        let count = samples.count
        let first = samples[0]
        let last = samples[count - 1]
        var change = last.value - first.value
        var neighbours = StartedSamples(first, starts)
        var previous = first.value
        for index in 1..<max(1, count) {
            let sample = samples[index]
            let isReset = neighbours.advance(to: sample)
            if isReset || sample.value < previous { change += previous }
            previous = sample.value
        }
        // Behind the last look at the span: a return before it makes the optimizer of Swift 6.3.1 stop at an error of
        // its own.
        let firstStart = starts[first.timestamp.milliseconds]
        guard
            count > 1
                || ExtrapolatedRate.countsFromStart(first, firstStart, window: context.start)
        else { return Absent.value }
        return ExtrapolatedRate.value(
            change: change,
            first: first,
            lastTime: last.timestamp.milliseconds,
            count: count,
            start: context.start,
            end: context.end,
            isCounter: true,
            isRate: isRate,
            firstStart: firstStart
        )
    }

    /// True when a sample of a plain window says it has counted since before the sample before it, from another start.
    static func hasOverlap(_ samples: Span<Sample>, _ window: SeriesWindow) -> Bool {
        guard let starts = window.starts, samples.count > 1 else { return false }
        var neighbours = StartedSamples(samples[0], starts)
        for index in 1..<samples.count {
            _ = neighbours.advance(to: samples[index])
            if neighbours.isOverlap { return true }
        }
        return false
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

/// Walks along samples and their start timestamps, neighbour by neighbour.
struct StartedSamples {
    private var cursor: StartTimes.Cursor
    private var time: Int64
    private var start: Int64
    /// True when the sample advanced to last overlaps with the one before it.
    private(set) var isOverlap = false

    init(_ first: Sample, _ starts: StartTimes) {
        cursor = StartTimes.Cursor(starts)
        time = first.timestamp.milliseconds
        start = cursor.start(at: time)
    }

    /// Goes on to the next sample; true when the counter began anew before it.
    mutating func advance(to sample: Sample) -> Bool {
        let (previousTime, previousStart) = (time, start)
        time = sample.timestamp.milliseconds
        start = cursor.start(at: time)
        isOverlap = StartTime.overlaps(
            previousStart: previousStart,
            previousTime: previousTime,
            start: start
        )
        return StartTime.isReset(
            previousStart: previousStart,
            previousTime: previousTime,
            start: start,
            time: time
        )
    }
}
