import Model
import Timekeeping

/// `ExtrapolatedRate` over windows that slide along the samples of one series.
struct ExtrapolatedWindows {
    var isCounter: Bool
    var isRate: Bool

    /// Calls `found` for every step whose window has a value.
    ///
    /// Looks at all samples of a window only when a reset lies within.
    ///
    /// - Parameters:
    ///   - samples: Oldest first, without staleness markers.
    ///   - request: Windows and function; the windows are plain ones.
    ///   - found: Takes the step and the value.
    @inline(__always)
    func slide(_ samples: Span<Sample>, _ request: ColumnRequest, found: (Int, Double) -> Void) {
        var (low, high) = (0, 0)
        // The last sample before `high` that is less than the one before it.
        var reset = 0
        for step in 0..<request.steps {
            let end = request.end + Int64(step) * request.step
            let start = end - request.length
            while high < samples.count, samples[high].timestamp.milliseconds <= end {
                if high > 0, samples[high].value < samples[high - 1].value { reset = high }
                high += 1
            }
            while low < high, samples[low].timestamp.milliseconds <= start { low += 1 }
            guard low < high else { continue }
            let value: Double
            if isCounter, reset > low {
                value = request.function.scan(
                    samples.extracting(low..<high),
                    SeriesWindow(start: start, end: end, step: step)
                )
            } else {
                guard high - low > 1 else { continue }
                value = ExtrapolatedRate.value(
                    change: samples[high - 1].value - samples[low].value,
                    first: samples[low],
                    lastTime: samples[high - 1].timestamp.milliseconds,
                    count: high - low,
                    start: start,
                    end: end,
                    isCounter: isCounter,
                    isRate: isRate
                )
            }
            if !Staleness.isMarker(value) { found(step, value) }
        }
    }
}
