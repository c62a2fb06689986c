/// An attribute's value.
package indirect enum OTLPValue: Hashable, Sendable {
    case string(String)
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case bytes([UInt8])
    case array([OTLPValue])
    case map([OTLPAttribute])
    /// Sent without a value.
    case none
}

/// A name and its value.
package struct OTLPAttribute: Hashable, Sendable {
    package var key: String
    package var value: OTLPValue

    package init(_ key: String, _ value: OTLPValue) {
        self.key = key
        self.value = value
    }
}

/// What an ExportMetricsServiceRequest holds, of either encoding.
package struct OTLPMetrics: Hashable, Sendable {
    package var resources: [Resource] = []

    package init() {}

    /// Metrics of one source.
    package struct Resource: Hashable, Sendable {
        package var attributes: [OTLPAttribute] = []
        package var metrics: [Metric] = []
    }

    /// A metric and its points.
    package struct Metric: Hashable, Sendable {
        package var name = ""
        package var description = ""
        package var unit = ""
        package var data = Data.none
    }

    /// How the points of a metric are meant.
    package enum Data: Hashable, Sendable {
        case none
        case gauge([Number])
        case sum([Number], Temporality, isMonotonic: Bool)
        case histogram([Histogram], Temporality)
        case summary([Summary])
        /// Not stored; how many points there were.
        case exponentialHistogram(points: Int)
    }

    /// Whether points count from a start or from each other.
    package enum Temporality: Int, Hashable, Sendable {
        case unspecified = 0
        case delta = 1
        case cumulative = 2
    }

    /// What every point has.
    package struct Point: Hashable, Sendable {
        package var attributes: [OTLPAttribute] = []
        /// Nanoseconds since 1970.
        package var time: UInt64 = 0
        /// When counting began, likewise; 0 when the sender does not say.
        package var start: UInt64 = 0
        /// The series has no value at this time.
        package var hasNoValue = false
    }

    package struct Number: Hashable, Sendable {
        package var point = Point()
        package var value = 0.0
    }

    package struct Histogram: Hashable, Sendable {
        package var point = Point()
        package var count: UInt64 = 0
        package var sum: Double?
        package var bucketCounts: [UInt64] = []
        package var bounds: [Double] = []
    }

    package struct Summary: Hashable, Sendable {
        package var point = Point()
        package var count: UInt64 = 0
        package var sum = 0.0
        package var quantiles: [Quantile] = []
    }

    package struct Quantile: Hashable, Sendable {
        package var quantile = 0.0
        package var value = 0.0
    }
}
