/// GetMetricStatistics in CloudWatch's JSON 1.0 protocol.
///
/// Source: the service model `monitoring-2010-08-01`. The answer has no pages and no order.
package struct GetMetricStatisticsInput: Codable, Sendable {
    package var namespace: String
    package var metricName: String
    package var dimensions: [WireDimension]?
    package var startTime: Double
    package var endTime: Double
    package var period: Int
    /// Plain ones, or nil.
    package var statistics: [String]?
    /// Percentiles, or nil; never beside `statistics`.
    package var extendedStatistics: [String]?

    package init(
        metric: CloudWatchMetric,
        startTime: Double,
        endTime: Double,
        period: Int,
        statistics: [String]? = nil,
        extendedStatistics: [String]? = nil
    ) {
        namespace = metric.namespace
        metricName = metric.name
        dimensions = metric.wire.dimensions
        self.startTime = startTime
        self.endTime = endTime
        self.period = period
        self.statistics = statistics
        self.extendedStatistics = extendedStatistics
    }

    package enum CodingKeys: String, CodingKey {
        case namespace = "Namespace"
        case metricName = "MetricName"
        case dimensions = "Dimensions"
        case startTime = "StartTime"
        case endTime = "EndTime"
        case period = "Period"
        case statistics = "Statistics"
        case extendedStatistics = "ExtendedStatistics"
    }
}

package struct WireDatapoint: Codable, Sendable {
    package var timestamp: Double?
    package var sampleCount: Double?
    package var average: Double?
    package var sum: Double?
    package var minimum: Double?
    package var maximum: Double?
    package var extendedStatistics: [String: Double]?
    package var unit: String?

    package init(timestamp: Double) {
        self.timestamp = timestamp
    }

    /// The value of a statistic; nil when it was not asked for.
    package func value(of statistic: CloudWatchStatistic) -> Double? {
        switch statistic {
        case .plain(.sampleCount): sampleCount
        case .plain(.average): average
        case .plain(.sum): sum
        case .plain(.minimum): minimum
        case .plain(.maximum): maximum
        case .plain(.interquartileMean), .upTo, .between:
            extendedStatistics?[statistic.cloudWatch]
        }
    }

    package enum CodingKeys: String, CodingKey {
        case timestamp = "Timestamp"
        case sampleCount = "SampleCount"
        case average = "Average"
        case sum = "Sum"
        case minimum = "Minimum"
        case maximum = "Maximum"
        case extendedStatistics = "ExtendedStatistics"
        case unit = "Unit"
    }
}

package struct GetMetricStatisticsOutput: Codable, Sendable {
    package var label: String?
    package var datapoints: [WireDatapoint]?

    package init(label: String, datapoints: [WireDatapoint]) {
        self.label = label
        self.datapoints = datapoints
    }

    package enum CodingKeys: String, CodingKey {
        case label = "Label"
        case datapoints = "Datapoints"
    }
}
