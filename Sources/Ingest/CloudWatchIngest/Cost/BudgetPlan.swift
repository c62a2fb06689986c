package import Model
import Timekeeping

/// What a region wants to ask, and what becomes of it within the account's budget.
package struct RegionPlans: Sendable {
    package var byRegion: [String: PollPlan]

    package init(_ byRegion: [String: PollPlan] = [:]) { self.byRegion = byRegion }

    /// All queries, region by region in a stable order.
    package var queries: [PlannedQuery] { regions.flatMap { byRegion[$0]?.queries ?? [] } }

    package var listRequests: Double { byRegion.values.reduce(0) { $0 + $1.listRequestsPerMonth } }

    package var regions: [String] { byRegion.keys.sorted() }

    package func price(_ prices: CloudWatchPrices) -> PlanPrice {
        PlanPrice(queries, listRequests: listRequests, prices: prices)
    }

    /// The plans with each query passed through `change`; nil leaves it out.
    func mapping(_ change: (String, PlannedQuery) -> PlannedQuery?) -> RegionPlans {
        var mapped = self
        for region in regions {
            mapped.byRegion[region]?.queries =
                byRegion[region]?.queries.compactMap { change(region, $0) } ?? []
        }
        return mapped
    }
}

/// Queries of one priority that are polled more slowly than usual.
package struct SlowedQueries: Hashable, Sendable {
    package var priority: Priority
    package var count: Int
    package var from: Duration
    package var to: Duration
    /// The rules that need them, sorted.
    package var rules: [String]

    package init(
        priority: Priority,
        count: Int,
        from: Duration,
        to: Duration,
        rules: [String]
    ) {
        self.priority = priority
        self.count = count
        self.from = from
        self.to = to
        self.rules = rules
    }
}

/// Queries of one priority that are not asked at all.
package struct LeftOutQueries: Hashable, Sendable {
    package var priority: Priority
    package var count: Int
    /// The rules that need them, sorted.
    package var rules: [String]
}

