import Timekeeping

/// The namespaces that a source may ask in one region, and how the settings change their profiles.
package struct NamespaceTable: Sendable {
    private let profiles: [NamespaceProfile]
    private let settings: CloudWatchSettings
    /// Namespace by the start of its series names.
    private let namespaces: [(prefix: String, namespace: String)]

    /// - Parameters:
    ///   - settings: Periods, delays and further namespaces.
    ///   - region: Namespaces of another home region are left out.
    ///   - homeOnly: True to keep only the namespaces whose home is `region`.
    package init(settings: CloudWatchSettings, region: String, homeOnly: Bool = false) {
        self.settings = settings
        let known = Set(NamespaceProfile.known.map(\.namespace))
        let further = settings.namespaces.filter { !known.contains($0) }
        profiles = (NamespaceProfile.known + further.map(NamespaceProfile.unknown)).filter {
            homeOnly ? $0.homeRegion == region : $0.homeRegion == nil || $0.homeRegion == region
        }
        var seen: Set<String> = []
        namespaces = profiles.map(\.namespace).filter { seen.insert($0).inserted }
            .map { (SeriesNaming.prefix(ofNamespace: $0), $0) }
    }

    /// The namespaces a series name may belong to; empty when none is known.
    package func namespaces(ofSeries name: String) -> [String] {
        namespaces.filter { name.hasPrefix($0.prefix) }.map(\.namespace)
    }

    /// True when the namespace of a series is known, though it may be asked in another region.
    package func isKnown(_ name: String) -> Bool {
        (NamespaceProfile.known.map(\.namespace) + settings.namespaces).contains {
            name.hasPrefix(SeriesNaming.prefix(ofNamespace: $0))
        }
    }

    /// The namespaces one of whose series prefixes stands in a regular expression.
    package func namespaces(whosePrefixIsIn text: String) -> [String] {
        namespaces.filter { text.contains($0.prefix) }.map(\.namespace)
    }

    /// The first profile that fits a metric.
    package func profile(of metric: CloudWatchMetric) -> NamespaceProfile {
        profiles.first {
            $0.namespace == metric.namespace && metric.name.hasPrefix($0.metricPrefix)
        } ?? .unknown(metric.namespace)
    }

    /// True when only metrics of the last three hours need to be listed.
    package func isRecentlyActiveOnly(_ namespace: String) -> Bool {
        profiles.filter { $0.namespace == namespace }.allSatisfy(\.isRecentlyActiveOnly)
    }

    /// Period and pace of a metric under the settings.
    package func timing(of profile: NamespaceProfile) -> PollTiming {
        let period = profile.ownPeriod ?? settings.period
        // Ten minutes are ten points of a minute; of shorter periods as many points are read again.
        let reread =
            period < .seconds(60) ? profile.reread * (period / .seconds(60)) : profile.reread
        return PollTiming(
            period: period,
            pollEvery: profile.ownPeriod ?? settings.period * profile.pollFactor,
            settle: profile.ownPeriod == nil ? settings.delay ?? profile.settle : profile.settle,
            reread: max(settings.reread ?? reread, period)
        )
    }

    /// The home regions that the needs ask for beyond `regions`.
    package static func homeRegions(
        of needs: [String],
        beyond regions: [String]
    ) -> Set<String> {
        // Other partitions have no us-east-1.
        guard regions.contains(where: { !$0.hasPrefix("cn-") && !$0.hasPrefix("us-gov-") }) else {
            return []
        }
        var found: Set<String> = []
        for profile in NamespaceProfile.known {
            guard let home = profile.homeRegion, !regions.contains(home) else { continue }
            let prefix = SeriesNaming.prefix(ofNamespace: profile.namespace)
            if needs.contains(where: { $0.contains(prefix) }) { found.insert(home) }
        }
        return found
    }
}

/// How a metric is read over time.
package struct PollTiming: Hashable, Sendable {
    /// Length of a data point.
    package var period: Duration
    /// Time between two polls.
    package var pollEvery: Duration
    /// Time between two polls where the budget slows nothing.
    package let usualEvery: Duration
    /// How long after its end a period counts.
    package var settle: Duration
    /// How far back every poll reads again.
    package var reread: Duration

    package init(period: Duration, pollEvery: Duration, settle: Duration, reread: Duration) {
        self.period = period
        self.pollEvery = pollEvery
        usualEvery = pollEvery
        self.settle = settle
        self.reread = reread
    }
}
