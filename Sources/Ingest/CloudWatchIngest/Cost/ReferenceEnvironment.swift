/// An account as CloudWatch lists it, to price rules without asking AWS: each metric under all of its dimension
/// sets, so that what a selector must not pull is there too.
package struct ReferenceEnvironment: Hashable, Sendable {
    /// Application Load Balancers, each with one target group in two zones.
    package var balancers = 1
    /// Nodes of one EKS cluster with Container Insights.
    package var nodes = 3
    /// Workloads in it.
    package var workloads = 20
    /// Aurora instances of one cluster.
    package var databases = 2
    /// Auto Scaling groups with group metrics.
    package var groups = 1
    /// Accounts that Billing reports.
    package var accounts = 3
    /// Route 53 health checks.
    package var healthChecks = 2

    package init() {}

    /// `1 load balancer, 3 nodes, ...`.
    package var description: String {
        [
            count(balancers, "load balancer"), count(nodes, "node"), count(workloads, "workload"),
            count(databases, "Aurora instance"), count(groups, "Auto Scaling group"),
        ].joined(separator: ", ") + " in each region"
    }

    /// What there is in us-east-1 alone.
    package var homeDescription: String {
        "\(count(accounts, "billed account")), \(count(healthChecks, "health check")) in us-east-1"
    }

    private func count(_ number: Int, _ one: String) -> String {
        "\(number) \(one)\(number == 1 ? "" : "s")"
    }

    /// The names that `init(text:)` takes, in the order of the properties.
    package static let names = [
        "balancers", "nodes", "workloads", "databases", "groups", "accounts", "health_checks",
    ]

    /// Reads `nodes=10,workloads=80`.
    ///
    /// What is not named keeps its default. Nil when a part is neither.
    package init?(text: String) {
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, let number = Int(sides[1]), (0...10_000).contains(number) else {
                return nil
            }
            switch sides[0].trimmingSpaces {
            case "balancers": balancers = number
            case "nodes": nodes = number
            case "workloads": workloads = number
            case "databases": databases = number
            case "groups": groups = number
            case "accounts": accounts = number
            case "health_checks": healthChecks = number
            default: return nil
            }
        }
    }

    /// The metrics of the account's own region.
    package var regional: Set<CloudWatchMetric> {
        var list = MetricList()
        for number in 1...max(1, balancers) where number <= balancers { addBalancer(number, &list) }
        addCluster(&list)
        for number in 1...max(1, databases) where number <= databases {
            list.add(
                "AWS/RDS",
                [
                    "CPUUtilization", "DatabaseConnections", "FreeableMemory", "EngineUptime",
                    "AuroraReplicaLag",
                ],
                [
                    [.init("DBInstanceIdentifier", "aurora-\(number)")],
                    [.init("DBClusterIdentifier", "aurora")], [],
                ]
            )
        }
        for number in 1...max(1, groups) where number <= groups {
            list.add(
                "AWS/AutoScaling",
                [
                    "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
                    "GroupDesiredCapacity",
                ],
                [[.init("AutoScalingGroupName", "nodes-\(number)")]]
            )
        }
        return list.metrics
    }

    /// The metrics that are in us-east-1 whatever the account's region.
    package var home: Set<CloudWatchMetric> {
        var list = MetricList()
        let dollars = CloudWatchMetric.Dimension("Currency", "USD")
        list.add("AWS/Billing", ["EstimatedCharges"], [[dollars]])
        for number in 1...max(1, accounts) where number <= accounts {
            let digit = String(number % 10)
            let account = CloudWatchMetric.Dimension(
                "LinkedAccount",
                String(repeating: digit, count: 12)
            )
            list.add(
                "AWS/Billing",
                ["EstimatedCharges"],
                [[dollars, account]]
                    + ["AmazonEC2", "AmazonRDS", "AmazonCloudWatch"].map {
                        [dollars, account, .init("ServiceName", $0)]
                    }
            )
        }
        for number in 1...max(1, healthChecks) where number <= healthChecks {
            list.add("AWS/Route53", ["HealthCheckStatus"], [[.init("HealthCheckId", "h\(number)")]])
        }
        return list.metrics
    }

    private func addBalancer(_ number: Int, _ list: inout MetricList) {
        let balancer = CloudWatchMetric.Dimension("LoadBalancer", "app/web-\(number)/50dc6c495c0c")
        let zones = ["a", "b"].map {
            CloudWatchMetric.Dimension("AvailabilityZone", "eu-west-1\($0)")
        }
        let group = CloudWatchMetric.Dimension("TargetGroup", "targetgroup/web-\(number)/73e2d6bc")
        let byGroup = [[balancer, group]] + zones.map { [balancer, group, $0] }
        let byBalancer = [[balancer]] + zones.map { [balancer, $0] }
        let namespace = "AWS/ApplicationELB"
        list.add(
            namespace,
            ["TargetResponseTime", "RequestCount", "HTTPCode_Target_2XX_Count"],
            byBalancer + byGroup
        )
        list.add(namespace, ["ActiveConnectionCount", "HTTPCode_ELB_4XX_Count"], byBalancer)
        list.add(namespace, ["HealthyHostCount", "UnHealthyHostCount"], byGroup)
    }

    private func addCluster(_ list: inout MetricList) {
        guard nodes > 0 || workloads > 0 else { return }
        let cluster = CloudWatchMetric.Dimension("ClusterName", "prod")
        let byNode = (0..<nodes).map {
            [
                cluster, CloudWatchMetric.Dimension("NodeName", "n\($0)"),
                CloudWatchMetric.Dimension("InstanceId", "i-\($0)"),
            ]
        }
        list.add(
            "ContainerInsights",
            ["node_cpu_utilization", "node_memory_utilization", "node_filesystem_utilization"],
            [[cluster]] + byNode
        )
        list.add(
            "ContainerInsights",
            ["cluster_node_count", "cluster_failed_node_count"],
            [[cluster]]
        )
        let namespace = CloudWatchMetric.Dimension("Namespace", "web")
        let pods = (0..<workloads).map {
            [cluster, namespace, CloudWatchMetric.Dimension("PodName", "workload-\($0)")]
        }
        list.add(
            "ContainerInsights",
            [
                "pod_cpu_utilization_over_pod_limit", "pod_memory_utilization_over_pod_limit",
                "pod_number_of_container_restarts", "pod_cpu_utilization",
            ],
            [[cluster], [cluster, namespace]] + pods
        )
    }
}

/// Metrics as they are listed: every name under every dimension set.
private struct MetricList {
    var metrics: Set<CloudWatchMetric> = []

    mutating func add(
        _ namespace: String,
        _ names: [String],
        _ sets: [[CloudWatchMetric.Dimension]]
    ) {
        for name in names {
            for set in sets {
                metrics.insert(CloudWatchMetric(namespace: namespace, name: name, dimensions: set))
            }
        }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        drop { $0 == " " }
    }
}
