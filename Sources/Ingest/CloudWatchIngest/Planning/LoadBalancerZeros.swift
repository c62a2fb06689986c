package import Model
package import Timekeeping

/// Zeros for the counters of an Application Load Balancer, which are silent when they are zero.
///
/// CloudWatch has no `HTTPCode_Target_5XX_Count` for a minute without 5xx, and no `RequestCount` for a minute
/// in which no request reached a target. A minute in which any of these counters has a point had traffic:
/// the others were 0 then. A minute without any point had no traffic, and stays empty.
package enum LoadBalancerZeros {
    package static let namespace = "AWS/ApplicationELB"
    package static let requestCount = "RequestCount"
    /// Answers of targets; kept under every dimension set of `RequestCount`.
    package static let targetCounters = [2, 3, 4, 5].map { "HTTPCode_Target_\($0)XX_Count" }
    /// Answers of the load balancer itself; never kept by target group.
    package static let balancerCounters =
        ["3XX", "4XX", "5XX", "500", "502", "503", "504"].map { "HTTPCode_ELB_\($0)_Count" }

    private static let counters = Set(targetCounters + balancerCounters + [requestCount])

    /// True for a counter that may be silent when it is zero.
    package static func isSilentWhenZero(_ key: QueryKey) -> Bool {
        key.metric.namespace == namespace && counters.contains(key.metric.name)
            && key.statistic == .plain(.sum)
    }

    /// Counters that exist for the load balancers of `listed` although CloudWatch may not list them.
    ///
    /// They are asked for all the same: a counter that is listed 15 minutes late must not read as 0 until then.
    package static func unlisted(
        beside listed: some Sequence<CloudWatchMetric>
    ) -> Set<CloudWatchMetric> {
        var found: Set<CloudWatchMetric> = []
        for metric in listed
        where metric.namespace == namespace && counters.contains(metric.name)
            && metric.dimensionNames.contains("LoadBalancer")
        {
            let names =
                metric.dimensionNames.contains("TargetGroup")
                ? targetCounters : targetCounters + balancerCounters
            for name in names + [requestCount] { found.insert(metric.renamed(name)) }
        }
        return found
    }

    /// The companion that tells zero from silence for a planned counter; nil for others.
    package static func companion(of key: QueryKey) -> QueryKey? {
        guard isSilentWhenZero(key), key.metric.name != requestCount else { return nil }
        var companion = key
        companion.metric = key.metric.renamed(requestCount)
        return companion
    }

    /// The counters of one load balancer that are compared with each other.
    package struct Group: Hashable, Sendable {
        var dimensions: [CloudWatchMetric.Dimension]
        var period: Duration
    }

    /// The group of a counter; nil for other metrics.
    package static func group(of key: QueryKey) -> Group? {
        guard isSilentWhenZero(key) else { return nil }
        return Group(dimensions: key.metric.dimensions, period: key.period)
    }

    /// The zeros that the results of one poll call for.
    ///
    /// - Parameter results: Complete results only, of ranges with one end; each with where its range begins.
    /// - Returns: Samples of value 0 by query, oldest first.
    package static func zeros(
        in results: [QueryKey: (start: Timestamp, samples: [Sample])]
    ) -> [QueryKey: [Sample]] {
        var groups: [Group: [QueryKey]] = [:]
        for key in results.keys {
            if let group = group(of: key) { groups[group, default: []].append(key) }
        }
        var zeros: [QueryKey: [Sample]] = [:]
        for keys in groups.values where keys.count > 1 {
            func times(_ isWanted: (String) -> Bool) -> Set<Timestamp> {
                keys.filter { isWanted($0.metric.name) }
                    .reduce(into: []) {
                        $0.formUnion((results[$1]?.samples ?? []).map(\.timestamp))
                    }
            }
            let busy = times { _ in true }
            // Targets that answered were asked: then a missing RequestCount is late, not zero.
            let answered = times { targetCounters.contains($0) }
            for key in keys {
                guard let result = results[key] else { continue }
                let possible = key.metric.name == requestCount ? busy.subtracting(answered) : busy
                let missing = possible.subtracting(result.samples.map(\.timestamp))
                    .filter { $0 >= result.start }
                guard !missing.isEmpty else { continue }
                zeros[key] = missing.sorted().map { Sample($0, 0) }
            }
        }
        return zeros
    }
}
