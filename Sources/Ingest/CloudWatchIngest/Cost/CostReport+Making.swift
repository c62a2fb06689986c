import Model
package import Timekeeping

extension CostReport.Account {
    /// - Parameters:
    ///   - account: Its name.
    ///   - wanted: What its regions would ask at the usual pace.
    ///   - budgeted: What they ask; nil before the first plan.
    ///   - budget: US dollars a month; nil is no limit.
    ///   - explanation: Why polls are slowed or left out.
    ///   - isBilled: Whether AWS charges for it.
    ///   - spend: This month so far.
    ///   - prices: What calls cost.
    ///   - now: In the month that the forecast is for.
    package init(
        account: String,
        wanted: RegionPlans,
        budgeted: BudgetPlan?,
        budget: Double?,
        explanation: String,
        isBilled: Bool,
        spend: MonthSpend,
        prices: CloudWatchPrices,
        at now: Timestamp
    ) {
        let plans = budgeted?.plans ?? RegionPlans()
        let price = plans.price(prices)
        self.account = account
        regions = plans.regions
        self.isBilled = isBilled
        budgetUsdPerMonth = budget
        spentUsd = spend.dollars
        let rest = max(0, (SpendMonth(containing: now).end - now).inSeconds)
        forecastUsd = spend.dollars + price.dollars * rest / PlanPrice.monthSeconds
        planUsdPerMonth = price.dollars
        usualUsdPerMonth = budgeted?.usualDollars ?? 0
        dataAloneUsdPerMonth = plans.queries.reduce(0) {
            $0 + $1.pollsPerMonth * prices.dollarsPerMetric
        }
        self.prices = CostReport.Prices(
            metricsPer1000Usd: prices.metricsPerThousand,
            requestsPer1000Usd: prices.requestsPerThousand,
            freeRequests: prices.freeRequests
        )
        let isOver = budget.map { price.dollars > $0 } ?? false
        let slowed = budgeted?.slowed ?? []
        let leftOut = budgeted?.leftOut ?? []
        state =
            !leftOut.isEmpty
            ? "left_out" : isOver ? "over_budget" : slowed.isEmpty ? "ok" : "slowed"
        self.explanation = explanation
        self.slowed = slowed.map {
            CostReport.Slowed(
                priority: $0.priority.description,
                metrics: $0.count,
                fromSeconds: $0.from.inSeconds,
                toSeconds: $0.to.inSeconds,
                rules: $0.rules
            )
        }
        self.leftOut = leftOut.map {
            CostReport.LeftOut(
                priority: $0.priority.description,
                metrics: $0.count,
                rules: $0.rules
            )
        }
        calls = Self.calls(price, spend, prices)
        rules = Self.rules(plans.queries, price, spend)
        metrics = Self.metrics(plans, wanted, price, spend)
        namespaces = Self.namespaces(metrics)
    }

    private static func calls(
        _ price: PlanPrice,
        _ spend: MonthSpend,
        _ prices: CloudWatchPrices
    ) -> [CostReport.Call] {
        CloudWatchOperation.allCases.compactMap { operation in
            let row = spend[operation]
            let units: Double
            switch operation {
            case .getMetricData: units = price.metrics
            case .getMetricStatistics: units = price.statisticsRequests
            case .listMetrics: units = price.listRequests
            case .describeDBInstances, .describeDBClusters, .describeDBParameters,
                .describeDBClusterParameters, .describeInstanceTypes, .describeAutoScalingGroups:
                units = 0
            }
            guard row.requests > 0 || units > 0 else { return nil }
            let billedBy: String
            let dollars: Double
            switch operation.billing {
            case .metrics:
                billedBy = "metrics"
                dollars = units * prices.dollarsPerMetric
            case .requests:
                billedBy = "requests"
                let all = price.statisticsRequests + price.listRequests
                let part = all > 0 ? units / all : 0
                dollars = price.paidRequests * part * prices.dollarsPerRequest
            case .free:
                billedBy = "free"
                dollars = 0
            }
            return CostReport.Call(
                operation: operation.rawValue,
                billedBy: billedBy,
                requests: row.requests,
                units: row.units,
                spentUsd: row.dollars,
                unitsPerMonth: units,
                usdPerMonth: dollars
            )
        }
    }

