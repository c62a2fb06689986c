package import Timekeeping

/// The metrics that exist, by namespace, as ListMetrics last gave them.
package struct MetricCatalogue: Sendable {
    private struct Listing {
        var metrics: Set<CloudWatchMetric> = []
        var nextAt: Timestamp
        var isKnown = false
    }

    private var listings: [String: Listing] = [:]

    package init() {}

    /// The namespaces of `needed` whose list is missing or due for renewal.
    package func due(_ needed: some Sequence<String>, at now: Timestamp) -> [String] {
        needed.filter { listings[$0].map { $0.nextAt <= now } ?? true }.sorted()
    }

    /// Takes a namespace's new list.
    package mutating func listed(
        _ namespace: String,
        _ metrics: Set<CloudWatchMetric>,
        nextAt: Timestamp
    ) {
        listings[namespace] = Listing(metrics: metrics, nextAt: nextAt, isKnown: true)
    }

    /// A list could not be had: the old one stays until the next try.
    package mutating func failed(_ namespace: String, nextAt: Timestamp) {
        listings[namespace, default: Listing(nextAt: nextAt)].nextAt = nextAt
    }

    /// Those of `needed` of which no list could be had yet.
    package func unlisted(_ needed: Set<String>) -> Set<String> {
        needed.filter { listings[$0]?.isKnown != true }
    }

    /// When the first of `needed` is due; nil when none is needed.
    package func nextDue(_ needed: some Sequence<String>) -> Timestamp? {
        needed.map { listings[$0]?.nextAt ?? .distantPast }.min()
    }

    /// Every listed metric and the load balancer counters that are not listed while they are silent.
    package var metrics: Set<CloudWatchMetric> {
        var all: Set<CloudWatchMetric> = []
        for listing in listings.values { all.formUnion(listing.metrics) }
        return all.union(LoadBalancerZeros.unlisted(beside: all))
    }
}
