import CloudWatchIngest
import Foundation
import Model
import Rules
import Testing
import Timekeeping

/// What the shipped rules ask of CloudWatch in a small real account, and what that costs.
@Suite struct ShippedRulesTests {
    /// One load balancer, three nodes, twenty workloads, two Aurora instances, one Auto Scaling group, as
    /// CloudWatch lists them: every metric under all of its dimension sets.
    static let environment: Set<CloudWatchMetric> = {
        typealias Dimension = CloudWatchMetric.Dimension
        var all: Set<CloudWatchMetric> = []
        func add(_ namespace: String, _ names: [String], _ sets: [[Dimension]]) {
            for name in names {
                for set in sets {
                    all.insert(CloudWatchMetric(namespace: namespace, name: name, dimensions: set))
                }
            }
        }
        let balancer = Dimension("LoadBalancer", "app/web/50dc6c495c0c9188")
        let zones = ["a", "b"].map { Dimension("AvailabilityZone", "eu-west-1\($0)") }
        let group = Dimension("TargetGroup", "targetgroup/api/73e2d6bc24d8a067")
        let byGroup = [[balancer, group]] + zones.map { [balancer, group, $0] }
        let byBalancer = [[balancer]] + zones.map { [balancer, $0] }
        add(
            "AWS/ApplicationELB",
            ["TargetResponseTime", "RequestCount", "HTTPCode_Target_2XX_Count"],
            byBalancer + byGroup
        )
        add("AWS/ApplicationELB", ["ActiveConnectionCount", "HTTPCode_ELB_4XX_Count"], byBalancer)
        add("AWS/ApplicationELB", ["HealthyHostCount", "UnHealthyHostCount"], byGroup)
        let cluster = Dimension("ClusterName", "prod")
        let nodes = ["n1", "n2", "n3"].map {
            [cluster, Dimension("NodeName", $0), Dimension("InstanceId", "i-\($0)")]
        }
        add(
            "ContainerInsights",
            ["node_cpu_utilization", "node_memory_utilization", "node_filesystem_utilization"],
            [[cluster]] + nodes
        )
        add("ContainerInsights", ["cluster_node_count", "cluster_failed_node_count"], [[cluster]])
        let pods = (0..<20).map {
            [cluster, Dimension("Namespace", "web"), Dimension("PodName", "workload-\($0)")]
        }
        add(
            "ContainerInsights",
            [
                "pod_cpu_utilization_over_pod_limit", "pod_memory_utilization_over_pod_limit",
                "pod_number_of_container_restarts", "pod_cpu_utilization",
            ],
            [[cluster], [cluster, Dimension("Namespace", "web")]] + pods
        )
        for instance in ["writer", "reader"] {
            let set = [Dimension("DBInstanceIdentifier", instance)]
            add(
                "AWS/RDS",
                [
                    "CPUUtilization", "DatabaseConnections", "FreeableMemory", "EngineUptime",
                    "AuroraReplicaLag",
                ],
                [set, [Dimension("DBClusterIdentifier", "aurora")], []]
            )
        }
        add(
            "AWS/AutoScaling",
            ["GroupInServiceInstances", "GroupMaxSize", "GroupMinSize", "GroupDesiredCapacity"],
            [[Dimension("AutoScalingGroupName", "eks-nodes")]]
        )
        return all
    }()

    /// Billing of three accounts and two health checks, which live in us-east-1.
    static let home: Set<CloudWatchMetric> = {
        var all: Set<CloudWatchMetric> = [
            CloudWatchMetric("AWS/Billing", "EstimatedCharges", ["Currency": "USD"]),
            CloudWatchMetric("AWS/Route53", "HealthCheckStatus", ["HealthCheckId": "h1"]),
            CloudWatchMetric("AWS/Route53", "HealthCheckStatus", ["HealthCheckId": "h2"]),
        ]
        for account in ["111111111111", "222222222222", "333333333333"] {
            all.insert(
                CloudWatchMetric(
                    "AWS/Billing",
                    "EstimatedCharges",
                    ["Currency": "USD", "LinkedAccount": account]
                )
            )
            for service in ["AmazonEC2", "AmazonRDS", "AmazonCloudWatch"] {
                all.insert(
                    CloudWatchMetric(
                        "AWS/Billing",
                        "EstimatedCharges",
                        ["Currency": "USD", "LinkedAccount": account, "ServiceName": service]
                    )
                )
            }
        }
        return all
    }()

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
        let home = Self.plan(needs, region: "us-east-1", homeOnly: true, budget: nil)
        for need in needs {
            let alone =
                Self.plan([need], region: "eu-west-1", homeOnly: false, budget: nil).queries
                + Self.plan([need], region: "us-east-1", homeOnly: true, budget: nil).queries
            #expect(!alone.isEmpty, "\(need.matchers) finds nothing")
        }
        #expect(near.advice.isEmpty)
        let all = near.queries + home.queries
        var byNamespace: [String: (count: Int, dollars: Double)] = [:]
        for query in all {
            byNamespace[query.key.metric.namespace, default: (0, 0)].count += 1
            byNamespace[query.key.metric.namespace, default: (0, 0)].dollars +=
                query.dollarsPerMonth
        }
        func text(_ dollars: Double) -> String { "$\((dollars * 100).rounded() / 100)" }
        for (namespace, sum) in byNamespace.sorted(by: { $0.key < $1.key }) {
            print("\(namespace): \(sum.count) metrics, \(text(sum.dollars)) a month")
        }
        let dollars = all.reduce(0) { $0 + $1.dollarsPerMonth }
        print(
            "shipped rules in the reference environment: \(all.count) metrics, \(text(dollars)) a month"
        )
        #expect(dollars <= 10)
        // The default budget of $20 stretches nothing.
        let kept = Self.plan(needs, region: "eu-west-1", homeOnly: false, budget: 20)
        #expect(kept.queries == near.queries)
        #expect(kept.advice.isEmpty && kept.notices.isEmpty)
    }
}