/// Keeps the plans of an account within a monthly price: what matters least slows down first.
///
/// Polls of the metrics that only P4 rules need are spaced twice as far, again and again up to 15 minutes; then
/// those of P3, P2 and P1. When even that is over the budget, metrics are left out in the same order, the
/// most numerous first; those of P1 never are.
package struct BudgetPlan: Sendable {
    /// Share of the budget that polls are slowed down to: the rest is for first reads and new resources.
    package static let slowFrom = 0.8
    /// What was slowed is sped up again only when it would cost this share of the limit.
    package static let relaxBelow = 0.9
    /// No poll is slowed beyond this.
    package static let pollEveryMax = Duration.seconds(15 * 60)

    /// The plans as they are to be polled.
    package private(set) var plans: RegionPlans
    /// How many steps the polls are slowed down; zero is the usual pace.
    package private(set) var step = 0
    package private(set) var slowed: [SlowedQueries] = []
    package private(set) var leftOut: [LeftOutQueries] = []
    /// US dollars in 30 days at the usual pace.
    package let usualDollars: Double
    /// US dollars in 30 days as the plans are.
    package private(set) var dollars: Double

    /// - Parameters:
    ///   - wanted: At the usual pace.
    ///   - budget: US dollars a month; nil is no limit.
    ///   - affordable: What may be spent in 30 days at the rate that the rest of this month allows.
    ///   - freeRequests: Requests in 30 days that GetMetricStatistics may make for nothing; nil never uses it.
    ///   - lastStep: The step that runs now.
    ///   - prices: What calls cost.
    package init(
        _ wanted: RegionPlans,
        budget: Double?,
        affordable: Double,
        freeRequests: Double?,
        lastStep: Int,
        prices: CloudWatchPrices
    ) {
        let wanted = BudgetPlan.withGroupPriorities(wanted)
        func priced(_ plans: RegionPlans) -> (plans: RegionPlans, dollars: Double) {
            let chosen =
                freeRequests.map { CallChoice(freeRequests: $0, prices: prices).applied(to: plans) }
                ?? plans
            return (chosen, chosen.price(prices).dollars)
        }
        var current = priced(wanted)
        usualDollars = current.dollars
        if let budget {
            let limit = max(0, min(budget * BudgetPlan.slowFrom, affordable))
            var slower = wanted
            while true {
                let bound = step < lastStep ? limit * BudgetPlan.relaxBelow : limit
                guard current.dollars > bound, let next = BudgetPlan.slowedOnce(slower) else {
                    break
                }
                slower = next
                step += 1
                current = priced(slower)
            }
            if current.dollars > budget {
                current.plans = BudgetPlan.withoutTheLeast(
                    current.plans,
                    within: budget,
                    prices,
                    &leftOut
                )
                current = priced(current.plans)
            }
        }
        plans = current.plans
        dollars = current.dollars
        slowed = BudgetPlan.difference(plans, from: wanted)
    }

    /// Counters of a load balancer are compared with each other, so they matter as much as the first of them.
    private static func withGroupPriorities(_ plans: RegionPlans) -> RegionPlans {
        var first: [String: [LoadBalancerZeros.Group: Priority]] = [:]
        for region in plans.regions {
            for query in plans.byRegion[region]?.queries ?? [] {
                guard let group = LoadBalancerZeros.group(of: query.key) else { continue }
                let known = first[region]?[group] ?? .p4
                first[region, default: [:]][group] = min(known, query.priority)
            }
        }
        return plans.mapping { region, query in
            var query = query
            if let group = LoadBalancerZeros.group(of: query.key) {
                query.groupPriority = first[region]?[group]
            }
            return query
        }
    }

    /// The plans with the least urgent queries that can be slowed spaced twice as far; nil when none can.
    private static func slowedOnce(_ plans: RegionPlans) -> RegionPlans? {
        let least = plans.queries.filter { $0.timing.pollEvery < pollEveryMax }.map(\.priority)
            .max()
        guard let least else { return nil }
        return plans.mapping { _, query in
            guard query.priority == least, query.timing.pollEvery < pollEveryMax else {
                return query
            }
            var query = query
            query.timing.pollEvery = min(query.timing.pollEvery * 2, pollEveryMax)
            return query
        }
    }

    private struct Place: Hashable {
        var region: String
        var key: QueryKey
    }

    /// The plans without as many queries as it takes, P4 first and P1 never, the most numerous metric first.
    private static func withoutTheLeast(
        _ plans: RegionPlans,
        within budget: Double,
        _ prices: CloudWatchPrices,
        _ leftOut: inout [LeftOutQueries]
    ) -> RegionPlans {
        let price = plans.price(prices)
        var excess = price.dollars - budget
        var dropped: Set<Place> = []
        for priority in [Priority.p4, .p3, .p2] where excess > 0 {
            var byMetric: [String: [(place: Place, query: PlannedQuery)]] = [:]
            for region in plans.regions {
                for query in plans.byRegion[region]?.queries ?? []
                where query.priority == priority {
                    byMetric[query.key.metricText, default: []].append(
                        (Place(region: region, key: query.key), query)
                    )
                }
            }
            var count = 0
            var rules: Set<String> = []
            while excess > 0 {
                let largest = byMetric.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }
                guard let largest, let last = largest.value.last else { break }
                byMetric[largest.key]?.removeLast()
                dropped.insert(last.place)
                excess -= price.dollars(of: last.query)
                count += 1
                rules.formUnion(last.query.readers.map(\.name))
            }
            guard count > 0 else { continue }
            leftOut.append(
                LeftOutQueries(priority: priority, count: count, rules: rules.sorted())
            )
        }
        return plans.mapping { region, query in
            dropped.contains(Place(region: region, key: query.key)) ? nil : query
        }
    }

    private static func difference(
        _ plans: RegionPlans,
        from wanted: RegionPlans
    ) -> [SlowedQueries] {
        struct Change: Hashable {
            var priority: Priority
            var from: Duration
            var to: Duration
        }
        var usual: [Place: Duration] = [:]
        for region in wanted.regions {
            for query in wanted.byRegion[region]?.queries ?? [] {
                usual[Place(region: region, key: query.key)] = query.timing.pollEvery
            }
        }
        var changes: [Change: (count: Int, rules: Set<String>)] = [:]
        for region in plans.regions {
            for query in plans.byRegion[region]?.queries ?? [] {
                guard let from = usual[Place(region: region, key: query.key)],
                    from != query.timing.pollEvery
                else { continue }
                let change = Change(
                    priority: query.priority,
                    from: from,
                    to: query.timing.pollEvery
                )
                changes[change, default: (0, [])].count += 1
                changes[change]?.rules.formUnion(query.readers.map(\.name))
            }
        }
        return changes.map { change, found in
            SlowedQueries(
                priority: change.priority,
                count: found.count,
                from: change.from,
                to: change.to,
                rules: found.rules.sorted()
            )
        }.sorted { ($1.priority, $0.from) < ($0.priority, $1.from) }
    }
}
