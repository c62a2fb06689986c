package import Model
import Timekeeping

/// What a source asks of CloudWatch, and what it had to leave out.
package struct PollPlan: Sendable {
    package var queries: [PlannedQuery]
    /// Queries left out by a limit.
    package var leftOut: Int
    /// What is wrong, in words that say how to mend it: something that rules need is not watched.
    package var advice: [String]
    /// Requests of ListMetrics in 30 days.
    package var listRequestsPerMonth = 0.0

    package init(
        queries: [PlannedQuery] = [],
        leftOut: Int = 0,
        advice: [String] = []
    ) {
        self.queries = queries
        self.leftOut = leftOut
        self.advice = advice
    }
}

/// Turns what the loaded rules select into queries for the metrics that exist: those and no others.
package struct PollPlanner: Sendable {
    private let table: NamespaceTable
    private let settings: CloudWatchSettings
    private let region: String
    private let accountID: String?

    package init(
        table: NamespaceTable,
        settings: CloudWatchSettings,
        region: String,
        accountID: String?
    ) {
        self.table = table
        self.settings = settings
        self.region = region
        self.accountID = accountID
    }

    /// The namespaces whose metrics the needs may mean.
    package func namespaces(of needs: [SelectorNeed]) -> Set<String> {
        var found: Set<String> = []
        for need in needs {
            guard let text = NeedIndex.nameText(of: need) else { continue }
            found.formUnion(
                need.metricName == nil
                    ? table.namespaces(whosePrefixIsIn: text) : table.namespaces(ofSeries: text)
            )
        }
        return found
    }

    /// The plan for `needs` over the metrics that exist.
    package func plan(_ needs: [SelectorNeed], over metrics: Set<CloudWatchMetric>) -> PollPlan {
        var queries: [QueryKey: PlannedQuery] = [:]
        var unknown: Set<String> = []
        for need in needs {
            guard let name = need.metricName, NeedIndex.nameText(of: need) != nil,
                !table.isKnown(name)
            else { continue }
            unknown.insert(name)
        }
        let index = NeedIndex(needs)
        let owner = MetricOwner(region: region, accountID: accountID)
        // Resources share their metrics' names.
        var wanted: [CloudWatchMetric: [NeedIndex.Wanted]] = [:]
        for metric in metrics {
            let named = CloudWatchMetric(metric.namespace, metric.name, [:])
            let found =
                wanted[named]
                ?? index.wanted(namespace: metric.namespace, metric: metric.name)
            wanted[named] = found
            for one in found {
                let need = needs[one.need]
                guard owner.isSelected(metric, by: need.matchers) else { continue }
                add(metric, one.statistic, name: one.name, for: need, to: &queries)
            }
        }
        for query in Array(queries.values) {
            guard let companion = LoadBalancerZeros.companion(of: query.key) else { continue }
            var counter =
                queries[companion]
                ?? PlannedQuery(
                    key: companion,
                    timing: query.timing,
                    names: [],
                    reach: query.reach
                )
            // Whoever reads the counter needs its companion as much.
            counter.readers.formUnion(query.readers)
            queries[companion] = counter
        }
        // Counters that are compared with each other are read over one range.
        var reaches: [LoadBalancerZeros.Group: Duration] = [:]
        for (key, query) in queries {
            guard let group = LoadBalancerZeros.group(of: key) else { continue }
            reaches[group] = max(reaches[group] ?? .zero, query.reach)
        }
        for key in Array(queries.keys) {
            guard let group = LoadBalancerZeros.group(of: key), let reach = reaches[group] else {
                continue
            }
            queries[key]?.reach = reach
        }
        var plan = PollPlan(
            queries: queries.values.sorted { $0.key.description < $1.key.description }
        )
        if !unknown.isEmpty, region == settings.regions.first {
            plan.advice.append(
                "no known namespace has the metric \(unknown.sorted().joined(separator: ", ")); "
                    + "add its namespace to sources.cloudwatch namespaces"
            )
        }
        return limited(plan)
    }

    private func add(
        _ metric: CloudWatchMetric,
        _ statistic: CloudWatchStatistic,
        name: String,
        for need: SelectorNeed,
        to queries: inout [QueryKey: PlannedQuery]
    ) {
        let timing = table.timing(of: table.profile(of: metric))
        let key = QueryKey(metric: metric, statistic: statistic, period: timing.period)
        var query =
            queries[key] ?? PlannedQuery(key: key, timing: timing, names: [], reach: .zero)
        query.names.insert(name)
        query.reach = max(query.reach, need.reach)
        query.readers.formUnion(need.readers)
        queries[key] = query
    }

    private func limited(_ plan: PollPlan) -> PollPlan {
        var plan = plan
        if plan.queries.count > settings.queriesMax {
            plan.leftOut = plan.queries.count - settings.queriesMax
            plan.advice.append(
                "the rules need \(plan.queries.count) metrics in \(region), limit \(settings.queriesMax); "
                    + "narrow selectors with dimension_ labels or raise sources.cloudwatch queries_max"
            )
            // What matters least is left out.
            plan.queries.sort {
                ($0.priority, $0.key.description) < ($1.priority, $1.key.description)
            }
            plan.queries.removeLast(plan.leftOut)
            plan.queries.sort { $0.key.description < $1.key.description }
        }
        return plan
    }
}
