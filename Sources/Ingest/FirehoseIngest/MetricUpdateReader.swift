import CloudWatchIngest
import Model
import Timekeeping

/// Reads an object of a metric stream's JSON format.
///
/// - Source: CloudWatch user guide, "CloudWatch metric stream output in JSON format".
enum MetricUpdateReader {
    /// The data point of an object's members.
    ///
    /// - Throws: Why it can never be taken.
    static func point(
        _ members: [(name: String, value: LogValue)],
        _ settings: FirehoseSettings
    ) throws(PointRefusal) -> StreamPoint {
        func text(_ name: String) throws(PointRefusal) -> String {
            guard case .string(let text)? = value(name), !text.isEmpty else {
                throw invalid("a metric update has no \(name)")
            }
            return text
        }
        func value(_ name: String) -> LogValue? { members.last { $0.name == name }?.value }
        let namespace = try text("namespace")
        let name = try text("metric_name")
        let metric = "\(namespace) \(name)"
        let owner = MetricOwner(region: try text("region"), accountID: try text("account_id"))
        guard let milliseconds = value("timestamp").flatMap(whole), milliseconds > 0 else {
            throw invalid("an update of \(metric) has no timestamp in milliseconds")
        }
        guard case .object(let values)? = value("value") else {
            throw invalid("an update of \(metric) has no value")
        }
        var statistics = PushedStatistics()
        var hasAny = false
        for (name, value) in values {
            guard let number = number(value) else { continue }
            if statistics.take(name, number) { hasAny = true }
        }
        guard hasAny else { throw invalid("an update of \(metric) has no statistic in value") }
        return StreamPoint(
            metric: PushedMetric(
                CloudWatchMetric(
                    namespace: namespace,
                    name: name,
                    dimensions: try dimensions(value("dimensions"), metric, settings)
                ),
                owner
            ),
            timestamp: Timestamp(milliseconds: milliseconds),
            statistics: statistics
        )
    }

    private static func dimensions(
        _ value: LogValue?,
        _ metric: String,
        _ settings: FirehoseSettings
    ) throws(PointRefusal) -> [CloudWatchMetric.Dimension] {
        guard let value, value != .null else { return [] }
        guard case .object(let members) = value else {
            throw invalid("the dimensions of \(metric) are not an object")
        }
        try checkDimensions(members.count, metric, settings)
        var found: [CloudWatchMetric.Dimension] = []
        for (name, value) in members {
            guard case .string(let text) = value else {
                throw invalid("the dimension \(LabelSet.quoted(name)) of \(metric) is not text")
            }
            found.append(CloudWatchMetric.Dimension(name, text))
        }
        return found
    }

    /// Refuses more dimensions than CloudWatch has.
    static func checkDimensions(
        _ count: Int,
        _ metric: String,
        _ settings: FirehoseSettings
    ) throws(PointRefusal) {
        guard count <= settings.dimensionsMax else {
            throw PointRefusal(
                cause: "max_dimensions",
                reason: "\(metric) has \(count) dimensions, limit \(settings.dimensionsMax); raise "
                    + "sources.firehose.max_dimensions"
            )
        }
    }

    /// What is no data point and cannot become one.
    static func invalid(_ reason: String) -> PointRefusal {
        PointRefusal(cause: "invalid_point", reason: reason)
    }

    private static func number(_ value: LogValue) -> Double? {
        switch value {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// A whole number, also when it is written with a point or an exponent.
    static func whole(_ value: LogValue) -> Int64? {
        switch value {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        case .null, .bool, .string, .array, .object: nil
        }
    }
}
