package import Model
import Telemetry
package import Timekeeping

/// What rules would cost in an environment, worked out without asking AWS.
package enum CostEstimate {
    /// - Parameters:
    ///   - needs: What the rules select.
    ///   - settings: One entry of `sources.cloudwatch`.
    ///   - environment: What CloudWatch would list in each of the entry's regions.
    ///   - account: Its name in the report.
    ///   - now: The month of the report, of which nothing is spent.
    /// - Returns: The account's report, with the month's whole price as its forecast.
    package static func account(
        _ needs: [SelectorNeed],
        _ settings: CloudWatchSettings,
        in environment: ReferenceEnvironment,
        named account: String,
        at now: Timestamp
    ) -> CostReport.Account {
        let names = needs.compactMap(NeedIndex.nameText)
        let regions = settings.regions.isEmpty ? ["eu-west-1"] : settings.regions
        var settings = settings
        settings.regions = regions
        let homes = NamespaceTable.homeRegions(of: names, beyond: regions)
        let cost = AccountCost(
            account: account,
            settings: settings,
            isBilled: true,
            store: nil,
            clock: FixedClock(moment: SpendMonth(containing: now).start),
            log: .silent
        )
        for region in regions + homes.sorted() {
            let homeOnly = !regions.contains(region)
            let planner = PollPlanner(
                table: NamespaceTable(settings: settings, region: region, homeOnly: homeOnly),
                settings: settings,
                region: region,
                accountID: settings.accountID
            )
            var listed = homeOnly ? [] : environment.regional
            if region == "us-east-1" { listed.formUnion(environment.home) }
            var plan = planner.plan(
                needs,
                over: listed.union(LoadBalancerZeros.unlisted(beside: listed))
            )
            let pages = planner.namespaces(of: needs).reduce(0) { sum, namespace in
                let count = listed.filter { $0.namespace == namespace }.count
                return sum + 1 + count / CloudWatchProtocol.metricsPerPageMax
            }
            plan.listRequestsPerMonth =
                Double(pages) * PlanPrice.monthSeconds
                / max(1, settings.catalogueRefresh.inSeconds)
            _ = cost.settle(region, plan, at: SpendMonth(containing: now).start)
        }
        return cost.report(at: SpendMonth(containing: now).start)
    }

    private struct FixedClock: WallClock {
        var moment: Timestamp

        func now() -> Timestamp { moment }
    }
}
