import CloudWatchIngest
import Foundation
import HTTPClient
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Limits that no metric reports, looked up over the query protocol.
@Suite struct LimitLookupTests {
    static let start = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    let clock = ManualClock(start)
    let door = RecordingDoor()
    let statuses = CloudWatchPollerTests.StatusBoard()

    private static func xml(_ operation: String, _ inner: String) -> HTTPClientReply {
        let text =
            "<\(operation)Response xmlns=\"x\"><\(operation)Result>\(inner)</\(operation)Result></\(operation)Response>"
        return HTTPClientReply(status: 200, body: Array(text.utf8))
    }

    private static func refusal(_ code: String, _ message: String) -> HTTPClientReply {
        let text =
            "<ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>\(message)</Message></Error></ErrorResponse>"
        return HTTPClientReply(status: 403, body: Array(text.utf8))
    }

    private static func instance(_ name: String, _ rest: String) -> String {
        "<DBInstance><DBInstanceIdentifier>\(name)</DBInstanceIdentifier>\(rest)</DBInstance>"
    }

    private static func group(_ name: String) -> String {
        "<DBParameterGroups><DBParameterGroup><DBParameterGroupName>\(name)</DBParameterGroupName></DBParameterGroup></DBParameterGroups>"
    }

    private static func parameter(_ value: String, source: String) -> String {
        "<Parameter><ParameterName>max_connections</ParameterName><ParameterValue>\(value)</ParameterValue>"
            + "<Source>\(source)</Source></Parameter>"
    }

