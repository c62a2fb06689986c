package import Telemetry
import Timekeeping

/// Budgets as metric families; what is unknown has no sample.
package enum BudgetMetrics {
    /// Families for a scrape, one sample an objective (and window).
    package static func families(_ statuses: [BudgetStatus]) -> [MetricFamily] {
        func gauge(
            _ name: String,
            _ help: String,
            _ value: (BudgetStatus) -> Double?
        ) -> MetricFamily {
            MetricFamily(
                "tocsin_slo_\(name)",
                help: help,
                kind: .gauge,
                points: statuses.compactMap { status in
                    value(status).map { MetricPoint([("slo", status.name)], $0) }
                }
            )
        }
        let burn = MetricFamily(
            "tocsin_slo_burn_rate",
            help:
                "Error ratio of a window in multiples of the rate that spends the budget exactly.",
            kind: .gauge,
            points: statuses.flatMap { status in
                status.burns.compactMap { burn in
                    burn.rate.map { rate in
                        MetricPoint(
                            [("slo", status.name), ("window", burn.window.prometheusText)],
                            rate
                        )
                    }
                }
            }
        )
        let firing = MetricFamily(
            "tocsin_slo_burn_alert_firing",
            help: "1 when the pair with this long window burns faster than its threshold.",
            kind: .gauge,
            points: statuses.flatMap { status in
                status.burns.filter { $0.threshold != nil }.map { burn in
                    MetricPoint(
                        [("slo", status.name), ("window", burn.window.prometheusText)],
                        burn.isFiring ? 1 : 0
                    )
                }
            }
        )
        let verdict = MetricFamily(
            "tocsin_slo_status",
            help: "1 for the status that holds now.",
            kind: .gauge,
            points: statuses.map {
                MetricPoint([("slo", $0.name), ("status", $0.verdict.rawValue)], 1)
            }
        )
        let families = [
            gauge("objective_ratio", "The objective.") { $0.objective },
            gauge("attained_ratio", "Good over total events of the window.") { $0.attained },
            gauge("events", "Events of the window.") { Double($0.total) },
            gauge("bad_events", "Bad events of the window.") { Double($0.bad) },
            gauge("error_budget_remaining_ratio", "Budget left; negative when overspent.") {
                $0.remainingRatio
            },
            gauge("error_budget_consumed_ratio", "Budget spent; above 1 when overspent.") {
                $0.consumedRatio
            },
            gauge("coverage_ratio", "Minutes with data over minutes since data first came.") {
                $0.coverage
            },
            burn, firing, verdict,
        ]
        return families.filter { !$0.points.isEmpty }
    }
}
