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

    /// Statistics tried for a selector that names its metric by a regular expression.
    package static let statisticsOfPatterns: [CloudWatchStatistic] =
        CloudWatchStatistic.Plain.allCases.map { .plain($0) }
        + ["50", "90", "95", "99", "99.9"].map { .upTo(.percentile, $0) }

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

    /// The text of a need that names its metric: a name or the expression of one; nil when it is none of ours.
    package static func nameText(of need: SelectorNeed) -> String? {
        if let name = need.metricName { return name.hasPrefix("aws_") ? name : nil }
        return need.matchers.first { $0.name == LabelSet.metricName && $0.operation == .matches }?
            .value
    }

    /// The namespaces whose metrics the needs may mean.
    package func namespaces(of needs: [SelectorNeed]) -> Set<String> {
        var found: Set<String> = []
        for need in needs {
            guard let text = Self.nameText(of: need) else { continue }
            found.formUnion(
                need.metricName == nil
                    ? table.namespaces(whosePrefixIsIn: text) : table.namespaces(ofSeries: text)
            )
        }
        return found
    }

    /// The plan for `needs` over the metrics that exist.
    package func plan(_ needs: [SelectorNeed], over metrics: Set<CloudWatchMetric>) -> PollPlan {
        var byStem: [String: [CloudWatchMetric]] = [:]
        for metric in metrics {
            for stem in SeriesNaming.stems(namespace: metric.namespace, metric: metric.name) {
                byStem[stem, default: []].append(metric)
            }
        }
        var queries: [QueryKey: PlannedQuery] = [:]
        var unknown: Set<String> = []
        for need in needs {
            guard let text = Self.nameText(of: need) else { continue }
            if need.metricName != nil, !table.isKnown(text) {
                unknown.insert(text)
                continue
            }
            let wanted =
                need.metricName.map { self.wanted(name: $0, byStem) }
                ?? self.wanted(by: need, byStem)
            for one in wanted where isSelected(one.metric, by: need.matchers) {
                add(one.metric, one.statistic, name: one.name, for: need, to: &queries)
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

    private typealias Wanted = (
        metric: CloudWatchMetric, statistic: CloudWatchStatistic, name: String
    )

    /// The metrics whose stem and a statistic make up `name`.
    private func wanted(name: String, _ byStem: [String: [CloudWatchMetric]]) -> [Wanted] {
        var found: [Wanted] = []
        var end = name.endIndex
        while let underscore = name[..<end].lastIndex(of: "_") {
            end = underscore
            guard let metrics = byStem[String(name[..<underscore])],
                let statistic = CloudWatchStatistic(suffix: name[name.index(after: underscore)...])
            else { continue }
            found += metrics.map { ($0, statistic, name) }
        }
        return found
    }

    /// The metrics one of whose names satisfies the matchers on the name; one spelling each.
    private func wanted(
        by need: SelectorNeed,
        _ byStem: [String: [CloudWatchMetric]]
    ) -> [Wanted] {
        let onName = need.matchers.filter { $0.name == LabelSet.metricName }
        var found: [Wanted] = []
        var taken: Set<QueryKey> = []
        // The exporter's spelling parts more words, and so sorts first.
        for (stem, metrics) in byStem.sorted(by: { $0.key < $1.key }) {
            for statistic in Self.statisticsOfPatterns {
                let name = "\(stem)_\(statistic.suffix)"
                guard onName.allSatisfy({ $0.matches(name) }) else { continue }
                for metric in metrics
                where taken.insert(
                    QueryKey(metric: metric, statistic: statistic, period: .zero)
                ).inserted {
                    found.append((metric, statistic, name))
                }
            }
        }
        return found
    }

    /// True when the metric's labels satisfy the matchers and its dimension set is one that they mean.
    ///
    /// Labels that this source never writes are passed over: relabelling may add them.
    private func isSelected(_ metric: CloudWatchMetric, by matchers: [LabelMatcher]) -> Bool {
        let labels = SeriesNaming.labels(metric, region: region, accountID: accountID)
        let ours = matchers.filter {
            $0.name.hasPrefix(SeriesNaming.dimensionPrefix) || $0.name == "region"
                || ($0.name == "account_id" && accountID != nil)
        }
        guard ours.allSatisfy({ $0.matches(labels) }) else { return false }
        let usual = table.profile(of: metric).dimensionSets
        let names = metric.dimensionNames
        guard !usual.isEmpty, !usual.contains(names) else { return true }
        let mentioned = Set(
            names.filter { name in
                ours.contains { $0.name == SeriesNaming.dimensionPrefix + name }
            }
        )
        guard !mentioned.isEmpty else { return false }
        let rest = names.subtracting(mentioned)
        return rest.isEmpty || usual.contains { $0.subtracting(mentioned) == rest }
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
