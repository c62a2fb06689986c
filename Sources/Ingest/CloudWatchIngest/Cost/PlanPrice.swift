/// What a plan costs in 30 days at its present pace.
package struct PlanPrice: Sendable {
    /// 30 days, which every monthly price of a plan is for.
    package static let monthSeconds = 30.0 * 86400

    /// Metrics requested by GetMetricData.
    package let metrics: Double
    /// Requests of GetMetricStatistics.
    package let statisticsRequests: Double
    /// Requests of ListMetrics.
    package let listRequests: Double
    /// Requests that are not free.
    package let paidRequests: Double
    private let prices: CloudWatchPrices
    /// The part of all requests that is paid for.
    private let paidShare: Double

    /// - Parameters:
    ///   - queries: Of all regions of the account.
    ///   - listRequests: Of ListMetrics in 30 days.
    ///   - prices: What calls cost.
    package init(
        _ queries: some Sequence<PlannedQuery>,
        listRequests: Double = 0,
        prices: CloudWatchPrices
    ) {
        var metrics = 0.0
        var requests = 0.0
        for query in queries {
            if let share = query.requestShare {
                requests += query.pollsPerMonth * share
            } else {
                metrics += query.pollsPerMonth
            }
        }
        self.metrics = metrics
        statisticsRequests = requests
        self.listRequests = listRequests
        self.prices = prices
        let all = requests + listRequests
        paidRequests = max(0, all - Double(prices.freeRequests))
        paidShare = all > 0 ? paidRequests / all : 0
    }

    package var dollars: Double {
        metrics * prices.dollarsPerMetric + paidRequests * prices.dollarsPerRequest
    }

    /// The part of a query.
    package func dollars(of query: PlannedQuery) -> Double {
        guard let share = query.requestShare else {
            return query.pollsPerMonth * prices.dollarsPerMetric
        }
        return query.pollsPerMonth * share * paidShare * prices.dollarsPerRequest
    }
}
