import Timekeeping

/// Decides which queries are asked for by GetMetricData and which by GetMetricStatistics: whichever is cheaper.
///
/// A request of GetMetricStatistics gives one metric with up to five plain statistics, or ten percentiles. It
/// costs nothing while the account's free requests last, and beyond them as much as one metric of
/// GetMetricData, so that it stays cheaper where it serves two statistics. It never costs more.
package struct CallChoice: Sendable {
    /// Plain statistics in one request.
    package static let statisticsMax = 5
    /// Percentiles in one request.
    package static let percentilesMax = 10
    /// Requests that all regions of an account may make in 30 days: one a second, which leaves most of the quota
    /// to others.
    package static let requestsMax = PlanPrice.monthSeconds

    /// Free requests in 30 days that may be used.
    package var freeRequests: Double
    package var prices: CloudWatchPrices

    package init(freeRequests: Double, prices: CloudWatchPrices) {
        self.freeRequests = freeRequests
        self.prices = prices
    }

    /// Queries that one request can serve.
    private struct Request {
        var region: String
        var queries: [PlannedQuery]

        var perMonth: Double { queries[0].pollsPerMonth }
    }

    private struct Kind: Hashable {
        var metric: CloudWatchMetric
        var timing: PollTiming
        var period: Duration
        var isPercentile: Bool
    }

    /// The plans with the cheaper call for each query.
    package func applied(to plans: RegionPlans) -> RegionPlans {
        struct Place: Hashable {
            var region: String
            var key: QueryKey
        }
        var shares: [Place: Double] = [:]
        var free = freeRequests
        var left = CallChoice.requestsMax
        for request in requests(plans) {
            let count = Double(request.queries.count)
            let isFree = request.perMonth <= free
            guard request.perMonth <= left,
                isFree || prices.dollarsPerRequest < count * prices.dollarsPerMetric
            else { continue }
            if isFree { free -= request.perMonth }
            left -= request.perMonth
            for query in request.queries {
                shares[Place(region: request.region, key: query.key)] = 1 / count
            }
        }
        return plans.mapping { region, query in
            var query = query
            query.requestShare = shares[Place(region: region, key: query.key)]
            return query
        }
    }

    /// The requests that could be made, those that save most first.
    private func requests(_ plans: RegionPlans) -> [Request] {
        var requests: [Request] = []
        for region in plans.regions {
            var kinds: [Kind: [PlannedQuery]] = [:]
            for query in plans.byRegion[region]?.queries ?? [] {
                guard let form = query.key.statistic.statisticsForm else { continue }
                let kind = Kind(
                    metric: query.key.metric,
                    timing: query.timing,
                    period: query.key.period,
                    isPercentile: form == .percentile
                )
                kinds[kind, default: []].append(query)
            }
            for (kind, queries) in kinds {
                let most = kind.isPercentile ? Self.percentilesMax : Self.statisticsMax
                let sorted = queries.sorted { $0.key.description < $1.key.description }
                for first in stride(from: 0, to: sorted.count, by: most) {
                    let part = sorted[first..<min(first + most, sorted.count)]
                    requests.append(Request(region: region, queries: Array(part)))
                }
            }
        }
        return requests.sorted { one, other in
            if one.queries.count != other.queries.count {
                return one.queries.count > other.queries.count
            }
            if one.perMonth != other.perMonth { return one.perMonth < other.perMonth }
            return (one.region, one.queries[0].key.description)
                < (other.region, other.queries[0].key.description)
        }
    }
}

extension CloudWatchStatistic {
    /// How GetMetricStatistics is asked for it.
    package enum StatisticsForm: Hashable, Sendable {
        /// Among `Statistics`.
        case plain
        /// Among `ExtendedStatistics`, for which AWS documents percentiles only.
        case percentile
    }

    /// Nil when only GetMetricData gives it.
    package var statisticsForm: StatisticsForm? {
        switch self {
        case .plain(.interquartileMean): nil
        case .plain: .plain
        case .upTo(.percentile, _): .percentile
        case .upTo, .between: nil
        }
    }
}
