import CloudWatchIngest

/// What an account costs, as a person reads it in a terminal of a hundred columns.
struct CostTable {
    let account: CostReport.Account
    /// `2026-11`.
    let month: String
    /// `rule`, `metric` or `namespace`.
    let list: String
    /// True for rules that nothing was spent on.
    let isPlan: Bool
    let terminal: Terminal

    /// Lines, each ended.
    var text: String {
        var text = isPlan ? arithmetic : summary
        if !account.explanation.isEmpty {
            text += terminal.colored("! ", .yellow) + account.explanation + "\n"
        }
        if !account.slowed.isEmpty || !account.leftOut.isEmpty { text += "\n" + changes }
        if !isPlan { text += "\n" + calls }
        switch list {
        case "metric": text += "\n" + metrics
        case "namespace": text += "\n" + namespaces
        default: text += "\n" + rules
        }
        return text
    }

    private func dollars(_ number: Double) -> String { DollarText.text(number) }

    private func grouped(_ number: Double) -> String {
        NumberText.grouped(Int64(max(-1e15, min(number, 1e15)).rounded()))
    }

    // MARK: Parts

    private var summary: String {
        let budget =
            account.budgetUsdPerMonth.map { "of a budget of \(dollars($0))" }
            ?? "no budget (sources.cloudwatch budget_usd_per_month)"
        let state =
            switch account.state {
            case "ok": terminal.colored("OK", .green)
            case "slowed": terminal.colored("SLOWED", .yellow)
            case "left_out": terminal.colored("RULES NOT WATCHED", .red)
            default: terminal.colored("OVER BUDGET", .red)
            }
        return """
            \(terminal.colored("CloudWatch, account \(account.account)", .bold)) \
            (\(account.regions.joined(separator: ", ")))   \(month) in UTC   \(state)
            spent so far  \(dollars(account.spentUsd))
            forecast      \(dollars(account.forecastUsd)) this month, \(budget)
            at this pace  \(dollars(account.planUsdPerMonth)) in 30 days\(alone)\(stranger)

            """
    }

    private var alone: String {
        account.dataAloneUsdPerMonth > account.planUsdPerMonth + 0.005
            ? ", \(dollars(account.dataAloneUsdPerMonth)) were it all asked by GetMetricData" : ""
    }

    private var stranger: String {
        account.isBilled
            ? ""
            : "\nThe endpoint is not AWS's own: nothing is billed, this is what AWS would charge."
    }

    /// The sum, step by step.
    private var arithmetic: String {
        let prices = account.prices
        func units(_ operation: String) -> Double {
            account.calls.first { $0.operation == operation }?.unitsPerMonth ?? 0
        }
        func spent(_ operations: String...) -> Double {
            account.calls.filter { operations.contains($0.operation) }
                .reduce(0) { $0 + $1.usdPerMonth }
        }
        let (statistics, lists) = (units("GetMetricStatistics"), units("ListMetrics"))
        let paid = max(0, statistics + lists - Double(prices.freeRequests))
        var table = TableText(header: ["CALL", "A MONTH", "PRICE", "COST"])
        table.add([
            "GetMetricData", "\(grouped(units("GetMetricData"))) metrics",
            "\(dollars(prices.metricsPer1000Usd)) for 1,000", dollars(spent("GetMetricData")),
        ])
        table.add(["GetMetricStatistics", "\(grouped(statistics)) requests", "", ""])
        table.add(["ListMetrics", "+ \(grouped(lists)) requests", "", ""])
        table.add([
            "", "- \(grouped(Double(prices.freeRequests))) free, \(grouped(paid)) to pay",
            "\(dollars(prices.requestsPer1000Usd)) for 1,000",
            dollars(spent("GetMetricStatistics", "ListMetrics")),
        ])
        table.add(["total", "", "", terminal.colored(dollars(account.planUsdPerMonth), .bold)])
        let budget =
            account.budgetUsdPerMonth.map { "Budget \(dollars($0)) a month." }
            ?? "No budget."
        return table.text
            + "\(account.account) (\(account.regions.joined(separator: ", "))): "
            + "\(dollars(account.planUsdPerMonth)) in 30 days\(alone). \(budget)\n"
    }

    private var changes: String {
        var table = TableText(header: ["PRIORITY", "METRICS", "READ EVERY", "RULES"])
        for slowed in account.slowed {
            table.add([
                slowed.priority, "\(slowed.metrics)",
                "\(NumberText.duration(slowed.toSeconds)), usually "
                    + NumberText.duration(slowed.fromSeconds),
                slowed.rules.joined(separator: " "),
            ])
        }
        for left in account.leftOut {
            table.add([
                left.priority, "\(left.metrics)", "NOT READ", left.rules.joined(separator: " "),
            ])
        }
        return table.text
    }

    private var calls: String {
        var table = TableText(header: ["CALL", "REQUESTS", "BILLED", "SPENT", "IN 30 DAYS"])
        for call in account.calls {
            let billed =
                call.billedBy == "free"
                ? "free" : "\(NumberText.grouped(Int64(call.units))) \(call.billedBy)"
            table.add([
                call.operation, NumberText.grouped(Int64(call.requests)), billed,
                dollars(call.spentUsd), dollars(call.usdPerMonth),
            ])
        }
        let requests = account.calls.filter { $0.billedBy == "requests" }
            .reduce(0) { $0 + $1.units }
        let free = NumberText.grouped(Int64(account.prices.freeRequests))
        return table.text
            + "\(NumberText.grouped(Int64(requests))) of \(free) free requests are used this month.\n"
    }

    /// Under tables whose dollars may all be zero.
    private static let counted =
        "COUNTED is what AWS counts in 30 days, metrics or requests, the free ones among them.\n"

    private var rules: String {
        var table = TableText(
            header: ["RULE", "PRIORITY", "METRICS", "COUNTED", "IN 30 DAYS"]
                + (isPlan ? [] : ["SPENT"])
        )
        for rule in account.rules {
            table.add(
                [
                    rule.rule, rule.priority.isEmpty ? "gone" : rule.priority, "\(rule.metrics)",
                    grouped(rule.unitsPerMonth), dollars(rule.usdPerMonth),
                ] + (isPlan ? [] : [dollars(rule.spentUsd)])
            )
        }
        return table.text + Self.counted
    }

    private var metrics: String {
        var table = TableText(
            header: ["METRIC", "PRIORITY", "RESOURCES", "EVERY", "COUNTED", "CALL", "IN 30 DAYS"]
                + (isPlan ? [] : ["SPENT"])
        )
        for metric in account.metrics {
            let every = NumberText.duration(metric.pollEverySeconds)
            let usual = NumberText.duration(metric.usualPollEverySeconds)
            table.add(
                [
                    "\(metric.namespace) \(metric.metric) \(metric.statistic)", metric.priority,
                    "\(metric.resources)", every == usual ? every : "\(every) (usually \(usual))",
                    grouped(metric.unitsPerMonth), metric.operation, dollars(metric.usdPerMonth),
                ] + (isPlan ? [] : [dollars(metric.spentUsd)])
            )
        }
        return table.text + Self.counted
    }

    private var namespaces: String {
        var table = TableText(
            header: ["NAMESPACE", "METRICS", "IN 30 DAYS"] + (isPlan ? [] : ["SPENT"])
        )
        for namespace in account.namespaces {
            table.add(
                [
                    namespace.namespace, "\(namespace.metrics)", dollars(namespace.usdPerMonth),
                ] + (isPlan ? [] : [dollars(namespace.spentUsd)])
            )
        }
        return table.text
    }
}
