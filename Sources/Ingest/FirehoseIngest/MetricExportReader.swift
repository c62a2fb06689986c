import CloudWatchIngest
import Model
import OTLPIngest
import Timekeeping
import WireFormats

/// Reads a metric stream's OpenTelemetry 1.0 format: ExportMetricsServiceRequests, each behind its length.
///
/// - Source: CloudWatch user guide, "CloudWatch metric stream output in OpenTelemetry 1.0.0 format".
enum MetricExportReader {
    /// Where the messages lie; nil when the bytes are not lengths and messages to their very end.
    static func frames(_ bytes: Span<UInt8>) -> [Range<Int>]? {
        var reader = ProtobufReader(bytes)
        var frames: [Range<Int>] = []
        while !reader.isAtEnd {
            guard let frame = try? reader.delimited() else { return nil }
            // Each message begins with its first field, the metrics of a resource.
            guard frame.isEmpty || bytes[frame.lowerBound] == 0x0a else { return nil }
            frames.append(frame)
        }
        return frames.isEmpty ? nil : frames
    }

    /// Takes a message's data points one by one.
    ///
    /// - Throws: Why the message cannot be read.
    static func read(
        _ bytes: Span<UInt8>,
        _ settings: FirehoseSettings,
        _ take: (Result<StreamPoint, PointRefusal>) throws(FirehoseProblem) -> Void
    ) throws {
        for resource in try OTLPMetricsDecoder.decode(bytes).resources {
            let region = text("cloud.region", resource.attributes)
            let account = text("cloud.account.id", resource.attributes)
            for metric in resource.metrics {
                guard case .summary(let summaries) = metric.data else {
                    try take(
                        .failure(
                            MetricUpdateReader.invalid(
                                "\(metric.name) is not a summary, which metric streams send"
                            )
                        )
                    )
                    continue
                }
                for summary in summaries {
                    let outcome = Result { () throws(PointRefusal) in
                        try point(summary, metric.name, region, account, settings)
                    }
                    try take(outcome)
                }
            }
        }
    }

    private static func point(
        _ summary: OTLPMetrics.Summary,
        _ metric: String,
        _ region: String?,
        _ account: String?,
        _ settings: FirehoseSettings
    ) throws(PointRefusal) -> StreamPoint {
        let attributes = summary.point.attributes
        guard !attributes.isEmpty else {
            throw MetricUpdateReader.invalid(
                "a point of \(metric) has no attributes, as in OpenTelemetry 0.7; set the metric "
                    + "stream's output format to opentelemetry1.0 or json"
            )
        }
        guard let region, let account else {
            throw MetricUpdateReader.invalid(
                "the resource of \(metric) has no cloud.region or no cloud.account.id"
            )
        }
        guard let namespace = text("Namespace", attributes),
            let name = text("MetricName", attributes)
        else {
            throw MetricUpdateReader.invalid(
                "a point of \(metric) has no attribute Namespace or MetricName"
            )
        }
        // The start of the period, as CloudWatch's own timestamps; `time` is its end.
        let start = Int64(summary.point.start / 1_000_000)
        guard start > 0, !summary.point.hasNoValue else {
            throw MetricUpdateReader.invalid("a point of \(metric) has no start time or no value")
        }
        var statistics = PushedStatistics()
        statistics.count = Double(summary.count)
        statistics.sum = summary.sum
        for one in summary.quantiles {
            switch one.quantile {
            case 0: statistics.minimum = one.value
            case 1: statistics.maximum = one.value
            default: statistics.percentiles.append((one.quantile * 100, one.value))
            }
        }
        return StreamPoint(
            metric: PushedMetric(
                CloudWatchMetric(
                    namespace: namespace,
                    name: name,
                    dimensions: try dimensions(attributes, "\(namespace) \(name)", settings)
                ),
                MetricOwner(region: region, accountID: account)
            ),
            timestamp: Timestamp(milliseconds: start),
            statistics: statistics
        )
    }

    private static func dimensions(
        _ attributes: [OTLPAttribute],
        _ metric: String,
        _ settings: FirehoseSettings
    ) throws(PointRefusal) -> [CloudWatchMetric.Dimension] {
        guard let value = attributes.last(where: { $0.key == "Dimensions" })?.value else {
            return []
        }
        guard case .map(let members) = value else {
            // A list that nobody filled in.
            guard value == .none else {
                throw MetricUpdateReader.invalid(
                    "the dimensions of \(metric) are not a list of pairs"
                )
            }
            return []
        }
        try MetricUpdateReader.checkDimensions(members.count, metric, settings)
        var found: [CloudWatchMetric.Dimension] = []
        for member in members {
            guard case .string(let text) = member.value else {
                throw MetricUpdateReader.invalid(
                    "the dimension \(LabelSet.quoted(member.key)) of \(metric) is not text"
                )
            }
            found.append(CloudWatchMetric.Dimension(member.key, text))
        }
        return found
    }

    private static func text(_ key: String, _ attributes: [OTLPAttribute]) -> String? {
        guard case .string(let text)? = attributes.last(where: { $0.key == key })?.value,
            !text.isEmpty
        else { return nil }
        return text
    }
}
