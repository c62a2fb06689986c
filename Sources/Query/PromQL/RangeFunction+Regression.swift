import Model
import Timekeeping

extension RangeFunction {
    /// `deriv`: the slope per second of the line of least squares.
    static func slope(_ samples: Span<Sample>) -> Double {
        guard samples.count > 1 else { return Absent.value }
        // Times near the samples keep the sums precise.
        return regression(samples, origin: samples[0].timestamp.milliseconds).slope
    }

    /// `predict_linear`: the line's value so many seconds after the evaluation.
    static func prediction(_ samples: Span<Sample>, _ context: RangeContext) -> Double {
        guard samples.count > 1 else { return Absent.value }
        let line = regression(samples, origin: context.moment)
        return line.slope * context.first + line.intercept
    }

    private static func regression(
        _ samples: Span<Sample>,
        origin: Int64
    ) -> (slope: Double, intercept: Double) {
        var n = 0.0
        var x = CompensatedSum()
        var y = CompensatedSum()
        var xy = CompensatedSum()
        var xx = CompensatedSum()
        let first = samples[0].value
        var isConstant = true
        for index in samples.indices {
            let value = samples[index].value
            if isConstant, index > 0, value != first { isConstant = false }
            n += 1
            let time = Double(samples[index].timestamp.milliseconds - origin) / 1000
            x.add(time)
            y.add(value)
            xy.add(time * value)
            xx.add(time * time)
        }
        if isConstant { return first.isInfinite ? (.nan, .nan) : (0, first) }
        let covariance = xy.value - x.value * y.value / n
        let variance = xx.value - x.value * x.value / n
        let slope = covariance / variance
        return (slope, y.value / n - slope * x.value / n)
    }
}
