import Timekeeping

/// Keeps a plan within a monthly price: slower polls first, then fewer metrics.
package struct PollBudget: Sendable {
    package var dollarsPerMonth: Double

    /// Share of the budget from which polls are stretched.
    package static let stretchFrom = 0.8
    /// No poll is stretched beyond this.
    package static let pollEveryMax = Duration.seconds(15 * 60)

    package init(dollarsPerMonth: Double) {
        self.dollarsPerMonth = dollarsPerMonth
    }

    /// The plan with poll intervals doubled, the slowest ones first, until it fits four fifths of the
    /// budget; when every interval is at its longest, the last metrics of the costliest names are left out
    /// until the plan fits the whole budget.
    package func applied(to plan: PollPlan) -> PollPlan {
        let wanted = plan.dollarsPerMonth
        var plan = plan
        while plan.dollarsPerMonth > dollarsPerMonth * Self.stretchFrom {
            let slowest = plan.queries.map(\.timing.pollEvery).filter { $0 < Self.pollEveryMax }
                .max()
            guard let slowest else { break }
            for index in plan.queries.indices where plan.queries[index].timing.pollEvery == slowest
            {
                plan.queries[index].timing.pollEvery = min(slowest * 2, Self.pollEveryMax)
            }
        }
        if plan.dollarsPerMonth < wanted {
            plan.notices.append(
                "the rules' metrics would cost \(Self.text(wanted)) a month at their usual pace; polls are "
                    + "stretched to \(Self.text(plan.dollarsPerMonth)) for a budget of "
                    + "\(Self.text(dollarsPerMonth)) (sources.cloudwatch budget_usd_per_month)"
            )
        }
        guard plan.dollarsPerMonth > dollarsPerMonth else { return plan }
        var byName: [String: [Int]] = [:]
        for (index, query) in plan.queries.enumerated() {
            byName[query.names.min() ?? query.key.metric.name, default: []].append(index)
        }
        var left: Set<Int> = []
        var blamed: Set<String> = []
        var price = plan.dollarsPerMonth
        while price > dollarsPerMonth, left.count < plan.queries.count {
            let costliest = byName.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }
            guard let costliest, let index = costliest.value.last else { break }
            byName[costliest.key]?.removeLast()
            left.insert(index)
            blamed.insert(costliest.key)
            price -= plan.queries[index].dollarsPerMonth
        }
        plan.queries = plan.queries.indices.filter { !left.contains($0) }.map { plan.queries[$0] }
        plan.leftOut += left.count
        plan.advice.append(
            "\(left.count) metrics are NOT watched: at the slowest pace the rules would still cost more "
                + "than the budget of \(Self.text(dollarsPerMonth)) a month; raise "
                + "budget_usd_per_month or narrow \(blamed.sorted().joined(separator: ", "))"
        )
        return plan
    }

    private static func text(_ dollars: Double) -> String {
        let cents = Int((dollars * 100).rounded())
        return "$\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }
}
