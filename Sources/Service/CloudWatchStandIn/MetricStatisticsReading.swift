import CloudWatchIngest
import Timekeeping

/// One GetMetricStatistics call, checked as CloudWatch checks it, and its answer.
struct MetricStatisticsReading {
    let metric: CloudWatchMetric
    private let statistics: [CloudWatchStatistic]
    private let start: Timestamp
    private let end: Timestamp
    private let period: Duration
    private let now: Timestamp

    init(_ input: GetMetricStatisticsInput, now: Timestamp) throws(StandInRefusal) {
        let plain = input.statistics ?? []
        let extended = input.extendedStatistics ?? []
        guard plain.isEmpty != extended.isEmpty else {
            throw StandInRefusal(
                "InvalidParameterCombination",
                plain.isEmpty
                    ? "At least one of the parameters Statistics and ExtendedStatistics must be specified."
                    : "The parameters Statistics and ExtendedStatistics may not both be specified."
            )
        }
        guard plain.count <= CallChoice.statisticsMax, extended.count <= CallChoice.percentilesMax
        else {
            throw .validation(
                "The collection Statistics must not have a size greater than \(CallChoice.statisticsMax), ExtendedStatistics than \(CallChoice.percentilesMax)."
            )
        }
        var statistics: [CloudWatchStatistic] = []
        for name in plain + extended {
            let form: CloudWatchStatistic.StatisticsForm = plain.isEmpty ? .percentile : .plain
            guard let statistic = CloudWatchStatistic(cloudWatch: name),
                statistic.statisticsForm == form
            else {
                throw .invalidValue("The value \(name) is not a statistic that can be asked so.")
            }
            statistics.append(statistic)
        }
        self.statistics = statistics
        guard
            [1, 5, 10, 20, 30].contains(input.period)
                || (input.period > 0 && input.period % 60 == 0)
        else {
            throw .validation("Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        }
        period = .seconds(input.period)
        let first = Timestamp(seconds: input.startTime)
        end = Timestamp(seconds: input.endTime)
        guard first < end else {
            throw StandInRefusal(
                "InvalidParameterCombination",
                "The parameter StartTime must be less than the parameter EndTime."
            )
        }
        start = MetricDataReading.floored(first, shortest: period, now: now)
        let points = (end - start) / period
        guard points <= Double(CloudWatchProtocol.statisticsDatapointsMax) else {
            throw StandInRefusal(
                "InvalidParameterCombination",
                "You have requested up to \(Int(points)) datapoints, which exceeds the limit of "
                    + "\(CloudWatchProtocol.statisticsDatapointsMax). You may reduce the datapoints requested "
                    + "by increasing Period, or decreasing the time range."
            )
        }
        metric = CloudWatchMetric(
            namespace: input.namespace,
            name: input.metricName,
            dimensions: (input.dimensions ?? []).map { .init($0.name, $0.value ?? "") }
        )
        self.now = now
    }

    /// The points that exist, in no order, as CloudWatch gives them.
    func output(of model: MetricModel?) -> GetMetricStatisticsOutput {
        var points: [WireDatapoint] = []
        if let model {
            var time = start
            while time < end, time <= now {
                let seen = model.observations(from: time, for: period, at: now)
                if let point = point(seen, at: time) { points.append(point) }
                time = time + period
            }
        }
        let odd = points.indices.filter { $0 % 2 == 1 }.map { points[$0] }
        let even = points.indices.filter { $0 % 2 == 0 }.map { points[$0] }
        return GetMetricStatisticsOutput(label: metric.name, datapoints: odd + even)
    }

    private func point(_ seen: Observations, at time: Timestamp) -> WireDatapoint? {
        var point = WireDatapoint(timestamp: time.seconds)
        point.unit = "None"
        var isSeen = false
        for statistic in statistics {
            guard let value = seen.statistic(statistic) else { continue }
            isSeen = true
            switch statistic {
            case .plain(.sampleCount): point.sampleCount = value
            case .plain(.average): point.average = value
            case .plain(.sum): point.sum = value
            case .plain(.minimum): point.minimum = value
            case .plain(.maximum): point.maximum = value
            case .plain(.interquartileMean), .upTo, .between:
                point.extendedStatistics =
                    (point.extendedStatistics ?? [:])
                    .merging([statistic.cloudWatch: value]) { $1 }
            }
        }
        return isSeen ? point : nil
    }
}