    private static func rules(
        _ queries: [PlannedQuery],
        _ price: PlanPrice,
        _ spend: MonthSpend
    ) -> [CostReport.RuleCost] {
        var found: [String: CostReport.RuleCost] = [:]
        for query in queries {
            let readers = Double(max(1, query.readers.count))
            let part = price.dollars(of: query) / readers
            for reader in query.readers {
                found[
                    reader.name,
                    default: CostReport.RuleCost(
                        rule: reader.name,
                        priority: reader.priority.description,
                        metrics: 0,
                        unitsPerMonth: 0,
                        usdPerMonth: 0,
                        spentUsd: spend[.rule, reader.name].dollars
                    )
                ].metrics += 1
                found[reader.name]?.usdPerMonth += part
                found[reader.name]?.unitsPerMonth += query.unitsPerMonth / readers
            }
        }
        // What was spent on rules that are gone is still on the bill.
        for row in spend.rows where row.subject == .rule && found[row.name] == nil {
            found[row.name] = CostReport.RuleCost(
                rule: row.name,
                priority: "",
                metrics: 0,
                unitsPerMonth: 0,
                usdPerMonth: 0,
                spentUsd: row.dollars
            )
        }
        return found.values.sorted {
            ($1.usdPerMonth, $1.unitsPerMonth, $1.spentUsd, $0.rule)
                < ($0.usdPerMonth, $0.unitsPerMonth, $0.spentUsd, $1.rule)
        }
    }

    private static func metrics(
        _ plans: RegionPlans,
        _ wanted: RegionPlans,
        _ price: PlanPrice,
        _ spend: MonthSpend
    ) -> [CostReport.MetricCost] {
        struct Kind: Hashable {
            var text: String
            var operation: CloudWatchOperation
            var pollEvery: Duration
        }
        var usual: [QueryKey: Duration] = [:]
        for query in wanted.queries { usual[query.key] = query.timing.pollEvery }
        var found: [Kind: (cost: CostReport.MetricCost, rules: Set<String>)] = [:]
        var shown: Set<String> = []
        for query in plans.queries {
            let text = query.key.metricText
            let kind = Kind(
                text: text,
                operation: query.operation,
                pollEvery: query.timing.pollEvery
            )
            let isFirst = shown.insert(text).inserted
            let blank = CostReport.MetricCost(
                namespace: query.key.metric.namespace,
                metric: query.key.metric.name,
                statistic: query.key.statistic.cloudWatch,
                priority: query.priority.description,
                operation: query.operation.rawValue,
                resources: 0,
                pollEverySeconds: query.timing.pollEvery.inSeconds,
                usualPollEverySeconds: (usual[query.key] ?? query.timing.pollEvery).inSeconds,
                unitsPerMonth: 0,
                usdPerMonth: 0,
                // Spend is kept by metric: it stands on the first of its lines.
                spentUsd: isFirst ? spend[.metric, text].dollars : 0,
                rules: []
            )
            var entry = found[kind] ?? (blank, [])
            entry.cost.resources += 1
            entry.cost.usdPerMonth += price.dollars(of: query)
            entry.cost.unitsPerMonth += query.unitsPerMonth
            entry.cost.priority = min(entry.cost.priority, query.priority.description)
            entry.rules.formUnion(query.readers.map(\.name))
            found[kind] = entry
        }
        return found.values.map { entry in
            var cost = entry.cost
            cost.rules = entry.rules.sorted()
            return cost
        }.sorted {
            ($1.usdPerMonth, $1.unitsPerMonth, $0.namespace, $0.metric, $0.statistic)
                < ($0.usdPerMonth, $0.unitsPerMonth, $1.namespace, $1.metric, $1.statistic)
        }
    }

    private static func namespaces(
        _ metrics: [CostReport.MetricCost]
    ) -> [CostReport.NamespaceCost] {
        var found: [String: CostReport.NamespaceCost] = [:]
        for metric in metrics {
            found[
                metric.namespace,
                default: CostReport.NamespaceCost(
                    namespace: metric.namespace,
                    metrics: 0,
                    usdPerMonth: 0,
                    spentUsd: 0
                )
            ].metrics += metric.resources
            found[metric.namespace]?.usdPerMonth += metric.usdPerMonth
            found[metric.namespace]?.spentUsd += metric.spentUsd
        }
        return found.values.sorted {
            ($1.usdPerMonth, $0.namespace) < ($0.usdPerMonth, $1.namespace)
        }
    }
}
