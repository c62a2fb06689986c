import Timekeeping

/// What is asked of CloudWatch as one unit: one metric, one statistic, one period; one price.
package struct QueryKey: Hashable, Sendable, CustomStringConvertible {
    package var metric: CloudWatchMetric
    package var statistic: CloudWatchStatistic
    package var period: Duration

    package init(metric: CloudWatchMetric, statistic: CloudWatchStatistic, period: Duration) {
        self.metric = metric
        self.statistic = statistic
        self.period = period
    }

    package var description: String {
        "\(metric) \(statistic.cloudWatch) per \(period.prometheusText)"
    }
}

/// A query that the loaded rules need.
package struct PlannedQuery: Hashable, Sendable {
    package var key: QueryKey
    package var timing: PollTiming
    /// The series names its points are stored under; empty when it is read only to tell zero from silence.
    package var names: Set<String>
    /// How far back rules look.
    package var reach: Duration

    package init(key: QueryKey, timing: PollTiming, names: Set<String>, reach: Duration) {
        self.key = key
        self.timing = timing
        self.names = names
        self.reach = reach
    }

    /// US dollars in 30 days at the present pace.
    package var dollarsPerMonth: Double {
        30 * 86400 / max(1, timing.pollEvery.inSeconds) * CloudWatchPrice.dollarsPerMetric
    }
}

/// What CloudWatch charges.
package enum CloudWatchPrice {
    /// One metric requested by GetMetricData ($0.01 a thousand), each query counted as one.
    package static let dollarsPerMetric = 0.00001
}
