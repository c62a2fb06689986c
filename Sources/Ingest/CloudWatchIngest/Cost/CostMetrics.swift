package import Telemetry

/// What CloudWatch costs, in `/metrics`.
package enum CostMetrics {
    package static func families(_ accounts: [CostReport.Account]) -> [MetricFamily] {
        func gauge(
            _ name: String,
            _ help: String,
            _ points: (CostReport.Account) -> [(labels: [(name: String, value: String)], Double)]
        ) -> MetricFamily {
            MetricFamily(
                "tocsin_cloudwatch_" + name,
                help: help,
                kind: .gauge,
                points: accounts.flatMap { account in
                    points(account).map {
                        MetricPoint([(name: "account", value: account.account)] + $0.labels, $0.1)
                    }
                }
            )
        }
        return [
            gauge(
                "month_spent_usd",
                "Price of the calls of this calendar month (UTC) so far."
            ) { [([], $0.spentUsd)] },
            gauge(
                "month_forecast_usd",
                "Price of this calendar month at the present pace."
            ) { [([], $0.forecastUsd)] },
            gauge(
                "projected_usd_per_month",
                "Price of 30 days at the present pace."
            ) { [([], $0.planUsdPerMonth)] },
            gauge(
                "usual_usd_per_month",
                "Price of 30 days if nothing were slowed or left out."
            ) { [([], $0.usualUsdPerMonth)] },
            gauge("budget_usd_per_month", "The setting budget_usd_per_month.") { account in
                account.budgetUsdPerMonth.map { [([], $0)] } ?? []
            },
            gauge(
                "slowed_metrics",
                "Metrics polled more slowly than usual for the budget, by priority of their rules."
            ) { priorities($0.slowed.map { ($0.priority, $0.metrics) }) },
            gauge(
                "budget_left_out_metrics",
                "Metrics not polled at all for the budget, by priority of their rules."
            ) { priorities($0.leftOut.map { ($0.priority, $0.metrics) }) },
            gauge(
                "month_billed_units",
                "Metrics or requests that AWS bills, this calendar month so far."
            ) { $0.calls.map { ([("operation", $0.operation)], Double($0.units)) } },
        ]
    }

    /// One point for each priority, zero where nothing is.
    private static func priorities(
        _ counts: [(priority: String, metrics: Int)]
    ) -> [(labels: [(name: String, value: String)], Double)] {
        ["P1", "P2", "P3", "P4"].map { priority in
            let sum = counts.filter { $0.priority == priority }.reduce(0) { $0 + $1.metrics }
            return ([("priority", priority)], Double(sum))
        }
    }
}
