/// What a metric stream says of one metric over one period.
///
/// Every statistic is optional: one that is not there is one that the stream was not told to send.
package struct PushedStatistics: Sendable {
    package var count: Double?
    package var sum: Double?
    package var minimum: Double?
    package var maximum: Double?
    /// Percentiles from 0 to 100 and their values.
    package var percentiles: [(percentile: Double, value: Double)] = []
    /// The other additional statistics, as the stream spells them.
    package var others: [(statistic: CloudWatchStatistic, value: Double)] = []

    package init() {}

    /// Takes one statistic by the name that the stream gives it.
    ///
    /// - Returns: False when the name is no statistic; nothing is taken then.
    package mutating func take(_ name: String, _ value: Double) -> Bool {
        switch name {
        case "count": count = value
        case "sum": sum = value
        case "min": minimum = value
        case "max": maximum = value
        default:
            guard let statistic = CloudWatchStatistic(cloudWatch: name) else { return false }
            if case .upTo(.percentile, let text) = statistic, let percentile = Double(text) {
                percentiles.append((percentile, value))
            } else {
                others.append((statistic, value))
            }
        }
        return true
    }

    /// The value of a statistic as GetMetricData would give it; nil when it was not sent or is no number.
    package func value(of statistic: CloudWatchStatistic) -> Double? {
        let found: Double?
        switch statistic {
        case .plain(.sampleCount): found = count
        case .plain(.sum): found = sum
        case .plain(.minimum): found = minimum
        case .plain(.maximum): found = maximum
        case .plain(.average):
            guard let sum, let count, count > 0 else { return nil }
            found = sum / count
        case .upTo(.percentile, let text):
            guard let wanted = Double(text) else { return nil }
            // A quantile of 0.999 times a hundred is not quite 99.9.
            found = percentiles.first { abs($0.percentile - wanted) < 1e-6 }?.value
        case .plain(.interquartileMean), .upTo, .between:
            found = others.first { $0.statistic.isSame(as: statistic) }?.value
        }
        guard let found, found.isFinite else { return nil }
        return found
    }
}

extension CloudWatchStatistic {
    /// True when both mean one statistic, though one may write `99.0` for `99`.
    func isSame(as other: CloudWatchStatistic) -> Bool {
        switch (self, other) {
        case (.upTo(let family, let number), .upTo(let otherFamily, let otherNumber)):
            family == otherFamily && Double(number) == Double(otherNumber)
        case (
            .between(let family, let over, let upTo),
            .between(let otherFamily, let otherOver, let otherUpTo)
        ):
            family == otherFamily && Bound.areSame(over, otherOver)
                && Bound.areSame(upTo, otherUpTo)
        default: self == other
        }
    }
}

extension CloudWatchStatistic.Bound {
    fileprivate static func areSame(_ one: Self?, _ other: Self?) -> Bool {
        one?.value == other?.value && one?.isPercent == other?.isPercent
    }
}
