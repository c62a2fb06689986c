import CloudWatchIngest
import CloudWatchStandIn
import Timekeeping

/// Tells the CloudWatch stand-in what AWS would measure of the same shop.
struct ShopMetrics {
    private static let balancer = "app/shop/50dc6c495c0c9188"
    private static let targetGroup = "targetgroup/shop/73e2d6bc24d8a067"
    private static let cluster = "shop"

    let standIn: CloudWatchStandIn

    /// Records one tick of traffic.
    func record(_ requests: [ShopRequest], at time: Timestamp) {
        guard !requests.isEmpty else { return }
        balancer("TargetResponseTime", requests.map(\.seconds), time)
        balancer("RequestCount", [Double(requests.count)], time)
        for (name, range) in [
            ("HTTPCode_Target_4XX_Count", 400..<500), ("HTTPCode_Target_5XX_Count", 500..<600),
        ] {
            let count = requests.count { range.contains($0.status) }
            // Like the real one, the balancer sends a code counter only when it is not zero.
            if count > 0 { balancer(name, [Double(count)], time) }
        }
    }

    /// Records what changes slowly: hosts, nodes, the database.
    func recordResources(_ scene: Story.Scene, at time: Timestamp) {
        let load = scene.requestsPerSecond / 1000
        standIn.record(
            CloudWatchMetric(
                "AWS/ApplicationELB",
                "HealthyHostCount",
                ["LoadBalancer": Self.balancer, "TargetGroup": Self.targetGroup]
            ),
            [3],
            at: time
        )
        for (name, value) in [
            ("node_cpu_utilization", 30 + load * 60), ("node_memory_utilization", 58),
            ("cluster_node_count", 3),
        ] {
            standIn.record(
                CloudWatchMetric("ContainerInsights", name, ["ClusterName": Self.cluster]),
                [value],
                at: time
            )
        }
        for instance in ["shop-writer", "shop-reader"] {
            let values: [(String, Double)] = [
                ("CPUUtilization", 25 + scene.medianSeconds * 200),
                ("DatabaseConnections", 180 + load * 300),
                ("FreeableMemory", 9.1e9), ("EngineUptime", 86400 * 12),
            ]
            for (name, value) in values {
                database(name, instance, value, time)
            }
        }
        database("AuroraReplicaLag", "shop-reader", 18 + scene.medianSeconds * 100, time)
    }

    private func balancer(_ name: String, _ values: [Double], _ time: Timestamp) {
        standIn.record(
            CloudWatchMetric("AWS/ApplicationELB", name, ["LoadBalancer": Self.balancer]),
            values,
            at: time
        )
    }

    private func database(_ name: String, _ instance: String, _ value: Double, _ time: Timestamp) {
        standIn.record(
            CloudWatchMetric("AWS/RDS", name, ["DBInstanceIdentifier": instance]),
            [value],
            at: time
        )
    }
}
