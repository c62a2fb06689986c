package import CloudWatchIngest

/// What was observed in one period, and every statistic of CloudWatch over it.
///
/// Percentiles are by nearest rank; trimmed statistics take a value that a bound cuts through in part. AWS
/// does not publish its own arithmetic, which estimates: expect its figures to differ in the third digit.
package struct Observations: Hashable, Sendable {
    /// A value that was seen `count` times.
    package struct Weighted: Hashable, Sendable {
        package var value: Double
        package var count: Double

        package init(_ value: Double, count: Double = 1) {
            self.value = value
            self.count = count
        }
    }

    /// A summary that a client sent instead of values.
    package struct Summary: Hashable, Sendable {
        package var count: Double
        package var sum: Double
        package var minimum: Double
        package var maximum: Double

        package init(count: Double, sum: Double, minimum: Double, maximum: Double) {
            self.count = count
            self.sum = sum
            self.minimum = minimum
            self.maximum = maximum
        }
    }

    package private(set) var values: [Weighted] = []
    package private(set) var summaries: [Summary] = []

    package init() {}

    /// Observations of single values.
    package init(_ values: some Sequence<Double>) {
        self.values = values.map { Weighted($0) }
    }

    package mutating func add(_ value: Weighted) { values.append(value) }

    /// Adds a summary; one whose minimum is its maximum counts as that value.
    package mutating func add(_ summary: Summary) {
        if summary.minimum == summary.maximum {
            values.append(Weighted(summary.minimum, count: summary.count))
        } else {
            summaries.append(summary)
        }
    }

    package mutating func add(_ other: Observations) {
        values += other.values
        summaries += other.summaries
    }

    package var isEmpty: Bool { values.isEmpty && summaries.isEmpty }

    /// The statistic; nil when there is nothing, or when it cannot be told from summaries or negative values.
    package func statistic(_ statistic: CloudWatchStatistic) -> Double? {
        guard !isEmpty else { return nil }
        switch statistic {
        case .plain(.interquartileMean):
            return within(
                .trimmedMean,
                over: .init("25", isPercent: true),
                upTo: .init("75", isPercent: true)
            )
        case .plain(let plain): return self.plain(plain)
        case .upTo(.percentile, let text):
            return Double(text).flatMap(percentile)
        case .upTo(let family, let text):
            return within(family, over: nil, upTo: .init(text, isPercent: true))
        case .between(let family, let over, let upTo):
            return within(family, over: over, upTo: upTo)
        }
    }

    private func plain(_ plain: CloudWatchStatistic.Plain) -> Double? {
        let count = values.reduce(0) { $0 + $1.count } + summaries.reduce(0) { $0 + $1.count }
        let sum =
            values.reduce(0) { $0 + $1.value * $1.count } + summaries.reduce(0) { $0 + $1.sum }
        switch plain {
        case .sampleCount: return count
        case .sum: return sum
        case .average: return count > 0 ? sum / count : nil
        case .minimum: return (values.map(\.value) + summaries.map(\.minimum)).min()
        case .maximum: return (values.map(\.value) + summaries.map(\.maximum)).max()
        case .interquartileMean: return nil
        }
    }

    /// Values in order; nil when percentiles do not exist for these observations.
    private var ordered: [Weighted]? {
        guard summaries.isEmpty else { return nil }
        let sorted = values.filter { $0.count > 0 }.sorted { $0.value < $1.value }
        guard let first = sorted.first, first.value >= 0 else { return nil }
        return sorted
    }

    private func percentile(_ percent: Double) -> Double? {
        guard let ordered else { return nil }
        let rank = percent / 100 * ordered.reduce(0) { $0 + $1.count }
        var seen = 0.0
        for one in ordered {
            seen += one.count
            if seen >= rank { return one.value }
        }
        return ordered.last?.value
    }

    private func within(
        _ family: CloudWatchStatistic.Family,
        over: CloudWatchStatistic.Bound?,
        upTo: CloudWatchStatistic.Bound?
    ) -> Double? {
        let isPercent = over?.isPercent ?? upTo?.isPercent ?? false
        guard summaries.isEmpty else { return nil }
        let sorted =
            isPercent
            ? ordered ?? [] : values.filter { $0.count > 0 }.sorted { $0.value < $1.value }
        let total = sorted.reduce(0) { $0 + $1.count }
        guard total > 0 else { return nil }
        let kept =
            isPercent
            ? Self.kept(
                sorted,
                fromRank: (over?.value ?? 0) / 100 * total,
                toRank: (upTo?.value ?? 100) / 100 * total
            )
            : sorted.filter {
                $0.value > over?.value ?? -.infinity && $0.value <= upTo?.value ?? .infinity
            }
        let count = kept.reduce(0) { $0 + $1.count }
        let sum = kept.reduce(0) { $0 + $1.value * $1.count }
        switch family {
        case .trimmedMean: return count > 0 ? sum / count : nil
        case .trimmedCount: return count
        case .trimmedSum: return sum
        case .percentileRank: return 100 * count / total
        case .winsorizedMean:
            guard let first = kept.first, let last = kept.last else { return nil }
            let low = isPercent ? first.value : over?.value ?? first.value
            let high = isPercent ? last.value : upTo?.value ?? last.value
            return sorted.reduce(0) { $0 + min(high, max(low, $1.value)) * $1.count } / total
        case .percentile: return nil
        }
    }

    /// The parts of `sorted` whose ranks are between the two.
    private static func kept(
        _ sorted: [Weighted],
        fromRank low: Double,
        toRank high: Double
    )
        -> [Weighted]
    {
        var kept: [Weighted] = []
        var seen = 0.0
        for one in sorted {
            let part = min(high, seen + one.count) - max(low, seen)
            if part > 0 { kept.append(Weighted(one.value, count: part)) }
            seen += one.count
        }
        return kept
    }
}
