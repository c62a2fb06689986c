import Model
package import Timekeeping

/// What CloudWatch costs: `GET /v1/cost`, `sloctl cost --format json`.
///
/// Dollars are US dollars; `per month` is 30 days at the present pace; months are UTC, as AWS bills.
package struct CostReport: Codable, Hashable, Sendable {
    /// The `schema` value of this version.
    package static let schemaName = "tocsin.cost/1"

    package var schema: String
    /// `2026-11`.
    package var month: String
    /// RFC 3339 in UTC.
    package var at: String
    package var accounts: [Account]

    package init(accounts: [Account], at now: Timestamp) {
        schema = Self.schemaName
        month = SpendMonth(containing: now).description
        at = now.rfc3339
        self.accounts = accounts
    }

    package struct Account: Codable, Hashable, Sendable {
        package var account: String
        package var regions: [String]
        /// False when the endpoint is not AWS's own: the figures are what AWS would charge.
        package var isBilled: Bool
        /// Absent without a budget.
        package var budgetUsdPerMonth: Double?
        package var spentUsd: Double
        /// For the whole calendar month: what is spent and what the rest costs at the present pace.
        package var forecastUsd: Double
        package var planUsdPerMonth: Double
        /// Were nothing slowed or left out.
        package var usualUsdPerMonth: Double
        /// Were everything asked for by GetMetricData, at the present pace.
        package var dataAloneUsdPerMonth: Double
        package var prices: Prices
        /// `ok`, `slowed`, `left_out` (rules are not watched) or `over_budget` (P1 alone is over it).
        package var state: String
        /// Why it is not `ok`, and how to mend it; empty when it is.
        package var explanation: String
        package var slowed: [Slowed]
        package var leftOut: [LeftOut]
        package var calls: [Call]
        package var rules: [RuleCost]
        package var metrics: [MetricCost]
        package var namespaces: [NamespaceCost]
    }

    package struct Prices: Codable, Hashable, Sendable {
        /// For 1,000 metrics of GetMetricData.
        package var metricsPer1000Usd: Double
        /// For 1,000 requests of GetMetricStatistics and ListMetrics beyond the free ones.
        package var requestsPer1000Usd: Double
        /// In a calendar month.
        package var freeRequests: Int
    }

    package struct Slowed: Codable, Hashable, Sendable {
        package var priority: String
        package var metrics: Int
        package var fromSeconds: Double
        package var toSeconds: Double
        package var rules: [String]
    }

    package struct LeftOut: Codable, Hashable, Sendable {
        package var priority: String
        package var metrics: Int
        package var rules: [String]
    }

    /// One API.
    package struct Call: Codable, Hashable, Sendable {
        package var operation: String
        /// `metrics`, `requests` or `free`.
        package var billedBy: String
        /// This month so far.
        package var requests: Int
        /// Metrics or requests, as billed, this month so far.
        package var units: Int
        package var spentUsd: Double
        /// At the present pace.
        package var unitsPerMonth: Double
        package var usdPerMonth: Double
    }

    package struct RuleCost: Codable, Hashable, Sendable {
        /// `db/DBCPU`.
        package var rule: String
        package var priority: String
        /// Queries it needs, those that it shares included.
        package var metrics: Int
        /// Its part of what AWS counts, metrics and requests alike, free ones included.
        package var unitsPerMonth: Double
        /// Its part: what several rules need is split evenly.
        package var usdPerMonth: Double
        package var spentUsd: Double
    }

    /// One metric and statistic over all its resources.
    package struct MetricCost: Codable, Hashable, Sendable {
        package var namespace: String
        package var metric: String
        package var statistic: String
        package var priority: String
        /// The call it is asked for by.
        package var operation: String
        package var resources: Int
        package var pollEverySeconds: Double
        package var usualPollEverySeconds: Double
        /// What AWS counts, metrics or requests, free ones included.
        package var unitsPerMonth: Double
        package var usdPerMonth: Double
        package var spentUsd: Double
        package var rules: [String]
    }

    package struct NamespaceCost: Codable, Hashable, Sendable {
        package var namespace: String
        package var metrics: Int
        package var usdPerMonth: Double
        package var spentUsd: Double
    }
}
