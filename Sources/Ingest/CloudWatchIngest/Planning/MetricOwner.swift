package import Model

/// Whose metrics are meant: what is in a series' labels beside the dimensions.
package struct MetricOwner: Hashable, Sendable {
    package var region: String
    /// Twelve digits; nil when it is not known, and then no label says it.
    package var accountID: String?

    package init(region: String, accountID: String?) {
        self.region = region
        self.accountID = accountID
    }

    /// The labels of a metric's series, name excluded.
    package func labels(of metric: CloudWatchMetric) -> LabelSet {
        SeriesNaming.labels(metric, region: region, accountID: accountID)
    }

    /// True when the metric's labels satisfy the matchers and its dimension set is one that they mean.
    ///
    /// Without labels of dimensions the usual sets are meant, so that sums do not count twice; with them every set of
    /// these and the usual ones. Labels that this source never writes are passed over: relabelling may add them.
    package func isSelected(_ metric: CloudWatchMetric, by matchers: [LabelMatcher]) -> Bool {
        let labels = labels(of: metric)
        let ours = matchers.filter {
            $0.name.hasPrefix(SeriesNaming.dimensionPrefix) || $0.name == "region"
                || ($0.name == "account_id" && accountID != nil)
        }
        guard ours.allSatisfy({ $0.matches(labels) }) else { return false }
        let usual = NamespaceProfile.of(metric).dimensionSets
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
}
