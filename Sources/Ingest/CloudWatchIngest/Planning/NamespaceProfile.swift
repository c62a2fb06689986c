import Timekeeping

/// What is known of the metrics of a namespace: how late they settle, how often to poll, how they are keyed.
///
/// Source: the delays are from exporters' issue trackers (Atlas 1300, cloudwatch_exporter 1, telegraf 10134),
/// the dimension sets from each service's own list of metrics.
package struct NamespaceProfile: Hashable, Sendable {
    package var namespace: String
    /// Metrics whose names begin so; empty is every one.
    ///
    /// The first profile that fits a metric is taken.
    package var metricPrefix: String
    /// How long after its end a period settles.
    package var settle: Duration
    /// How far back each poll reads again.
    package var reread: Duration
    /// Polls are this many base periods apart.
    package var pollFactor: Int
    /// A period of its own, for metrics that come less often than the base period; polls come as often.
    package var ownPeriod: Duration?
    /// The only region the metrics exist in; nil is every region.
    package var homeRegion: String?
    /// Dimension sets that a selector without dimension labels means; empty is all.
    package var dimensionSets: [Set<String>]

    package init(
        _ namespace: String,
        metricPrefix: String = "",
        settle: Duration = .seconds(120),
        reread: Duration = .seconds(300),
        pollFactor: Int = 1,
        ownPeriod: Duration? = nil,
        homeRegion: String? = nil,
        dimensionSets: [Set<String>] = []
    ) {
        self.namespace = namespace
        self.metricPrefix = metricPrefix
        self.settle = settle
        self.reread = reread
        self.pollFactor = pollFactor
        self.ownPeriod = ownPeriod
        self.homeRegion = homeRegion
        self.dimensionSets = dimensionSets
    }

    /// True when the list of metrics can be cut to those of the last three hours.
    package var isRecentlyActiveOnly: Bool { ownPeriod == nil }

    /// The profiles of AWS's namespaces that alerting uses, special metrics first.
    package static let known: [NamespaceProfile] = [
        NamespaceProfile(
            "AWS/ApplicationELB",
            metricPrefix: "HealthyHostCount",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer", "TargetGroup"]]
        ),
        NamespaceProfile(
            "AWS/ApplicationELB",
            metricPrefix: "UnHealthyHostCount",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer", "TargetGroup"]]
        ),
        NamespaceProfile(
            "AWS/ApplicationELB",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer"]]
        ),
        NamespaceProfile(
            "AWS/NetworkELB",
            metricPrefix: "HealthyHostCount",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer", "TargetGroup"]]
        ),
        NamespaceProfile(
            "AWS/NetworkELB",
            metricPrefix: "UnHealthyHostCount",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer", "TargetGroup"]]
        ),
        NamespaceProfile(
            "AWS/NetworkELB",
            reread: .seconds(600),
            dimensionSets: [["LoadBalancer"]]
        ),
        NamespaceProfile("AWS/ELB", settle: .zero, dimensionSets: [["LoadBalancerName"]]),
        NamespaceProfile(
            "AWS/RDS",
            metricPrefix: "AuroraReplicaLagM",
            pollFactor: 2,
            dimensionSets: [["DBClusterIdentifier"]]
        ),
        NamespaceProfile(
            "AWS/RDS",
            metricPrefix: "Volume",
            pollFactor: 5,
            dimensionSets: [["DBClusterIdentifier"], ["DbClusterIdentifier", "EngineName"]]
        ),
        NamespaceProfile(
            "AWS/RDS",
            metricPrefix: "BackupRetentionPeriodStorageUsed",
            pollFactor: 10,
            dimensionSets: [["DBClusterIdentifier"]]
        ),
        NamespaceProfile("AWS/RDS", pollFactor: 2, dimensionSets: [["DBInstanceIdentifier"]]),
        NamespaceProfile(
            "ContainerInsights",
            metricPrefix: "node_",
            reread: .seconds(600),
            pollFactor: 5,
            dimensionSets: [["ClusterName"]]
        ),
        NamespaceProfile(
            "ContainerInsights",
            metricPrefix: "cluster_",
            reread: .seconds(600),
            pollFactor: 5,
            dimensionSets: [["ClusterName"]]
        ),
        NamespaceProfile(
            "ContainerInsights",
            metricPrefix: "namespace_",
            reread: .seconds(600),
            pollFactor: 5,
            dimensionSets: [["ClusterName", "Namespace"]]
        ),
        NamespaceProfile(
            "ContainerInsights",
            metricPrefix: "service_",
            reread: .seconds(600),
            pollFactor: 5,
            dimensionSets: [["ClusterName", "Namespace", "Service"]]
        ),
        NamespaceProfile(
            "ContainerInsights",
            metricPrefix: "pod_",
            reread: .seconds(600),
            pollFactor: 10,
            dimensionSets: [["ClusterName", "Namespace", "PodName"]]
        ),
        NamespaceProfile("ContainerInsights", reread: .seconds(600), pollFactor: 10),
        NamespaceProfile("ECS/ContainerInsights", reread: .seconds(600), pollFactor: 5),
        NamespaceProfile(
            "AWS/AutoScaling",
            settle: .seconds(60),
            pollFactor: 5,
            dimensionSets: [["AutoScalingGroupName"]]
        ),
        NamespaceProfile(
            "AWS/EKS",
            settle: .seconds(60),
            pollFactor: 5,
            dimensionSets: [["ClusterName"]]
        ),
        NamespaceProfile("AWS/EC2", pollFactor: 5, dimensionSets: [["InstanceId"]]),
        NamespaceProfile("AWS/EBS", pollFactor: 5, dimensionSets: [["VolumeId"]]),
        NamespaceProfile(
            "AWS/ECS",
            pollFactor: 2,
            dimensionSets: [["ClusterName", "ServiceName"]]
        ),
        NamespaceProfile("AWS/Lambda", dimensionSets: [["FunctionName"]]),
        NamespaceProfile("AWS/SQS", dimensionSets: [["QueueName"]]),
        NamespaceProfile("AWS/SNS", dimensionSets: [["TopicName"]]),
        NamespaceProfile("AWS/Kinesis", dimensionSets: [["StreamName"]]),
        NamespaceProfile("AWS/Firehose", pollFactor: 5, dimensionSets: [["DeliveryStreamName"]]),
        NamespaceProfile("AWS/DynamoDB"),
        NamespaceProfile("AWS/ElastiCache", pollFactor: 2),
        NamespaceProfile("AWS/ES", pollFactor: 2, dimensionSets: [["ClientId", "DomainName"]]),
        NamespaceProfile("AWS/ApiGateway"),
        NamespaceProfile("AWS/NATGateway", pollFactor: 5, dimensionSets: [["NatGatewayId"]]),
        NamespaceProfile("AWS/EFS", pollFactor: 5, dimensionSets: [["FileSystemId"]]),
        NamespaceProfile("AWS/WAFV2", pollFactor: 2),
        NamespaceProfile("AWS/Logs", pollFactor: 5),
        NamespaceProfile("AWS/Events", pollFactor: 5),
        NamespaceProfile("AWS/States", pollFactor: 2),
        NamespaceProfile("AWS/DocDB", pollFactor: 2, dimensionSets: [["DBInstanceIdentifier"]]),
        NamespaceProfile("AWS/Backup", pollFactor: 10),
        NamespaceProfile("AWS/Usage", pollFactor: 10),
        NamespaceProfile(
            "AWS/CertificateManager",
            pollFactor: 60,
            ownPeriod: .seconds(86400),
            dimensionSets: [["CertificateArn"]]
        ),
        NamespaceProfile("CWAgent", pollFactor: 5),
        NamespaceProfile(
            "AWS/CloudFront",
            homeRegion: "us-east-1",
            dimensionSets: [["DistributionId", "Region"]]
        ),
        NamespaceProfile(
            "AWS/Route53",
            settle: .seconds(60),
            homeRegion: "us-east-1",
            dimensionSets: [["HealthCheckId"]]
        ),
        NamespaceProfile(
            "AWS/Billing",
            settle: .zero,
            reread: .seconds(86400),
            ownPeriod: .seconds(6 * 3600),
            homeRegion: "us-east-1",
            dimensionSets: [["Currency"], ["Currency", "LinkedAccount"]]
        ),
    ]

    /// The first profile that fits a metric, wherever it was measured.
    package static func of(_ metric: CloudWatchMetric) -> NamespaceProfile {
        known.first {
            $0.namespace == metric.namespace && metric.name.hasPrefix($0.metricPrefix)
        } ?? .unknown(metric.namespace)
    }

    /// The profile of a namespace that nobody described.
    package static func unknown(_ namespace: String) -> NamespaceProfile {
        NamespaceProfile(namespace)
    }
}
