package import Ingest
package import Model
import Timekeeping

/// What a request has become: samples, and the points that could not become any.
package struct OTLPTranslation: Sendable {
    /// A point's samples that count from the point before, to be added up before they are stored.
    package struct Delta: Sendable {
        /// Entries of the batch.
        package var entries: Range<Int>
    }

    package var batch = SampleBatch(latePolicy: .reject)
    /// Data points in the request.
    package var points = 0
    package var deltas: [Delta] = []
    /// Data points that are not stored, and why the first of them.
    package var rejected = 0
    package var firstRejection = ""
    package var descriptions: [(metric: String, metadata: MetricMetadata)] = []

    /// Translates as Prometheus does.
    ///
    /// - Parameters:
    ///   - request: What was sent.
    ///   - promoted: Resource attributes that become labels of every series.
    package init(_ request: OTLPMetrics, promoted: [String] = []) {
        for resource in request.resources { add(resource, promoted) }
        batch.completeStarts()
    }

    private mutating func reject(_ points: Int, _ reason: String) {
        guard points > 0 else { return }
        rejected += points
        if firstRejection.isEmpty { firstRejection = reason }
    }

    // MARK: Resources

    private mutating func add(_ resource: OTLPMetrics.Resource, _ promoted: [String]) {
        let common = ResourceLabels(resource.attributes, promoted: promoted)
        var newest: UInt64 = 0
        for metric in resource.metrics {
            newest = max(newest, add(metric, common))
        }
        // The resource's own attributes, for joins, at the time of its newest point.
        if let labels = common.targetInfo, newest > 0 {
            append(labels, "target_info", OTLPMetrics.Point(time: newest), 1)
        }
    }

    /// Adds a metric's points.
    ///
    /// - Returns: The time of the newest.
    private mutating func add(
        _ metric: OTLPMetrics.Metric,
        _ common: ResourceLabels
    ) -> UInt64 {
        let kind: OTLPNames.Kind =
            switch metric.data {
            case .gauge: .gauge
            case .sum(_, _, let isMonotonic): isMonotonic ? .counter : .other
            case .none, .histogram, .summary, .exponentialHistogram: .other
            }
        let name = OTLPNames.metric(metric.name, unit: metric.unit, kind: kind)
        let count = metric.data.pointCount
        points += count
        guard !name.isEmpty else {
            reject(count, "a metric has no name; give it one")
            return 0
        }
        let problem = problem(metric)
        guard problem == nil else {
            reject(count, problem ?? "")
            return 0
        }
        describe(name, metric)
        switch metric.data {
        case .none, .exponentialHistogram: return 0
        case .gauge(let points): return add(points, name, common)
        case .sum(let points, let temporality, let isMonotonic):
            return add(
                points,
                name,
                common,
                isDelta: temporality == .delta,
                counts: isMonotonic && temporality == .cumulative
            )
        case .histogram(let points, let temporality):
            for point in points { add(point, name, common, isDelta: temporality == .delta) }
            return points.map(\.point.time).max() ?? 0
        case .summary(let points):
            for point in points { add(point, name, common) }
            return points.map(\.point.time).max() ?? 0
        }
    }

    private func problem(_ metric: OTLPMetrics.Metric) -> String? {
        switch metric.data {
        case .sum(_, .unspecified, _), .histogram(_, .unspecified):
            "metric \(metric.name) does not say whether it is cumulative or delta; set its "
                + "aggregation temporality"
        case .exponentialHistogram:
            "metric \(metric.name) is an exponential histogram, which is not stored; have the SDK "
                + "aggregate it with explicit buckets"
        case .none, .gauge, .sum, .histogram, .summary: nil
        }
    }

    private mutating func describe(_ name: String, _ metric: OTLPMetrics.Metric) {
        let kind: MetricMetadata.Kind =
            switch metric.data {
            case .gauge: .gauge
            case .sum(_, _, let isMonotonic): isMonotonic ? .counter : .gauge
            case .histogram: .histogram
            case .summary: .summary
            case .none, .exponentialHistogram: .unknown
            }
        descriptions.append(
            (
                name,
                MetricMetadata(
                    kind: kind,
                    help: metric.description,
                    unit: OTLPNames.unit(metric.unit)
                )
            )
        )
    }

    // MARK: Points

    private mutating func add(
        _ numbers: [OTLPMetrics.Number],
        _ name: String,
        _ common: ResourceLabels,
        isDelta: Bool = false,
        counts: Bool = false
    ) -> UInt64 {
        var newest: UInt64 = 0
        for number in numbers {
            let start = batch.entries.count
            append(common.labels(number.point), name, number.point, number.value, counts: counts)
            if isDelta { deltas.append(Delta(entries: start..<batch.entries.count)) }
            newest = max(newest, number.point.time)
        }
        return newest
    }

    private mutating func add(
        _ histogram: OTLPMetrics.Histogram,
        _ name: String,
        _ common: ResourceLabels,
        isDelta: Bool
    ) {
        guard
            histogram.bucketCounts.isEmpty
                || histogram.bucketCounts.count == histogram.bounds.count + 1,
            zip(histogram.bounds, histogram.bounds.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            return reject(
                1,
                "histogram \(name) has \(histogram.bucketCounts.count) buckets for "
                    + "\(histogram.bounds.count) bounds, or bounds that do not rise; send one bucket more "
                    + "than bounds"
            )
        }
        let labels = common.labels(histogram.point)
        let point = histogram.point
        let start = batch.entries.count
        let counts = !isDelta
        if let sum = histogram.sum { append(labels, name + "_sum", point, sum, counts: counts) }
        append(labels, name + "_count", point, Double(histogram.count), counts: counts)
        var cumulative: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.bucketCounts) {
            cumulative = cumulative.addingReportingOverflow(count).partialValue
            append(
                labels,
                name + "_bucket",
                point,
                Double(cumulative),
                ("le", OTLPTranslation.bound(bound)),
                counts: counts
            )
        }
        append(
            labels,
            name + "_bucket",
            point,
            Double(histogram.count),
            ("le", "+Inf"),
            counts: counts
        )
        if isDelta { deltas.append(Delta(entries: start..<batch.entries.count)) }
    }

    private mutating func add(
        _ summary: OTLPMetrics.Summary,
        _ name: String,
        _ common: ResourceLabels
    ) {
        let labels = common.labels(summary.point)
        append(labels, name + "_sum", summary.point, summary.sum, counts: true)
        append(labels, name + "_count", summary.point, Double(summary.count), counts: true)
        for quantile in summary.quantiles {
            append(
                labels,
                name,
                summary.point,
                quantile.value,
                ("quantile", OTLPTranslation.bound(quantile.quantile))
            )
        }
    }

    private mutating func append(
        _ labels: [String: String],
        _ name: String,
        _ point: OTLPMetrics.Point,
        _ value: Double,
        _ extra: (name: String, value: String)? = nil,
        counts: Bool = false
    ) {
        var set = labels.map { Label($0.key, $0.value) }
        set.append(Label(LabelSet.metricName, name))
        if let extra {
            set.removeAll { $0.name == extra.name }
            set.append(Label(extra.name, extra.value))
        }
        // Every NaN is the same one: another's bits could be those of a marker.
        let plain = value.isNaN ? Double(bitPattern: 0x7ff8_0000_0000_0001) : value
        let time = Timestamp(milliseconds: Int64(point.time / 1_000_000))
        batch.append(
            LabelSet(set),
            samples: [Sample(time, point.hasNoValue ? Staleness.marker : plain)]
        )
        guard counts, point.start > 0, point.start <= point.time else { return }
        // When counting began, which tells a reset that the values alone would hide.
        batch.starts += repeatElement(0, count: batch.timestamps.count - 1 - batch.starts.count)
        batch.starts.append(Int64(point.start / 1_000_000))
    }

    /// A bound as Go's `FormatFloat(f, -1)` has it: digits without an exponent, no `.0`.
    static func bound(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == -.infinity { return "-Inf" }
        if value.isNaN { return "NaN" }
        let text = "\(value)"
        guard text.contains("e") else {
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
        return PlainDigits.expand(text)
    }
}

extension OTLPMetrics.Data {
    var pointCount: Int {
        switch self {
        case .none: 0
        case .gauge(let points): points.count
        case .sum(let points, _, _): points.count
        case .histogram(let points, _): points.count
        case .summary(let points): points.count
        case .exponentialHistogram(let points): points
        }
    }
}

/// Numbers written out, without an exponent.
enum PlainDigits {
    /// `1.5e-07` as `0.00000015`, `1e+21` as 1 and 21 zeros.
    static func expand(_ text: String) -> String {
        let isNegative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]), abs(exponent) < 400 else {
            return text
        }
        let mantissa = parts[0].split(separator: ".")
        let whole = String(mantissa[0])
        var fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        if fraction == "0" { fraction = "" }
        let digits = whole + fraction
        let point = whole.count + exponent
        var result: String
        if point <= 0 {
            result = "0." + String(repeating: "0", count: -point) + digits
        } else if point >= digits.count {
            result = digits + String(repeating: "0", count: point - digits.count)
        } else {
            result = digits.prefix(point) + "." + digits.dropFirst(point)
        }
        if isNegative { result = "-" + result }
        return result
    }
}
