import Model
import Timekeeping

/// Functions as PromQL has them.
enum BenchmarkFunctions {
    static let newest = WindowFunction(.newest) { samples, _ in samples[samples.count - 1].value }

    static let rate = WindowFunction(.extrapolated(isCounter: true, isRate: true)) {
        samples,
        window in
        let count = samples.count
        guard count > 1 else { return Staleness.marker }
        var change = samples[count - 1].value - samples[0].value
        var previous = samples[0].value
        for index in 1..<count {
            let value = samples[index].value
            if value < previous { change += previous }
            previous = value
        }
        return ExtrapolatedRate.value(
            change: change,
            first: samples[0],
            lastTime: samples[count - 1].timestamp.milliseconds,
            count: count,
            start: window.start,
            end: window.end,
            isCounter: true,
            isRate: true
        )
    }

    static let average = WindowFunction { samples, _ in
        var (sum, correction) = (0.0, 0.0)
        for index in samples.indices {
            let value = samples[index].value
            let total = sum + value
            correction +=
                sum.magnitude >= value.magnitude ? (sum - total) + value : (value - total) + sum
            sum = total
        }
        return sum / Double(samples.count) + correction / Double(samples.count)
    }

    static let maximum = WindowFunction { samples, _ in
        var most = samples[0].value
        for index in samples.indices where samples[index].value > most {
            most = samples[index].value
        }
        return most
    }
}