    /// What a form's field says.
    private static func field(_ name: String, _ body: String) -> String? {
        body.split(separator: "&").first { $0.hasPrefix(name + "=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    /// Four instances, each with its number from somewhere else.
    @Sendable private static func account(_ body: String) -> HTTPClientReply {
        switch field("Action", body) {
        case "DescribeDBInstances" where field("Marker", body) == nil:
            let engine = "<Engine>aurora-postgresql</Engine>"
            return xml(
                "DescribeDBInstances",
                "<DBInstances>"
                    + instance(
                        "own",
                        engine + "<DBInstanceClass>db.r6g.large</DBInstanceClass>" + group("tuned")
                            + "<DBClusterIdentifier>c</DBClusterIdentifier>"
                    )
                    + instance(
                        "cluster",
                        engine + "<DBInstanceClass>db.r6g.large</DBInstanceClass>"
                            + group("default") + "<DBClusterIdentifier>c</DBClusterIdentifier>"
                    ) + "</DBInstances><Marker>two</Marker>"
            )
        case "DescribeDBInstances":
            let engine = "<Engine>aurora-postgresql</Engine>"
            return xml(
                "DescribeDBInstances",
                "<DBInstances>"
                    + instance(
                        "formula",
                        engine + "<DBInstanceClass>db.r9x.large</DBInstanceClass>"
                            + group("default")
                    )
                    + instance(
                        "serverless",
                        engine + "<DBInstanceClass>db.serverless</DBInstanceClass>"
                            + group("default") + "<DBClusterIdentifier>s</DBClusterIdentifier>"
                    ) + "</DBInstances>"
            )
        case "DescribeDBClusters":
            return xml(
                "DescribeDBClusters",
                """
                <DBClusters><DBCluster><DBClusterIdentifier>c</DBClusterIdentifier>
                <DBClusterParameterGroup>shared</DBClusterParameterGroup></DBCluster>
                <DBCluster><DBClusterIdentifier>s</DBClusterIdentifier>
                <DBClusterParameterGroup>plain</DBClusterParameterGroup><ServerlessV2ScalingConfiguration>
                <MinCapacity>0.5</MinCapacity><MaxCapacity>16.0</MaxCapacity></ServerlessV2ScalingConfiguration>
                </DBCluster></DBClusters>
                """
            )
        case "DescribeDBParameters":
            let formula = parameter(
                "LEAST({DBInstanceClassMemory/9531392},5000)",
                source: "engine-default"
            )
            // The parameter is on the second page.
            guard field("Marker", body) != nil else {
                return xml(
                    "DescribeDBParameters",
                    "<Parameters><Parameter><ParameterName>a</ParameterName></Parameter></Parameters>"
                        + "<Marker>m</Marker>"
                )
            }
            let isTuned = field("DBParameterGroupName", body) == "tuned"
            return xml(
                "DescribeDBParameters",
                "<Parameters>\(isTuned ? parameter("321", source: "user") : formula)</Parameters><Marker>n</Marker>"
            )
        case "DescribeDBClusterParameters":
            let isShared = field("DBClusterParameterGroupName", body) == "shared"
            return xml(
                "DescribeDBClusterParameters",
                "<Parameters>\(isShared ? parameter("654", source: "user") : "")</Parameters>"
            )
        case "DescribeInstanceTypes":
            return HTTPClientReply(
                status: 200,
                body: Array(
                    """
                    <DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>r6g.large</instanceType>
                    <memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo></item><item><instanceType>r9x.large</instanceType>
                    <memoryInfo><sizeInMiB>32768</sizeInMiB></memoryInfo></item></instanceTypeSet>
                    </DescribeInstanceTypesResponse>
                    """.utf8
                )
            )
        case "DescribeAutoScalingGroups":
            return xml(
                "DescribeAutoScalingGroups",
                """
                <AutoScalingGroups><member><AutoScalingGroupName>nodes</AutoScalingGroupName><MaxSize>6</MaxSize>
                <Tags><member><Key>eks:cluster-name</Key><Value>prod</Value></member></Tags></member>
                <member><AutoScalingGroupName>old</AutoScalingGroupName><MaxSize>2</MaxSize><Tags><member>
                <Key>kubernetes.io/cluster/stage</Key><Value>owned</Value></member></Tags></member>
                <member><AutoScalingGroupName>jobs</AutoScalingGroupName><MaxSize>9</MaxSize></member></AutoScalingGroups>
                """
            )
        default: return refusal("InvalidAction", "no such action")
        }
    }

    private func poller(_ http: FakeHTTP, settings: CloudWatchSettings? = nil) -> CloudWatchPoller {
        CloudWatchPoller(
            settings: settings
                ?? CloudWatchSettings(
                    regions: ["eu-west-1"],
                    endpoint: "http://cw.test",
                    lookupEndpoint: "http://query.test"
                ),
            credentials: FixedCredentials(
                AWSCredentials(accessKeyID: "AKIDTEST", secretAccessKey: "secret", source: "test")
            ),
            environment: AWSEnvironment(variables: [:]) { (_) throws(FileReadError) in
                throw .missing
            },
            http: http,
            admit: door,
            clock: clock,
            sleeper: VirtualSleeper(),
            random: { SeededGenerator(seed: 1) },
            log: .silent,
            metrics: MetricsRegistry(),
            report: { [statuses] in statuses.take($0) }
        )
    }

    private static let all = LimitReading.Kind.allCases.map { kind in
        SelectorNeed(
            matchers: [LabelMatcher(LabelSet.metricName, equals: kind.rawValue)],
            reach: .seconds(1200)
        )
    }

    private static func http(
        _ answer: @escaping @Sendable (String) -> HTTPClientReply = { account($0) }
    ) -> FakeHTTP {
        FakeHTTP { request in
            request.url.hasPrefix("http://query.test")
                ? answer(request.text) : HTTPClientReply(status: 200, body: Array("{}".utf8))
        }
    }

    @Test func eachLimitIsTakenFromTheBestSourceAndSaysWhich() async {
        let http = Self.http()
        let poller = poller(http)
        poller.update(needs: Self.all)
        await poller.pollOnce(at: clock.now())
        func values(_ name: String, _ dimension: String, _ source: String) -> [Double] {
            door.values(
                "\(name){\(dimension), region=\"eu-west-1\", source=\"\(source)\"}"
            )
        }
        func database(_ name: String) -> String { "dimension_DBInstanceIdentifier=\"\(name)\"" }
        let connections = LimitReading.Kind.maxConnections.rawValue
        #expect(values(connections, database("own"), "parameter_group") == [321])
        #expect(values(connections, database("cluster"), "cluster_parameter_group") == [654])
        // 32 GiB of a class that only EC2 knows.
        #expect(values(connections, database("formula"), "class_formula") == [3360])
        // 16 units would give 3360; half a unit at least caps it.
        #expect(values(connections, database("serverless"), "serverless_max_capacity") == [2000])
        let memory = LimitReading.Kind.memory.rawValue
        #expect(values(memory, database("own"), "ec2_instance_type") == [16.0 * 1_073_741_824])
        #expect(
            values(memory, database("serverless"), "serverless_max_capacity")
                == [32.0 * 1_073_741_824]
        )
        let groups = LimitReading.Kind.groupMaximum.rawValue
        #expect(
            values(
                groups,
                "dimension_AutoScalingGroupName=\"nodes\", dimension_ClusterName=\"prod\"",
                "auto_scaling_group"
            ) == [6]
        )
        #expect(
            values(
                groups,
                "dimension_AutoScalingGroupName=\"old\", dimension_ClusterName=\"stage\"",
                "auto_scaling_group"
            ) == [2]
        )
        #expect(
            values(groups, "dimension_AutoScalingGroupName=\"jobs\"", "auto_scaling_group") == [9]
        )
        // A sample is there for rules that are judged when CloudWatch's own have come.
        let settings = CloudWatchSettings(regions: ["eu-west-1"])
        let at = door.kept.withLock {
            $0.samples.first { $0.key.hasPrefix(groups) }?.value.keys.first
        }
        #expect(at == (Self.start - settings.arrivalDelay).milliseconds)
        let status = statuses["limits/eu-west-1"]
        #expect(status?.advice == "")
        #expect(
            status?.notice.contains(
                "own 321 connections (parameter_group: max_connections = 321 in tuned)"
            )
                == true,
            "\(status?.notice ?? "")"
        )
        let requests = http.requests.filter { $0.url.hasPrefix("http://query.test") }
        #expect(
            requests.allSatisfy { $0.header("Authorization")?.contains("AWS4-HMAC-SHA256") == true }
        )
        let services = Set(
            requests.compactMap {
                $0.header("Authorization")?.split(separator: "/").dropFirst(3).first
            }
        )
        #expect(services == ["rds", "ec2", "autoscaling"])
        let cost = poller.costReport(at: clock.now())
        #expect(cost.calls.first { $0.operation == "DescribeDBInstances" }?.requests == 2)
        #expect(cost.spentUsd == 0)
    }

    @Test func nothingIsLookedUpThatNoRuleReads() async {
        let http = Self.http()
        let poller = poller(http)
        poller.update(needs: [
            SelectorNeed(
                matchers: [
                    LabelMatcher(LabelSet.metricName, equals: "aws_rds_cpuutilization_average")
                ],
                reach: .seconds(300)
            )
        ])
        await poller.pollOnce(at: clock.now())
        #expect(!http.requests.contains { $0.url.hasPrefix("http://query.test") })
        #expect(statuses["limits/eu-west-1"] == nil)
    }

    /// An address of a test server or a VPC endpoint for metrics is not AWS's RDS.
    @Test func besideAnotherEndpointAWSIsNotAsked() async {
        let http = FakeHTTP { _ in HTTPClientReply(status: 200, body: Array("{}".utf8)) }
        let poller = poller(
            http,
            settings: CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        )
        poller.update(needs: Self.all)
        await poller.pollOnce(at: clock.now())
        #expect(http.requests.allSatisfy { $0.url.hasPrefix("http://cw.test") })
    }

    @Test func whatIsForbiddenSaysWhatToAllowAndKeepsTheLastValue() async {
        let isForbidden = Mutex(false)
        let http = Self.http { body in
            isForbidden.withLock { $0 } && Self.field("Action", body) != "DescribeAutoScalingGroups"
                ? Self.refusal("AccessDenied", "not authorized") : Self.account(body)
        }
        let poller = poller(http)
        poller.update(needs: Self.all)
        await poller.pollOnce(at: clock.now())
        let before = door.series
        isForbidden.withLock { $0 = true }
        clock.advance(by: .seconds(301))
        await poller.pollOnce(at: clock.now())
        #expect(door.series == before)
        #expect(door.series.allSatisfy { door.times($0).count == 2 })
        let status = statuses["limits/eu-west-1"]
        #expect(status?.advice.contains("allow rds:DescribeDBInstances") == true)
        #expect(status?.advice.contains("limits.yaml") == true)
    }

    @Test func withoutEC2TheTableServes() async {
        let http = Self.http { body in
            Self.field("Action", body) == "DescribeInstanceTypes"
                ? HTTPClientReply(
                    status: 403,
                    body: Array(
                        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>"
                            .utf8
                    )
                ) : Self.account(body)
        }
        let poller = poller(http)
        poller.update(needs: Self.all)
        await poller.pollOnce(at: clock.now())
        #expect(
            door.values(
                #"aws_rds_instance_memory_bytes{dimension_DBInstanceIdentifier="own", region="eu-west-1", source="class_table"}"#
            ) == [16.0 * 1_073_741_824]
        )
        // A class that nobody knows is named with its remedy.
        let advice = statuses["limits/eu-west-1"]?.advice ?? ""
        #expect(advice.contains("db.r9x.large") && advice.contains("ec2:DescribeInstanceTypes"))
    }

    @Test(arguments: ["", "<a>", "<DescribeDBInstancesResponse/>", "no XML at all", "{}"])
    func strangeAnswersAreTroubleAndNoMore(_ text: String) async {
        let http = Self.http { _ in HTTPClientReply(status: 200, body: Array(text.utf8)) }
        let poller = poller(http)
        poller.update(needs: Self.all)
        await poller.pollOnce(at: clock.now())
        #expect(door.series.isEmpty)
    }
}
