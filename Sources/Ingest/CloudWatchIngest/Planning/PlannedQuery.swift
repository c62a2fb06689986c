package import Model
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

    /// `AWS/RDS CPUUtilization Average`, whatever the resource.
    package var metricText: String {
        "\(metric.namespace) \(metric.name) \(statistic.cloudWatch)"
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
    /// The rules and objectives that need it.
    package var readers: Set<NeedReader>
    /// The priority of the most urgent query that it is compared with; nil when it stands alone.
    package var groupPriority: Priority?
    /// Its part of a GetMetricStatistics request: a half when two statistics come with one.
    ///
    /// Nil: it is asked for by GetMetricData.
    package var requestShare: Double?

    package init(
        key: QueryKey,
        timing: PollTiming,
        names: Set<String>,
        reach: Duration,
        readers: Set<NeedReader> = []
    ) {
        self.key = key
        self.timing = timing
        self.names = names
        self.reach = reach
        self.readers = readers
    }

    /// How urgent the most urgent rule is that needs it; P4 when none is known.
    package var priority: Priority { groupPriority ?? readers.map(\.priority).min() ?? .p4 }

    /// How often it is asked for in 30 days at the present pace.
    package var pollsPerMonth: Double {
        PlanPrice.monthSeconds / max(1, timing.pollEvery.inSeconds)
    }

    /// What AWS counts of it in 30 days: metrics, or its part of requests.
    package var unitsPerMonth: Double { pollsPerMonth * (requestShare ?? 1) }

    /// The call that it is asked for by.
    package var operation: CloudWatchOperation {
        requestShare == nil ? .getMetricData : .getMetricStatistics
    }
}
