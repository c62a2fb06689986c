/// The bodies of CloudWatch's JSON 1.0 protocol that this service sends and reads.
///
/// Source: the service model `monitoring-2010-08-01`. Times on the wire are seconds since 1970.
package enum CloudWatchProtocol {
    package static let targetPrefix = "GraniteServiceVersion20100801"
    package static let contentType = "application/x-amz-json-1.0"
    package static let signingName = "monitoring"
    /// `MetricDataQueries` in one GetMetricData call.
    package static let queriesPerCallMax = 500
    /// Data points on one page, also the default.
    package static let datapointsPerPageMax = 100_800
    /// Data points that one GetMetricStatistics answer may hold; more is an error.
    package static let statisticsDatapointsMax = 1440
    /// Metrics on one page of ListMetrics.
    package static let metricsPerPageMax = 500
}

package struct WireDimension: Codable, Hashable, Sendable {
    package var name: String
    package var value: String?

    package init(name: String, value: String?) {
        self.name = name
        self.value = value
    }

    package enum CodingKeys: String, CodingKey {
        case name = "Name"
        case value = "Value"
    }
}

package struct WireMetric: Codable, Hashable, Sendable {
    package var namespace: String?
    package var metricName: String?
    package var dimensions: [WireDimension]?

    package init(namespace: String?, metricName: String?, dimensions: [WireDimension]?) {
        self.namespace = namespace
        self.metricName = metricName
        self.dimensions = dimensions
    }

    package enum CodingKeys: String, CodingKey {
        case namespace = "Namespace"
        case metricName = "MetricName"
        case dimensions = "Dimensions"
    }
}

package struct WireMetricStat: Codable, Sendable {
    package var metric: WireMetric
    package var period: Int
    package var stat: String
    package var unit: String?

    package init(metric: WireMetric, period: Int, stat: String) {
        self.metric = metric
        self.period = period
        self.stat = stat
    }

    package enum CodingKeys: String, CodingKey {
        case metric = "Metric"
        case period = "Period"
        case stat = "Stat"
        case unit = "Unit"
    }
}

package struct WireMetricDataQuery: Codable, Sendable {
    package var id: String
    package var metricStat: WireMetricStat?
    package var expression: String?
    package var label: String?
    package var returnData: Bool?

    package init(id: String, metricStat: WireMetricStat) {
        self.id = id
        self.metricStat = metricStat
    }

    package enum CodingKeys: String, CodingKey {
        case id = "Id"
        case metricStat = "MetricStat"
        case expression = "Expression"
        case label = "Label"
        case returnData = "ReturnData"
    }
}

package struct GetMetricDataInput: Codable, Sendable {
    package var queries: [WireMetricDataQuery]
    package var startTime: Double
    package var endTime: Double
    package var nextToken: String?
    package var maxDatapoints: Int?
    package var scanBy: String?

    package init(queries: [WireMetricDataQuery], startTime: Double, endTime: Double) {
        self.queries = queries
        self.startTime = startTime
        self.endTime = endTime
    }

    package enum CodingKeys: String, CodingKey {
        case queries = "MetricDataQueries"
        case startTime = "StartTime"
        case endTime = "EndTime"
        case nextToken = "NextToken"
        case maxDatapoints = "MaxDatapoints"
        case scanBy = "ScanBy"
    }
}

package struct WireMessage: Codable, Hashable, Sendable {
    package var code: String?
    package var value: String?

    package init(code: String, value: String) {
        self.code = code
        self.value = value
    }

    package enum CodingKeys: String, CodingKey {
        case code = "Code"
        case value = "Value"
    }
}

package struct WireMetricDataResult: Codable, Sendable {
    package var id: String?
    package var label: String?
    package var timestamps: [Double]?
    package var values: [Double]?
    package var statusCode: String?
    package var messages: [WireMessage]?

    package init(
        id: String,
        label: String,
        timestamps: [Double],
        values: [Double],
        statusCode: String,
        messages: [WireMessage]? = nil
    ) {
        self.id = id
        self.label = label
        self.timestamps = timestamps
        self.values = values
        self.statusCode = statusCode
        self.messages = messages
    }

    package enum CodingKeys: String, CodingKey {
        case id = "Id"
        case label = "Label"
        case timestamps = "Timestamps"
        case values = "Values"
        case statusCode = "StatusCode"
        case messages = "Messages"
    }
}

package struct GetMetricDataOutput: Codable, Sendable {
    package var results: [WireMetricDataResult]?
    package var nextToken: String?
    package var messages: [WireMessage]?

    package init(
        results: [WireMetricDataResult],
        nextToken: String?,
        messages: [WireMessage]? = nil
    ) {
        self.results = results
        self.nextToken = nextToken
        self.messages = messages
    }

    package enum CodingKeys: String, CodingKey {
        case results = "MetricDataResults"
        case nextToken = "NextToken"
        case messages = "Messages"
    }
}

package struct ListMetricsInput: Codable, Sendable {
    package var namespace: String?
    package var metricName: String?
    package var dimensions: [WireDimension]?
    package var recentlyActive: String?
    package var nextToken: String?

    package init(
        namespace: String?,
        metricName: String? = nil,
        recentlyActive: Bool,
        nextToken: String? = nil
    ) {
        self.namespace = namespace
        self.metricName = metricName
        self.recentlyActive = recentlyActive ? "PT3H" : nil
        self.nextToken = nextToken
    }

    package enum CodingKeys: String, CodingKey {
        case namespace = "Namespace"
        case metricName = "MetricName"
        case dimensions = "Dimensions"
        case recentlyActive = "RecentlyActive"
        case nextToken = "NextToken"
    }
}

package struct ListMetricsOutput: Codable, Sendable {
    package var metrics: [WireMetric]?
    package var nextToken: String?

    package init(metrics: [WireMetric], nextToken: String?) {
        self.metrics = metrics
        self.nextToken = nextToken
    }

    package enum CodingKeys: String, CodingKey {
        case metrics = "Metrics"
        case nextToken = "NextToken"
    }
}

/// An error's body; the code may also be in the `x-amzn-query-error` header.
package struct WireErrorBody: Codable, Sendable {
    package var type: String?
    package var lowerMessage: String?
    package var upperMessage: String?

    package init(type: String, message: String) {
        self.type = type
        lowerMessage = message
    }

    package var message: String? { lowerMessage ?? upperMessage }

    package enum CodingKeys: String, CodingKey {
        case type = "__type"
        case lowerMessage = "message"
        case upperMessage = "Message"
    }
}
