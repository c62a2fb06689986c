import Model
import PromQLSyntax
import Timekeeping

/// What a range function knows besides the samples.
struct RangeContext {
    /// Edges of the window, milliseconds; samples lie in `(start, end]`.
    var start: Int64
    var end: Int64
    /// The window's length.
    var rangeSeconds: Double
    /// The moment of evaluation, milliseconds.
    var moment: Int64
    /// The function's scalar arguments at this step, in order.
    var first = 0.0
    var second = 0.0
    var mode: WindowMode
    /// The series' start timestamps; nil when none is known.
    var starts: StartTimes?
}

/// The functions of a range vector, one window of one series at a time.
///
/// Each takes the window's samples, oldest first, at least one, without staleness markers, and answers the
/// value or `Absent`. The order of operations is Prometheus's: the bits depend on it.
enum RangeFunction {
    typealias Kernel = @Sendable (Span<Sample>, RangeContext) -> Double

    /// The kernel of a function that takes a range vector.
    static func kernel(_ function: Function) -> Kernel? {
        switch function {
        case .rate: { rate($0, $1, isCounter: true, isRate: true) }
        case .increase: { rate($0, $1, isCounter: true, isRate: false) }
        case .delta: { rate($0, $1, isCounter: false, isRate: false) }
        case .irate: { lastChange($0, $1, isRate: true) }
        case .idelta: { lastChange($0, $1, isRate: false) }
        case .sumOverTime: { samples, _ in sum(samples) }
        case .avgOverTime: { samples, _ in average(samples) }
        case .countOverTime: { samples, _ in Double(samples.count) }
        case .minOverTime: { samples, _ in extreme(samples) { $0 < $1 }.value }
        case .maxOverTime: { samples, _ in extreme(samples) { $0 > $1 }.value }
        case .tsOfMinOverTime: { samples, _ in extreme(samples) { $0 <= $1 }.timestamp.seconds }
        case .tsOfMaxOverTime: { samples, _ in extreme(samples) { $0 >= $1 }.timestamp.seconds }
        case .firstOverTime: { samples, _ in samples[0].value }
        case .lastOverTime: { samples, _ in samples[samples.count - 1].value }
        case .tsOfFirstOverTime: { samples, _ in samples[0].timestamp.seconds }
        case .tsOfLastOverTime:
            { samples, _ in samples[samples.count - 1].timestamp.seconds }
        case .stddevOverTime: { samples, _ in variance(samples).squareRoot() }
        case .stdvarOverTime: { samples, _ in variance(samples) }
        case .quantileOverTime: { quantile($0, $1.first) }
        case .madOverTime: { samples, _ in medianDeviation(samples) }
        case .presentOverTime, .absentOverTime: { _, _ in 1 }
        case .changes: { count($0, $1) { $0 != $1 && !($0.isNaN && $1.isNaN) } }
        case .resets: { count($0, $1, $1.starts) { $1 < $0 } }
        case .deriv: { samples, _ in slope(samples) }
        case .predictLinear: { prediction($0, $1) }
        case .doubleExponentialSmoothing: { smoothed($0, $1) }
        default: nil
        }
    }

    // MARK: Over time

    static func sum(_ samples: Span<Sample>) -> Double {
        var total = CompensatedSum()
        for index in samples.indices { total.add(samples[index].value) }
        return total.sum.isInfinite ? total.sum : total.value
    }

    static func average(_ samples: Span<Sample>) -> Double {
        var mean = CompensatedMean(samples[0].value)
        for index in 1..<samples.count { mean.add(samples[index].value) }
        return mean.value
    }

    /// The sample that wins over all before it; any wins over NaN.
    @inline(__always)
    private static func extreme(
        _ samples: Span<Sample>,
        _ wins: (Double, Double) -> Bool
    ) -> Sample {
        var best = samples[0]
        for index in samples.indices {
            let sample = samples[index]
            if wins(sample.value, best.value) || best.value.isNaN { best = sample }
        }
        return best
    }

    private static func variance(_ samples: Span<Sample>) -> Double {
        var count = 0.0
        var mean = CompensatedSum()
        var squares = CompensatedSum()
        for index in samples.indices {
            let value = samples[index].value
            count += 1
            let delta = value - mean.value
            mean.add(delta / count)
            squares.add(delta * (value - mean.value))
        }
        return squares.value / count
    }

    private static func quantile(_ samples: Span<Sample>, _ q: Double) -> Double {
        var values = list(samples)
        return Quantile.of(&values, q)
    }

    private static func medianDeviation(_ samples: Span<Sample>) -> Double {
        var values = list(samples)
        let median = Quantile.of(&values, 0.5)
        var deviations = values.map { ($0 - median).magnitude }
        return Quantile.of(&deviations, 0.5)
    }

    private static func list(_ samples: Span<Sample>) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(samples.count)
        for index in samples.indices { values.append(samples[index].value) }
        return values
    }

    // MARK: Pairs of neighbours

    /// Counts neighbours that differ, or between which a counter began anew by its start timestamps; an anchored window
    /// begins with the sample that stands for its start.
    @inline(__always)
    private static func count(
        _ samples: Span<Sample>,
        _ context: RangeContext,
        _ starts: StartTimes? = nil,
        _ differs: (Double, Double) -> Bool
    ) -> Double {
        var index = 0
        if context.mode == .anchored {
            guard samples[samples.count - 1].timestamp.milliseconds > context.start else {
                return Absent.value
            }
            while index < samples.count - 1,
                samples[index].timestamp.milliseconds <= context.start
            {
                index += 1
            }
            index = max(0, index - 1)
        }
        var found = 0.0
        var previous = samples[index]
        var neighbours = starts.map { StartedSamples(previous, $0) }
        while index + 1 < samples.count {
            index += 1
            let sample = samples[index]
            let isReset = neighbours?.advance(to: sample) ?? false
            if isReset || differs(previous.value, sample.value) { found += 1 }
            previous = sample
        }
        return found
    }

    private static func lastChange(
        _ samples: Span<Sample>,
        _ context: RangeContext,
        isRate: Bool
    ) -> Double {
        guard samples.count > 1 else { return Absent.value }
        let last = samples[samples.count - 1]
        let previous = samples[samples.count - 2]
        let interval = last.timestamp.milliseconds - previous.timestamp.milliseconds
        guard interval != 0 else { return Absent.value }
        var isReset = isRate && last.value < previous.value
        if isRate, !isReset, let starts = context.starts {
            var neighbours = StartedSamples(previous, starts)
            isReset = neighbours.advance(to: last)
        }
        let change = isReset ? last.value : last.value - previous.value
        return isRate ? change / (Double(interval) / 1000) : change
    }

    // MARK: Smoothing

    private static func smoothed(_ samples: Span<Sample>, _ context: RangeContext) -> Double {
        guard samples.count > 1 else { return Absent.value }
        let smoothing = context.first
        let trending = context.second
        var previous = 0.0
        var current = samples[0].value
        var trend = samples[1].value - samples[0].value
        for index in 1..<samples.count {
            let scaled = smoothing * samples[index].value
            if index > 1 {
                trend = trending * (current - previous) + (1 - trending) * trend
            }
            let carried = (1 - smoothing) * (current + trend)
            (previous, current) = (current, scaled + carried)
        }
        return current
    }
}
