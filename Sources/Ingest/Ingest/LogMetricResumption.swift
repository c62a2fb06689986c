import Model
import Timekeeping

/// What an earlier process left of a log metric in the rings.
enum LogMetricResumption {
    /// Samples that one question to the rings may read.
    private static let samplesMax = 10_000_000

    /// Totals of the metric's label sets, read from the newest sample of each of its series.
    ///
    /// Gauges leave nothing: what they said is said until it is stale.
    ///
    /// - Parameters:
    ///   - shape: The metric; series with other labels than its own are another's.
    ///   - rings: Where its series are.
    ///   - start: Series without a sample since then are over, milliseconds.
    ///   - now: Milliseconds.
    /// - Returns: One for each set of labels.
    /// - Throws: Why the rings cannot be read.
    static func left(
        of shape: LogMetricTable.Shape,
        in rings: any SeriesReading,
        since start: Int64,
        now: Int64
    ) throws(SeriesReadingError) -> [LogMetricTable.Left] {
        let span = (start: start, end: now)
        switch shape.kind {
        case .gauge: return []
        case .counter:
            return try newest(shape.name, shape, nil, in: rings, span).map { labels, newest in
                LogMetricTable.Left(labels: labels, totals: [newest.value], stamp: newest.stamp)
            }
        case .histogram(let bounds):
            let sums = try newest(shape.name + "_sum", shape, nil, in: rings, span)
            var left: [[String]: LogMetricTable.Left] = [:]
            for (labels, sum) in sums {
                left[labels] = LogMetricTable.Left(
                    labels: labels,
                    totals: Array(repeating: 0, count: bounds.count + 1) + [sum.value],
                    stamp: sum.stamp
                )
            }
            // Cumulative in the rings, apart in the table: each bucket loses what the one before it has.
            var before: [[String]: Double] = [:]
            for (number, le) in (bounds.map { LogMetricTable.text($0) } + ["+Inf"]).enumerated() {
                let buckets = try newest(shape.name + "_bucket", shape, le, in: rings, span)
                for (labels, bucket) in buckets {
                    left[labels]?.totals[number] = bucket.value - (before[labels] ?? 0)
                    before[labels] = bucket.value
                }
            }
            return Array(left.values)
        }
    }

    /// What the rings hold, or what pulled pages left where that is newer.
    ///
    /// A page's totals are on disk before they are in the rings, and whatever is added later bears a later stamp or
    /// adds to the same slot; so of the two the one with the later stamp is right, at the same stamp the larger.
    ///
    /// - Parameters:
    ///   - left: From the rings.
    ///   - saved: Of the same shape.
    ///   - bit: A source's bit.
    /// - Returns: One for each set of labels.
    static func merged(
        _ left: [LogMetricTable.Left],
        with saved: [LogTotal],
        bit: (String) -> UInt64
    ) -> [LogMetricTable.Left] {
        guard !saved.isEmpty else { return left }
        var found = Dictionary(left.map { ($0.labels, $0) }) { $1 }
        for total in saved {
            guard var ring = found[total.labels] else {
                found[total.labels] = LogMetricTable.Left(
                    labels: total.labels,
                    totals: total.totals,
                    stamp: total.stamp,
                    inRings: .nothing,
                    feeders: bit(total.source)
                )
                continue
            }
            ring.feeders = bit(total.source)
            if total.stamp > ring.stamp
                || total.stamp == ring.stamp && events(total.totals) > events(ring.totals)
            {
                ring.totals = total.totals
                ring.stamp = total.stamp
                ring.inRings = .behind
            }
            found[total.labels] = ring
        }
        return Array(found.values)
    }

    /// What only grows: a counter's value, a histogram's count.
    private static func events(_ totals: [Double]) -> Double {
        totals.count == 1 ? totals[0] : totals.dropLast().reduce(0, +)
    }

    private struct Newest {
        var value: Double
        var stamp: Int64
    }

    /// The newest sample of every series of a name, by the values of the shape's labels.
    private static func newest(
        _ name: String,
        _ shape: LogMetricTable.Shape,
        _ le: String?,
        in rings: any SeriesReading,
        _ span: (start: Int64, end: Int64)
    ) throws(SeriesReadingError) -> [[String]: Newest] {
        var matchers = [LabelMatcher(LabelSet.metricName, equals: name)]
        if let le { matchers.append(LabelMatcher("le", equals: le)) }
        func request(_ function: WindowFunction) -> ColumnRequest {
            ColumnRequest(
                matchers: matchers,
                function: function,
                length: span.end - span.start,
                end: span.end
            )
        }
        let columns = try rings.columns(
            [
                request(WindowFunction(.newest) { samples, _ in samples[samples.count - 1].value }),
                request(
                    WindowFunction(.newestTime) { samples, _ in
                        samples[samples.count - 1].timestamp.seconds
                    }
                ),
            ],
            sampleLimit: samplesMax
        )
        var found: [[String]: Newest] = [:]
        let own = shape.labelNames.count + matchers.count
        for (place, labels) in columns[0].table.labels.enumerated() {
            let value = columns[0].values[place]
            guard !Staleness.isMarker(value), value.isFinite else { continue }
            let values = shape.labelNames.map { labels[$0] }
            // A label that is empty is not there, so the count tells whether there are others than the shape's.
            guard labels.labels.count == own - values.count(where: \.isEmpty) else { continue }
            found[values] = Newest(
                value: value,
                stamp: Int64((columns[1].values[place] * 1000).rounded())
            )
        }
        return found
    }
}
