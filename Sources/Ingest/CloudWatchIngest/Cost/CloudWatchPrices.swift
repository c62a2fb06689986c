/// What CloudWatch charges: the one place where a price stands.
///
/// Source: CloudWatch's pricing page, the regions of the United States and most of Europe; the settings take
/// others.
package struct CloudWatchPrices: Hashable, Sendable {
    /// US dollars for 1,000 metrics requested by GetMetricData; each query counts as one.
    package var metricsPerThousand: Double
    /// US dollars for 1,000 requests of GetMetricStatistics and ListMetrics beyond the free ones.
    package var requestsPerThousand: Double
    /// Requests of GetMetricStatistics and ListMetrics that an account has free in a calendar month.
    package var freeRequests: Int

    package init(
        metricsPerThousand: Double = 0.01,
        requestsPerThousand: Double = 0.01,
        freeRequests: Int = 1_000_000
    ) {
        self.metricsPerThousand = metricsPerThousand
        self.requestsPerThousand = requestsPerThousand
        self.freeRequests = freeRequests
    }

    package var dollarsPerMetric: Double { metricsPerThousand / 1000 }
    package var dollarsPerRequest: Double { requestsPerThousand / 1000 }
}

/// Dollars as people read them: `$8.02`, and `$0.004` below a cent.
package enum DollarText {
    package static func text(_ dollars: Double) -> String {
        let magnitude = dollars.magnitude
        let sign = dollars < 0 ? "-" : ""
        guard magnitude.isFinite else { return "unknown" }
        let decimals = magnitude > 0 && magnitude < 0.01 ? 4 : 2
        let scale = decimals == 4 ? 10_000.0 : 100.0
        let units = Int64((min(magnitude, 1e12) * scale).rounded())
        let rest = String(units % Int64(scale))
        return "\(sign)$\(units / Int64(scale))."
            + String(repeating: "0", count: decimals - rest.count) + rest
    }
}
