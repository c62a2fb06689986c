import Model
import PromQL
import PromQLSyntax
import Rules
import TestSupport
import Testing
import Timekeeping

/// What the expressions in AlertRules answer over small made-up series, one value a minute from minute 0.
@Suite struct ShippedExpressionsTests {
    struct Series {
        var labels: LabelSet
        var values: [Double?]

        init(_ name: String, _ labels: LabelSet, _ parts: [Double?]...) {
            self.labels = labels
            self.labels[LabelSet.metricName] = name
            values = parts.flatMap { $0 }
        }
    }

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let rule: String
        let minute: Int
        let series: [Series]
        let expected: [LabelSet: Double]
        /// Relative; counters are extrapolated to the edges of their window.
        let tolerance: Double

        init(
            _ testDescription: String,
            _ rule: String,
            at minute: Int = 10,
            _ series: [Series],
            _ expected: [LabelSet: Double],
            tolerance: Double = 1e-9
        ) {
            self.testDescription = "\(rule): \(testDescription)"
            self.rule = rule
            self.minute = minute
            self.series = series
            self.expected = expected
            self.tolerance = tolerance
        }
    }

    static func flat(_ value: Double, _ count: Int = 21) -> [Double?] {
        Array(repeating: value, count: count)
    }

    static func rising(_ start: Double, by step: Double, _ count: Int = 21) -> [Double?] {
        (0..<count).map { start + step * Double($0) }
    }

    static func nothing(_ count: Int) -> [Double?] { Array(repeating: nil, count: count) }

    static let balancer: LabelSet = ["dimension_LoadBalancer": "app/x/1"]

    static func alb(_ name: String, _ values: [Double?]..., more: LabelSet = LabelSet()) -> Series {
        var series = Series("aws_applicationelb_\(name)", LabelSet(balancer.labels + more.labels))
        series.values = values.flatMap { $0 }
        return series
    }

    @Test(arguments: [
        Case("no traffic is no value", "app/HTTP5xxRate", [], [:]),
        Case(
            "a counter that is not sent is zero",
            "app/HTTP5xxRate",
            [alb("request_count_sum", flat(1000))],
            [balancer: 0]
        ),
        Case(
            "errors of the targets",
            "app/HTTP5xxRate",
            [alb("request_count_sum", flat(1000)), alb("httpcode_target_5xx_count_sum", flat(10))],
            [balancer: 0.01]
        ),
        Case(
            "errors of the load balancer are not in the requests",
            "app/HTTP5xxRate",
            [
                alb("request_count_sum", flat(900)), alb("httpcode_target_5xx_count_sum", flat(9)),
                alb("httpcode_elb_5xx_count_sum", flat(100)),
            ],
            [balancer: 0.109]
        ),
        Case(
            "nothing but errors of the load balancer is total failure",
            "app/HTTP5xxRate",
            [alb("httpcode_elb_5xx_count_sum", flat(1000))],
            [balancer: 1]
        ),
        Case(
            "one error among few requests is no alarm",
            "app/HTTP5xxRate",
            [
                alb("request_count_sum", flat(2)),
                alb("httpcode_target_5xx_count_sum", nothing(9), flat(1, 1)),
            ],
            [balancer: 0.002]
        ),
        Case(
            "the finer dimension sets do not count twice",
            "app/HTTP5xxRate",
            [
                alb("request_count_sum", flat(1000)),
                alb("request_count_sum", flat(1000), more: ["dimension_AvailabilityZone": "a"]),
                alb("httpcode_target_5xx_count_sum", flat(10)),
                alb(
                    "httpcode_target_5xx_count_sum",
                    flat(10),
                    more: ["dimension_TargetGroup": "t"]
                ),
            ],
            [balancer: 0.01]
        ),
        Case(
            "4xx alike",
            "app/HTTP4xxRate",
            [
                alb("request_count_sum", flat(900)), alb("httpcode_target_4xx_count_sum", flat(50)),
                alb("httpcode_elb_4xx_count_sum", flat(100)),
            ],
            [balancer: 0.15]
        ),
        Case(
            "judged with enough requests",
            "app/P99Latency",
            [alb("request_count_sum", flat(20)), alb("target_response_time_p99", flat(0.4))],
            [balancer: 0.4]
        ),
        Case(
            "not judged with few requests",
            "app/P99Latency",
            [alb("request_count_sum", flat(19)), alb("target_response_time_p99", flat(0.4))],
            [:]
        ),
        Case(
            "little traffic counts as the floor",
            "app/RequestSpike",
            [alb("request_count_sum", flat(1))],
            [balancer: 1000]
        ),
        Case(
            "the last target goes",
            "app/APIDead",
            [
                alb(
                    "healthy_host_count_minimum",
                    flat(2, 5),
                    flat(0),
                    more: ["dimension_TargetGroup": "t"]
                )
            ],
            [["dimension_LoadBalancer": "app/x/1", "dimension_TargetGroup": "t"]: 0]
        ),
        Case(
            "no errors in the log",
            "app-from-logs/HTTP5xxRate",
            [Series("http_requests_total", ["status": "200"], rising(0, by: 1000))],
            [[:]: 0]
        ),
        Case(
            "errors in the log",
            "app-from-logs/HTTP5xxRate",
            [
                Series("http_requests_total", ["status": "200"], rising(0, by: 990)),
                Series("http_requests_total", ["status": "502"], rising(0, by: 10)),
            ],
            [[:]: 0.01]
        ),
    ])
    func app(_ one: Case) throws { try expectAnswer(one) }

    static let a: LabelSet = ["dimension_DBInstanceIdentifier": "a"]
    static let b: LabelSet = ["dimension_DBInstanceIdentifier": "b"]
    static let uptime = "aws_rds_engine_uptime_minimum"

    @Test(arguments: [
        Case(
            "an instance's own limit, else the general one",
            "db/DBConnections",
            [
                Series("aws_rds_database_connections_average", a, flat(90)),
                Series("aws_rds_database_connections_average", b, flat(90)),
                Series("tocsin:rds_max_connections", b, flat(100)),
            ],
            [a: 0.2, b: 0.9]
        ),
        Case(
            "bytes over the instance's memory",
            "db/DBFreeMemory",
            [Series("aws_rds_freeable_memory_average", a, flat(4_294_967_296))],
            [a: 0.25]
        ),
        Case(
            "a value of a poll a quarter of an hour ago",
            "db/DBCPU",
            at: 30,
            [Series("aws_rds_cpuutilization_average", a, flat(50, 14))],
            [a: 50]
        ),
        Case(
            "milliseconds",
            "db/ReplicaLag",
            [Series("aws_rds_aurora_replica_lag_maximum", a, flat(120))],
            [a: 120]
        ),
        Case("no database, no alarm", "db/DBDown", at: 90, [], [:]),
        Case("reporting", "db/DBDown", at: 90, [Series(uptime, a, rising(0, by: 60, 91))], [a: 0]),
        Case(
            "alone and silent for less than 20 minutes: the poll may be slow",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 72))],
            [a: 0]
        ),
        Case(
            "alone and silent for 20 minutes",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 71))],
            [a: 1]
        ),
        Case(
            "silent for five minutes while another is heard",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 86)), Series(uptime, b, rising(0, by: 60, 91))],
            [a: 0, b: 0]
        ),
        Case(
            "silent for six minutes while another is heard",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 85)), Series(uptime, b, rising(0, by: 60, 91))],
            [a: 1, b: 0]
        ),
        Case(
            "silent for more than an hour: no value, so the alert is held",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 11))],
            [:]
        ),
        Case(
            "back again",
            "db/DBDown",
            at: 90,
            [Series(uptime, a, rising(0, by: 60, 11), nothing(70), rising(0, by: 60, 10))],
            [a: 0]
        ),
        Case(
            "the uptime fell",
            "db/DBRestarted",
            [Series(uptime, a, rising(6000, by: 60, 5), rising(60, by: 60))],
            [a: 1]
        ),
    ])
    func db(_ one: Case) throws { try expectAnswer(one) }

    static let cluster: LabelSet = ["dimension_ClusterName": "c"]
    static let workload: LabelSet = [
        "dimension_ClusterName": "c", "dimension_Namespace": "n", "dimension_PodName": "p",
    ]
    static let nodes = Series("aws_containerinsights_cluster_node_count_average", cluster, flat(4))

    static func scaling(_ name: String, _ group: String, _ value: Double) -> Series {
        Series(
            "aws_autoscaling_group_\(name)_average",
            ["dimension_AutoScalingGroupName": group],
            flat(value)
        )
    }

    @Test(arguments: [
        Case(
            "differences are added up over the hour",
            "infra/PodRestarts",
            at: 70,
            [
                Series(
                    "aws_containerinsights_pod_number_of_container_restarts_sum",
                    workload,
                    flat(0, 20),
                    flat(2, 2),
                    flat(0, 60)
                )
            ],
            [workload: 4]
        ),
        Case(
            "the looked-up maximum goes before the setting",
            "infra/NodesLeft",
            [
                nodes,
                Series(
                    "aws_autoscaling_group_max_instances",
                    LabelSet(cluster.labels + [Label("dimension_AutoScalingGroupName", "a")]),
                    flat(6)
                ),
                Series(
                    "aws_autoscaling_group_max_instances",
                    LabelSet(cluster.labels + [Label("dimension_AutoScalingGroupName", "b")]),
                    flat(3)
                ),
                Series("tocsin:node_count_max", LabelSet(), flat(5)),
            ],
            [cluster: 5]
        ),
        Case(
            "the setting for a cluster goes before what was looked up",
            "infra/NodesLeft",
            [
                nodes,
                Series(
                    "aws_autoscaling_group_max_instances",
                    LabelSet(cluster.labels + [Label("dimension_AutoScalingGroupName", "a")]),
                    flat(6)
                ),
                Series("tocsin:node_count_max", cluster, flat(20)),
            ],
            [cluster: 16]
        ),
        Case("from the setting", "infra/NodesLeft", [nodes], [cluster: 1]),
        Case(
            "from the groups that can grow, when they report",
            "infra/NodesLeft",
            [
                nodes, scaling("max_size", "g", 5), scaling("min_size", "g", 1),
                scaling("in_service_instances", "g", 5), scaling("max_size", "fixed", 1),
                scaling("min_size", "fixed", 1), scaling("in_service_instances", "fixed", 1),
            ],
            [["dimension_AutoScalingGroupName": "g"]: 0]
        ),
        Case(
            "each node once",
            "infra-otel/NodesLeft",
            [
                Series("kube_node_info", ["node": "a", "instance": "k1"], flat(1)),
                Series("kube_node_info", ["node": "a", "instance": "k2"], flat(1)),
                Series("kube_node_info", ["node": "b", "instance": "k1"], flat(1)),
            ],
            [[:]: 3]
        ),
        Case(
            "by node",
            "infra-otel/NodeMemory",
            [
                Series("node_memory_MemAvailable_bytes", ["instance": "i"], flat(25)),
                Series("node_memory_MemTotal_bytes", ["instance": "i"], flat(100)),
            ],
            [["instance": "i"]: 0.75]
        ),
        Case(
            "by account, hours after the last update",
            "accounts/AccountBudget",
            at: 200,
            [
                Series(
                    "aws_billing_estimated_charges_maximum",
                    ["dimension_Currency": "USD", "dimension_LinkedAccount": "222222222222"],
                    nothing(5),
                    flat(2700, 1)
                ),
                Series(
                    "aws_billing_estimated_charges_maximum",
                    ["dimension_Currency": "USD"],
                    nothing(5),
                    flat(9999, 1)
                ),
            ],
            [["dimension_LinkedAccount": "222222222222", "account": "production"]: 0.9]
        ),
        Case(
            "the first use counts",
            "break-glass/BreakGlass",
            at: 12,
            [
                Series(
                    "break_glass_events_total",
                    ["event": "E", "principal": "p"],
                    nothing(10),
                    flat(0, 1),
                    flat(1, 5)
                )
            ],
            [["event": "E", "principal": "p"]: 1],
            tolerance: 0.3
        ),
    ])
    func infraAndPlatform(_ one: Case) throws { try expectAnswer(one) }

    /// Evaluates the rule over the case's series and the constants of limits.yaml.
    private func expectAnswer(_ one: Case) throws {
        let rule = try #require(try ShippedRulesTests.thresholds()[one.rule])
        let all = try one.series + ShippedExpressionsTests.limits()
        let list = SeriesList(
            all.map { series in
                let samples = series.values.enumerated().compactMap { minute, value in
                    value.map { Sample(Timestamp(milliseconds: Int64(minute) * 60000), $0) }
                }
                return SeriesSamples(labels: series.labels, samples: samples)
            }
        )
        let result = try QueryEngine(source: list).instant(
            PromQLParser.parse(rule.expr.text),
            at: Timestamp(milliseconds: Int64(one.minute) * 60000)
        )
        guard case .vector(let samples) = result.value else {
            Issue.record("a vector, not \(result.value)")
            return
        }
        #expect(Set(samples.map(\.labels)) == Set(one.expected.keys))
        for sample in samples {
            let expected = try #require(one.expected[sample.labels])
            #expect(abs(sample.value - expected) <= abs(expected) * one.tolerance)
        }
    }

    /// The constants, at each minute of two hours.
    private static func limits() throws -> [Series] {
        let engine = QueryEngine(source: SeriesList([]))
        return try ShippedRulesTests.load().groups.flatMap(\.rules).compactMap { rule in
            guard case .recording(let rule) = rule,
                case .vector(let samples) = try engine.instant(
                    PromQLParser.parse(rule.expr.text),
                    at: Timestamp(milliseconds: 0)
                ).value,
                let value = samples.first?.value
            else { return nil }
            return Series(
                rule.record,
                LabelSet(rule.labels.map { Label($0.key, $0.value) }),
                flat(value, 241)
            )
        }
    }
}
