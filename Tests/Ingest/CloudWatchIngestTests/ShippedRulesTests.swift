import CloudWatchIngest
import Foundation
import Model
import Rules
import Testing
import Timekeeping

/// What the shipped rules ask of CloudWatch in a small real account, and what that costs.
@Suite struct ShippedRulesTests {
    /// One load balancer, three nodes, twenty workloads, two Aurora instances, one Auto Scaling group.
    static let environment = ReferenceEnvironment().regional
    /// Billing of three accounts and two health checks, which live in us-east-1.
    static let home = ReferenceEnvironment().home

    private static func needs() throws -> [SelectorNeed] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let rules = try RuleLoader.load(paths: [root.appending(path: "AlertRules").path])
        return try rules.selectorNeeds.filter { $0.metricName?.hasPrefix("aws_") ?? false }
    }

    private static func plan(
        _ needs: [SelectorNeed],
        region: String,
        homeOnly: Bool,
        budget: Double?
    ) -> PollPlan {
        var settings = CloudWatchSettings(regions: ["eu-west-1"])
        settings.budgetDollarsPerMonth = budget
        let listed = homeOnly ? home : environment
        return PollPlanner(
            table: NamespaceTable(settings: settings, region: region, homeOnly: homeOnly),
            settings: settings,
            region: region,
            accountID: nil
        ).plan(needs, over: listed.union(LoadBalancerZeros.unlisted(beside: listed)))
    }

    @Test func everySelectorFindsItsMetricsAndTheBillIsSmall() throws {
        let needs = try Self.needs()
        #expect(needs.count > 15)
        let near = Self.plan(needs, region: "eu-west-1", homeOnly: false, budget: nil)
        // Limits are looked up, not asked of CloudWatch.
        let lookedUp = Set(LimitReading.Kind.allCases.map(\.rawValue))
        for need in needs where !lookedUp.contains(need.metricName ?? "") {
            let alone =
                Self.plan([need], region: "eu-west-1", homeOnly: false, budget: nil).queries
                + Self.plan([need], region: "us-east-1", homeOnly: true, budget: nil).queries
            #expect(!alone.isEmpty, "\(need.matchers) finds nothing")
        }
        #expect(near.advice.isEmpty)
        // The default budget of $20 slows nothing.
        let kept = Self.plan(needs, region: "eu-west-1", homeOnly: false, budget: 20)
        #expect(kept.queries == near.queries)
        #expect(kept.advice.isEmpty)
    }

    /// The promise: under $10 a month, whichever call is used.
    @Test(arguments: [true, false])
    func theBillOfTheReferenceEnvironmentIsSmall(usingStatistics: Bool) throws {
        let report = CostEstimate.account(
            try Self.needs(),
            CloudWatchSettings(regions: ["eu-west-1"], usesMetricStatistics: usingStatistics),
            in: ReferenceEnvironment(),
            named: "reference",
            at: Timestamp(year: 2026, month: 11, day: 24)
        )
        for one in report.namespaces {
            print("\(one.namespace): \(one.metrics) metrics, \(DollarText.text(one.usdPerMonth))")
        }
        print(
            "shipped rules, \(ReferenceEnvironment().description): "
                + "\(DollarText.text(report.planUsdPerMonth)) a month"
        )
        #expect(report.state == "ok")
        #expect(report.planUsdPerMonth <= 10)
        #expect(report.regions == ["eu-west-1", "us-east-1"])
        // What is shown adds up, three ways.
        for sum in [
            report.rules.reduce(0) { $0 + $1.usdPerMonth },
            report.metrics.reduce(0) { $0 + $1.usdPerMonth },
            report.namespaces.reduce(0) { $0 + $1.usdPerMonth },
            report.calls.reduce(0) { $0 + $1.usdPerMonth },
        ] {
            #expect(abs(sum - report.planUsdPerMonth) < 1e-6)
        }
        // An outage of the API matters most, a restart of a pod less.
        let priorities = Dictionary(
            report.rules.map { ($0.rule, $0.priority) },
            uniquingKeysWith: { $1 }
        )
        #expect(priorities["app/APIDead"] == "P1")
        #expect(priorities["db/DBDown"] == "P1")
        #expect(priorities["infra/PodRestarts"] == "P2")
    }
}
