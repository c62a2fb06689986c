import CloudWatchIngest
import Model
import Testing
import Timekeeping

/// What is asked for the selectors of loaded rules.
@Suite struct PollPlannerTests {
    static let alb: [CloudWatchMetric.Dimension] = [.init("LoadBalancer", "app/web/1")]
    static let zone = CloudWatchMetric.Dimension("AvailabilityZone", "eu-west-1a")
    static let group = CloudWatchMetric.Dimension("TargetGroup", "targetgroup/api/2")

    static func metric(
        _ name: String,
        _ dimensions: [CloudWatchMetric.Dimension],
        in namespace: String = "AWS/ApplicationELB"
    ) -> CloudWatchMetric {
        CloudWatchMetric(namespace: namespace, name: name, dimensions: dimensions)
    }

    static let listed: Set<CloudWatchMetric> = {
        var all: Set<CloudWatchMetric> = []
        for name in ["TargetResponseTime", "RequestCount", "HTTPCode_Target_2XX_Count"] {
            for dimensions in [alb, alb + [zone], alb + [group], alb + [group, zone]] {
                all.insert(metric(name, dimensions))
            }
        }
        all.insert(metric("HealthyHostCount", alb + [group]))
        all.insert(metric("RequestCount", [.init("LoadBalancer", "app/other/9")]))
        for database in ["db-1", "db-2"] {
            for name in ["CPUUtilization", "DatabaseConnections"] {
                all.insert(metric(name, [.init("DBInstanceIdentifier", database)], in: "AWS/RDS"))
            }
        }
        all.insert(
            metric("CPUUtilization", [.init("DBClusterIdentifier", "cluster")], in: "AWS/RDS")
        )
        all.insert(metric("CPUUtilization", [], in: "AWS/RDS"))
        all.insert(metric("CPUUtilization", [.init("InstanceId", "i-1")], in: "AWS/EC2"))
        let cluster = CloudWatchMetric.Dimension("ClusterName", "prod")
        all.insert(metric("node_cpu_utilization", [cluster], in: "ContainerInsights"))
        for node in ["n1", "n2"] {
            all.insert(
                metric(
                    "node_cpu_utilization",
                    [cluster, .init("NodeName", node), .init("InstanceId", "i-\(node)")],
                    in: "ContainerInsights"
                )
            )
        }
        return all
    }()

    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var selector: [LabelMatcher]
        /// `LoadBalancer=.. Stat`, sorted.
        var wanted: [String]
        var testDescription: String { name }
    }

    static func matchers(
        _ name: String,
        _ labels: (String, LabelMatcher.Operation, String)...
    )
        -> [LabelMatcher]
    {
        [LabelMatcher(LabelSet.metricName, equals: name)]
            + labels.compactMap { try? LabelMatcher($0.0, $0.1, $0.2) }
    }

    static let cases = [
        Case(
            name: "the usual dimension set without dimension labels",
            selector: matchers("aws_applicationelb_target_response_time_p99"),
            wanted: ["TargetResponseTime p99 LoadBalancer=app/web/1"]
        ),
        Case(
            name: "a percentile rank",
            selector: matchers("aws_applicationelb_target_response_time_pr_le_0_5"),
            wanted: ["TargetResponseTime PR(:0.5) LoadBalancer=app/web/1"]
        ),
        Case(
            name: "every load balancer",
            selector: matchers("aws_applicationelb_request_count_sum"),
            wanted: [
                "RequestCount Sum LoadBalancer=app/other/9",
                "RequestCount Sum LoadBalancer=app/web/1",
            ]
        ),
        Case(
            name: "one load balancer",
            selector: matchers(
                "aws_applicationelb_request_count_sum",
                ("dimension_LoadBalancer", .equal, "app/web/1")
            ),
            wanted: ["RequestCount Sum LoadBalancer=app/web/1"]
        ),
        Case(
            name: "by target group",
            selector: matchers(
                "aws_applicationelb_target_response_time_p99",
                ("dimension_TargetGroup", .notEqual, "")
            ),
            wanted: ["TargetResponseTime p99 LoadBalancer=app/web/1,TargetGroup=targetgroup/api/2"]
        ),
        Case(
            name: "an empty dimension means its absence",
            selector: matchers(
                "aws_applicationelb_target_response_time_p99",
                ("dimension_TargetGroup", .equal, ""),
                ("dimension_AvailabilityZone", .equal, "")
            ),
            wanted: ["TargetResponseTime p99 LoadBalancer=app/web/1"]
        ),
        Case(
            name: "a metric with a usual set of its own",
            selector: matchers("aws_applicationelb_healthy_host_count_minimum"),
            wanted: [
                "HealthyHostCount Minimum LoadBalancer=app/web/1,TargetGroup=targetgroup/api/2"
            ]
        ),
        Case(
            name: "database instances, not the cluster or the total",
            selector: matchers("aws_rds_cpuutilization_average"),
            wanted: [
                "CPUUtilization Average DBInstanceIdentifier=db-1",
                "CPUUtilization Average DBInstanceIdentifier=db-2",
            ]
        ),
        Case(
            name: "the cluster when it is asked for",
            selector: matchers(
                "aws_rds_cpuutilization_average",
                ("dimension_DBClusterIdentifier", .equal, "cluster")
            ),
            wanted: ["CPUUtilization Average DBClusterIdentifier=cluster"]
        ),
        Case(
            name: "a regular expression on a dimension",
            selector: matchers(
                "aws_rds_database_connections_maximum",
                ("dimension_DBInstanceIdentifier", .matches, "db-[2-9]")
            ),
            wanted: ["DatabaseConnections Maximum DBInstanceIdentifier=db-2"]
        ),
        Case(
            name: "per node",
            selector: matchers(
                "aws_containerinsights_node_cpu_utilization_average",
                ("dimension_NodeName", .notEqual, ""),
                ("dimension_InstanceId", .notEqual, "")
            ),
            wanted: [
                "node_cpu_utilization Average ClusterName=prod,InstanceId=i-n1,NodeName=n1",
                "node_cpu_utilization Average ClusterName=prod,InstanceId=i-n2,NodeName=n2",
            ]
        ),
        Case(
            name: "another region",
            selector: matchers("aws_rds_cpuutilization_average", ("region", .equal, "us-east-1")),
            wanted: []
        ),
        Case(
            name: "labels that relabelling may add are passed over",
            selector: matchers(
                "aws_rds_database_connections_average",
                ("service", .equal, "api"),
                ("dimension_DBInstanceIdentifier", .equal, "db-1")
            ),
            wanted: ["DatabaseConnections Average DBInstanceIdentifier=db-1"]
        ),
        Case(
            name: "a counter that is not listed, and its companion",
            selector: matchers(
                "aws_applicationelb_httpcode_target_5xx_count_sum",
                ("dimension_LoadBalancer", .equal, "app/other/9")
            ),
            wanted: [
                "HTTPCode_Target_5XX_Count Sum LoadBalancer=app/other/9",
                "(RequestCount Sum LoadBalancer=app/other/9)",
            ]
        ),
        Case(
            name: "the load balancer's own codes",
            selector: matchers(
                "aws_applicationelb_httpcode_elb_5_xx_count_sum",
                ("dimension_LoadBalancer", .equal, "app/other/9")
            ),
            wanted: [
                "HTTPCode_ELB_5XX_Count Sum LoadBalancer=app/other/9",
                "(RequestCount Sum LoadBalancer=app/other/9)",
            ]
        ),
        Case(name: "no such metric", selector: matchers("aws_rds_nothing_average"), wanted: []),
        Case(name: "no statistic", selector: matchers("aws_rds_cpuutilization"), wanted: []),
        Case(
            name: "a series of somebody else",
            selector: matchers("node_cpu_seconds_total"),
            wanted: []
        ),
        Case(
            name: "no name at all",
            selector: [LabelMatcher("region", equals: "eu-west-1")],
            wanted: []
        ),
    ]

    static func planner(
        _ settings: CloudWatchSettings = .init(regions: ["eu-west-1"]),
        account: String? = nil
    )
        -> PollPlanner
    {
        PollPlanner(
            table: NamespaceTable(settings: settings, region: "eu-west-1"),
            settings: settings,
            region: "eu-west-1",
            accountID: account
        )
    }

    static func text(_ query: PlannedQuery) -> String {
        let dimensions = query.key.metric.dimensions.map { "\($0.name)=\($0.value)" }
        let text =
            "\(query.key.metric.name) \(query.key.statistic.cloudWatch) \(dimensions.joined(separator: ","))"
        return query.names.isEmpty ? "(\(text))" : text
    }

    static var metrics: Set<CloudWatchMetric> {
        listed.union(LoadBalancerZeros.unlisted(beside: listed))
    }

    @Test(arguments: cases) func selectorBecomesQueries(_ one: Case) {
        let need = SelectorNeed(matchers: one.selector, reach: .seconds(300))
        let plan = Self.planner().plan([need], over: Self.metrics)
        #expect(plan.queries.map(Self.text).sorted() == one.wanted.sorted())
    }

    @Test func bothSpellingsShareOneQuery() {
        let needs = ["5xx", "5_xx"].map {
            SelectorNeed(
                matchers: Self.matchers(
                    "aws_applicationelb_httpcode_target_\($0)_count_sum",
                    ("dimension_LoadBalancer", .equal, "app/other/9")
                ),
                reach: .seconds(300)
            )
        }
        let plan = Self.planner().plan(needs, over: Self.metrics)
        #expect(plan.queries.count == 2)
        #expect(
            plan.queries.first { !$0.names.isEmpty }?.names == [
                "aws_applicationelb_httpcode_target_5xx_count_sum",
                "aws_applicationelb_httpcode_target_5_xx_count_sum",
            ]
        )
    }

    @Test func aNameByRegularExpressionTakesTheExportersSpelling() throws {
        let matcher = try LabelMatcher(
            LabelSet.metricName,
            .matches,
            "aws_applicationelb_httpcode_target_(4_?xx|5_?xx)_count_sum"
        )
        let need = SelectorNeed(matchers: [matcher], reach: .seconds(300))
        #expect(Self.planner().namespaces(of: [need]) == ["AWS/ApplicationELB"])
        let plan = Self.planner().plan([need], over: Self.metrics)
        #expect(
            Set(plan.queries.flatMap(\.names)) == [
                "aws_applicationelb_httpcode_target_4_xx_count_sum",
                "aws_applicationelb_httpcode_target_5_xx_count_sum",
            ]
        )
    }

    @Test func namespacesFollowFromNames() {
        let needs = [
            "aws_rds_cpuutilization_average", "aws_containerinsights_node_cpu_utilization_average",
            "aws_ecs_containerinsights_x_sum", "aws_billing_estimated_charges_maximum", "up",
        ].map { SelectorNeed(matchers: Self.matchers($0), reach: .seconds(300)) }
        // Billing is at home in us-east-1 and asked there.
        #expect(
            Self.planner().namespaces(of: needs) == [
                "AWS/RDS", "ContainerInsights", "AWS/ECS", "ECS/ContainerInsights",
            ]
        )
        let names = needs.compactMap(NeedIndex.nameText)
        #expect(NamespaceTable.homeRegions(of: names, beyond: ["eu-west-1"]) == ["us-east-1"])
        #expect(NamespaceTable.homeRegions(of: names, beyond: ["us-east-1"]) == [])
        #expect(NamespaceTable.homeRegions(of: names, beyond: ["cn-north-1"]) == [])
        let home = NamespaceTable(settings: .init(), region: "us-east-1", homeOnly: true)
        #expect(
            home.namespaces(ofSeries: "aws_billing_estimated_charges_maximum") == ["AWS/Billing"]
        )
        #expect(home.namespaces(ofSeries: "aws_rds_cpuutilization_average") == [])
    }

    @Test func anUnknownNamespaceIsNamedWithItsRemedy() {
        let need = SelectorNeed(
            matchers: Self.matchers("aws_my_app_depth_sum"),
            reach: .seconds(300)
        )
        let plan = Self.planner().plan([need], over: Self.metrics)
        #expect(plan.advice.count == 1)
        #expect(plan.advice.first?.contains("aws_my_app_depth_sum") == true)
        #expect(plan.advice.first?.contains("namespaces") == true)
        var settings = CloudWatchSettings(regions: ["eu-west-1"])
        settings.namespaces = ["My App"]
        let metric = CloudWatchMetric("My App", "depth", ["Queue": "q"])
        let mended = Self.planner(settings).plan([need], over: [metric])
        #expect(mended.advice.isEmpty)
        #expect(mended.queries.map(\.key.metric) == [metric])
    }

    @Test func theAccountIsALabelWhenItIsKnown() {
        let need = SelectorNeed(
            matchers: Self.matchers(
                "aws_rds_cpuutilization_average",
                ("account_id", .equal, "123456789012")
            ),
            reach: .seconds(300)
        )
        #expect(
            Self.planner(account: "123456789012").plan([need], over: Self.metrics).queries.count
                == 2
        )
        #expect(
            Self.planner(account: "999999999999").plan([need], over: Self.metrics).queries.isEmpty
        )
    }

    @Test func timingFollowsNamespaceAndSettings() {
        let table = NamespaceTable(settings: .init(), region: "eu-west-1")
        func timing(_ metric: CloudWatchMetric, _ table: NamespaceTable) -> PollTiming {
            table.timing(of: table.profile(of: metric))
        }
        let pod = CloudWatchMetric("ContainerInsights", "pod_cpu_utilization", [:])
        #expect(
            timing(pod, table)
                == PollTiming(
                    period: .seconds(60),
                    pollEvery: .seconds(600),
                    settle: .seconds(120),
                    reread: .seconds(600)
                )
        )
        let billing = CloudWatchMetric("AWS/Billing", "EstimatedCharges", [:])
        let home = NamespaceTable(settings: .init(delay: .seconds(5)), region: "us-east-1")
        #expect(
            timing(billing, home)
                == PollTiming(
                    period: .seconds(21600),
                    pollEvery: .seconds(21600),
                    settle: .zero,
                    reread: .seconds(86400)
                )
        )
        let fast = NamespaceTable(
            settings: .init(period: .seconds(1), delay: .zero),
            region: "eu-west-1"
        )
        #expect(
            timing(pod, fast)
                == PollTiming(
                    period: .seconds(1),
                    pollEvery: .seconds(10),
                    settle: .zero,
                    reread: .seconds(10)
                )
        )
    }

    @Test func tooManyQueriesAreLeftOutAloud() {
        var settings = CloudWatchSettings(regions: ["eu-west-1"])
        settings.queriesMax = 1
        let need = SelectorNeed(
            matchers: Self.matchers("aws_rds_cpuutilization_average"),
            reach: .seconds(300)
        )
        let plan = Self.planner(settings).plan([need], over: Self.metrics)
        #expect(plan.queries.count == 1)
        #expect(plan.leftOut == 1)
        #expect(plan.advice.first?.contains("queries_max") == true)
    }

    @Test func whatIsLeftOutByTheLimitMattersLeast() {
        var settings = CloudWatchSettings(regions: ["eu-west-1"])
        settings.queriesMax = 2
        let needs = [
            SelectorNeed(
                matchers: Self.matchers("aws_rds_cpuutilization_average"),
                reach: .seconds(300),
                readers: [NeedReader(name: "db/CPU", priority: .p3)]
            ),
            SelectorNeed(
                matchers: Self.matchers("aws_rds_database_connections_average"),
                reach: .seconds(300),
                readers: [NeedReader(name: "db/Connections", priority: .p1)]
            ),
        ]
        let plan = Self.planner(settings).plan(needs, over: Self.metrics)
        #expect(Set(plan.queries.map(\.key.metric.name)) == ["DatabaseConnections"])
        #expect(plan.leftOut == 2)
    }

    @Test func queriesKnowWhoReadsThemAndSoDoTheirCompanions() {
        let needs = [
            SelectorNeed(
                matchers: Self.matchers("aws_applicationelb_request_count_sum"),
                reach: .seconds(300),
                readers: [NeedReader(name: "app/Spike", priority: .p4)]
            ),
            SelectorNeed(
                matchers: Self.matchers("aws_applicationelb_httpcode_target_5xx_count_sum"),
                reach: .seconds(300),
                readers: [NeedReader(name: "app/5xx", priority: .p2)]
            ),
        ]
        let listed = Self.listed.union(LoadBalancerZeros.unlisted(beside: Self.listed))
        let plan = Self.planner().plan(needs, over: listed)
        var readers: [String: Set<String>] = [:]
        for query in plan.queries {
            readers[query.key.metric.name, default: []].formUnion(query.readers.map(\.name))
        }
        #expect(readers["HTTPCode_Target_5XX_Count"] == ["app/5xx"])
        #expect(readers["RequestCount"] == ["app/Spike", "app/5xx"])
        #expect(plan.queries.allSatisfy { $0.priority <= .p4 })
    }
}
