package import CloudWatchIngest

extension CloudWatchSettings {
    /// What an entry of `sources.cloudwatch` says to the poller.
    package init(_ entry: DaemonSettings.CloudWatch) {
        self.init(
            regions: entry.regions,
            roleARN: entry.roleARN,
            externalID: entry.externalID,
            accountID: entry.accountID,
            endpoint: entry.endpoint,
            period: entry.period,
            delay: entry.delay,
            reread: entry.reread,
            budgetDollarsPerMonth: entry.budgetUSDPerMonth,
            prices: entry.prices,
            usesMetricStatistics: entry.metricStatistics,
            namespaces: entry.namespaces,
            looksUpLimits: entry.lookups,
            lookupEndpoint: entry.lookupEndpoint,
            catalogueRefresh: entry.catalogueRefresh,
            backfillMax: entry.backfillMax,
            queriesMax: entry.maxMetrics
        )
    }
}

extension [DaemonSettings.CloudWatch] {
    /// A name for the costs of each entry: its account's number, `own` without one, and which of several.
    package var accountNames: [String] {
        var seen: [String: Int] = [:]
        return map { entry in
            let name =
                entry.roleARN.flatMap { CloudWatchIngest.accountID(ofARN: $0) } ?? entry.accountID
                ?? "own"
            seen[name, default: 0] += 1
            let count = seen[name] ?? 1
            return count == 1 ? name : "\(name)#\(count)"
        }
    }
}
