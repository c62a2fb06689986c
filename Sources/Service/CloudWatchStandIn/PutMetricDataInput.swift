import CloudWatchIngest
import Timekeeping

/// The body of PutMetricData.
struct PutMetricDataInput: Decodable {
    struct Datum: Decodable {
        struct Statistics: Decodable {
            var count: Double
            var sum: Double
            var minimum: Double
            var maximum: Double

            enum CodingKeys: String, CodingKey {
                case count = "SampleCount"
                case sum = "Sum"
                case minimum = "Minimum"
                case maximum = "Maximum"
            }
        }

        var metricName: String
        var dimensions: [WireDimension]?
        var timestamp: Double?
        var value: Double?
        var values: [Double]?
        var counts: [Double]?
        var statistics: Statistics?

        enum CodingKeys: String, CodingKey {
            case metricName = "MetricName"
            case dimensions = "Dimensions"
            case timestamp = "Timestamp"
            case value = "Value"
            case values = "Values"
            case counts = "Counts"
            case statistics = "StatisticValues"
        }
    }

    var namespace: String
    var data: [Datum]?

    enum CodingKeys: String, CodingKey {
        case namespace = "Namespace"
        case data = "MetricData"
    }

    /// Everything in the body, or the first refusal; nothing is taken of a body that has one.
    func checked(
        at now: Timestamp
    ) throws(StandInRefusal) -> [(CloudWatchMetric, Observations, Timestamp)] {
        guard let data, !data.isEmpty else { throw .missing("MetricData") }
        guard data.count <= 1000 else {
            throw .validation("The collection MetricData must not have a size greater than 1000.")
        }
        var checked: [(CloudWatchMetric, Observations, Timestamp)] = []
        for datum in data { checked.append(try Self.checked(datum, namespace, now)) }
        return checked
    }

    private static func checked(
        _ datum: Datum,
        _ namespace: String,
        _ now: Timestamp
    ) throws(StandInRefusal) -> (CloudWatchMetric, Observations, Timestamp) {
        let wire = WireMetric(
            namespace: namespace,
            metricName: datum.metricName,
            dimensions: datum.dimensions
        )
        guard let metric = CloudWatchMetric(wire), metric.dimensions.count <= 30 else {
            throw .validation("The collection Dimensions must not have a size greater than 30.")
        }
        let time = datum.timestamp.map { Timestamp(seconds: $0) } ?? now
        guard time >= now - .seconds(14 * 86400), time <= now + .seconds(2 * 3600) else {
            throw .invalidValue(
                "The parameter MetricData.member.1.Timestamp must specify a time no more than two "
                    + "weeks in the past and two hours in the future."
            )
        }
        var observations = Observations()
        switch (datum.value, datum.values, datum.statistics) {
        case (let value?, nil, nil): observations.add(.init(value))
        case (nil, let values?, nil):
            let counts = datum.counts ?? Array(repeating: 1, count: values.count)
            guard values.count <= 150, counts.count == values.count else {
                throw .invalidValue("Values and Counts must be of one size, at most 150.")
            }
            for (value, count) in zip(values, counts) {
                observations.add(.init(value, count: count))
            }
        case (nil, nil, let set?):
            observations.add(
                .init(count: set.count, sum: set.sum, minimum: set.minimum, maximum: set.maximum)
            )
        default:
            throw StandInRefusal(
                "InvalidParameterCombinationException",
                code: "InvalidParameterCombination",
                "Exactly one of Value, Values and StatisticValues is required for \(datum.metricName)."
            )
        }
        return (metric, observations, time)
    }
}
