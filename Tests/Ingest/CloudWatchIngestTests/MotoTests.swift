import CloudWatchIngest
import Foundation
import HTTPClient
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// The source and STS over real sockets against moto, where moto is right: plain statistics and roles.
@Suite struct MotoTests {
    private static let role = "arn:aws:iam::123456789012:role/reader"

    private static let fill = """
        import boto3, datetime, sys
        now = datetime.datetime.fromtimestamp(int(sys.argv[2]), datetime.timezone.utc)
        args = dict(endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='a', aws_secret_access_key='b')
        cw = boto3.client('cloudwatch', **args)
        for minute in range(10):
            cw.put_metric_data(Namespace='AWS/RDS', MetricData=[{'MetricName': 'DatabaseConnections',
                'Dimensions': [{'Name': 'DBInstanceIdentifier', 'Value': 'db-1'}], 'Value': 40 + minute,
                'Timestamp': now - datetime.timedelta(minutes=12 - minute)}])
        iam = boto3.client('iam', **args)
        iam.create_role(RoleName='reader', AssumeRolePolicyDocument='{}')
        """

    @Test(.timeLimit(.minutes(2)))
    func aRoleIsTakenAndItsMetricsAreRead() async throws {
        guard let python = PythonTool.interpreter(with: ["moto.server", "boto3", "flask"]) else {
            print("skipped: no Python with moto to read from (make test installs it)")
            return
        }
        let server = try MotoServer(python: python)
        defer { server.stop() }
        let now = SystemClock().now().floored(to: .seconds(60))
        let fill = try PythonTool.run(
            python,
            ["-c", Self.fill, server.address, "\(now.milliseconds / 1000)"]
        )
        #expect(fill.status == 0, "\(fill.errors)")

        let registry = MetricsRegistry()
        let http = CurlHTTPClient(log: .silent, metrics: registry)
        try http.start()
        defer { http.stop() }
        let door = RecordingDoor()
        let board = CloudWatchPollerTests.StatusBoard()
        let poller = CloudWatchPoller(
            settings: CloudWatchSettings(
                regions: ["eu-west-1"],
                roleARN: Self.role,
                endpoint: server.address
            ),
            environment: AWSEnvironment(variables: [
                "AWS_ACCESS_KEY_ID": "AKIAMOTO", "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_ENDPOINT_URL_STS": server.address,
            ]) { (_) throws(FileReadError) in throw .missing },
            http: http,
            admit: door,
            clock: ManualClock(now),
            log: .silent,
            metrics: registry,
            report: { board.take($0) }
        )
        poller.update(needs: [
            SelectorNeed(
                matchers: [
                    LabelMatcher(
                        LabelSet.metricName,
                        equals: "aws_rds_database_connections_average"
                    )
                ],
                reach: .seconds(900)
            )
        ])
        await poller.pollOnce(at: now)
        let series =
            #"aws_rds_database_connections_average{account_id="123456789012", "#
            + #"dimension_DBInstanceIdentifier="db-1", region="eu-west-1"}"#
        let status = board["cloudwatch/eu-west-1/123456789012"]
        #expect(door.series == [series], "\(status?.advice ?? "")")
        #expect(door.values(series) == (0..<10).map { 40 + Double($0) })
        #expect(status?.advice == "")
        #expect(
            await poller.credentialsSummary()?.hasPrefix("role \(Self.role) by environment") == true
        )
        print(
            "took a role of moto's STS and read \(door.values(series).count) points of its CloudWatch"
        )
    }

    @Test(.timeLimit(.minutes(2)))
    func webIdentityIsExchangedForKeys() async throws {
        guard let python = PythonTool.interpreter(with: ["moto.server", "flask"]) else {
            print("skipped: no Python with moto to ask for a role (make test installs it)")
            return
        }
        let server = try MotoServer(python: python)
        defer { server.stop() }
        let http = CurlHTTPClient(log: .silent, metrics: MetricsRegistry())
        try http.start()
        defer { http.stop() }
        let environment = AWSEnvironment(variables: [
            "AWS_ROLE_ARN": Self.role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
            "AWS_ENDPOINT_URL_STS": server.address,
        ]) { (path) throws(FileReadError) in
            guard path == "/token" else { throw .missing }
            return Array("eyJhbGciOiJub25lIn0.e30.\n".utf8)
        }
        let chain = CredentialsChain(
            environment: environment,
            http: http,
            clock: SystemClock(),
            region: "eu-west-1"
        )
        let keys = try await chain.credentials()
        #expect(keys.source == "web identity \(Self.role)")
        #expect(keys.accessKeyID.hasPrefix("ASIA"))
        #expect(keys.sessionToken != nil)
        #expect((keys.expiration ?? .distantPast) > SystemClock().now())
    }

    private static let databases = """
        import boto3, sys
        args = dict(endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='a', aws_secret_access_key='b')
        rds = boto3.client('rds', **args)
        rds.create_db_parameter_group(DBParameterGroupName='tuned', DBParameterGroupFamily='postgres16', Description='d')
        rds.modify_db_parameter_group(DBParameterGroupName='tuned', Parameters=[{'ParameterName': 'max_connections',
            'ParameterValue': '1234', 'ApplyMethod': 'pending-reboot'}])
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName='shared',
            DBParameterGroupFamily='aurora-postgresql16', Description='d')
        rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName='shared', Parameters=[{
            'ParameterName': 'max_connections', 'ParameterValue': '777', 'ApplyMethod': 'pending-reboot'}])
        user = dict(MasterUsername='u', MasterUserPassword='password1')
        rds.create_db_cluster(DBClusterIdentifier='set', Engine='aurora-postgresql',
            DBClusterParameterGroupName='shared', **user)
        rds.create_db_cluster(DBClusterIdentifier='grows', Engine='aurora-postgresql',
            ServerlessV2ScalingConfiguration={'MinCapacity': 1, 'MaxCapacity': 16}, **user)
        aurora = dict(Engine='aurora-postgresql')
        rds.create_db_instance(DBInstanceIdentifier='writer', DBClusterIdentifier='set', DBInstanceClass='db.r6g.large', **aurora)
        rds.create_db_instance(DBInstanceIdentifier='serverless', DBClusterIdentifier='grows',
            DBInstanceClass='db.serverless', **aurora)
        plain = dict(Engine='postgres', AllocatedStorage=20, **user)
        rds.create_db_instance(DBInstanceIdentifier='tuned', DBInstanceClass='db.t4g.medium', DBParameterGroupName='tuned', **plain)
        rds.create_db_instance(DBInstanceIdentifier='default', DBInstanceClass='db.r6g.large', **plain)
        asg = boto3.client('autoscaling', **args)
        asg.create_launch_configuration(LaunchConfigurationName='lc', ImageId='ami-1', InstanceType='t3.medium')
        for name, size in [('nodes-a', 6), ('nodes-b', 3)]:
            asg.create_auto_scaling_group(AutoScalingGroupName=name, LaunchConfigurationName='lc', MinSize=0,
                MaxSize=size, AvailabilityZones=['eu-west-1a'], Tags=[{'Key': 'eks:cluster-name', 'Value': 'prod',
                'PropagateAtLaunch': True, 'ResourceId': name, 'ResourceType': 'auto-scaling-group'}])
        """

    /// RDS, EC2 and Auto Scaling as moto has them.
    @Test(.timeLimit(.minutes(3)))
    func limitsAreLookedUp() async throws {
        guard let python = PythonTool.interpreter(with: ["moto.server", "boto3", "flask"]) else {
            print("skipped: no Python with moto to look limits up in (make test installs it)")
            return
        }
        let server = try MotoServer(python: python)
        defer { server.stop() }
        let fill = try PythonTool.run(python, ["-c", Self.databases, server.address])
        #expect(fill.status == 0, "\(fill.errors)")
        let registry = MetricsRegistry()
        let http = CurlHTTPClient(log: .silent, metrics: registry)
        try http.start()
        defer { http.stop() }
        let door = RecordingDoor()
        let board = CloudWatchPollerTests.StatusBoard()
        let poller = CloudWatchPoller(
            settings: CloudWatchSettings(
                regions: ["eu-west-1"],
                endpoint: server.address,
                lookupEndpoint: server.address
            ),
            credentials: FixedCredentials(
                AWSCredentials(accessKeyID: "AKIAMOTO", secretAccessKey: "secret", source: "test")
            ),
            http: http,
            admit: door,
            clock: SystemClock(),
            log: .silent,
            metrics: registry,
            report: { board.take($0) }
        )
        poller.update(
            needs: LimitReading.Kind.allCases.map { kind in
                SelectorNeed(
                    matchers: [LabelMatcher(LabelSet.metricName, equals: kind.rawValue)],
                    reach: .seconds(300)
                )
            }
        )
        await poller.pollOnce(at: SystemClock().now())
        func value(_ kind: LimitReading.Kind, _ name: String, _ source: String) -> Double? {
            door.series.first {
                $0.hasPrefix(kind.rawValue + "{") && $0.contains("=\"\(name)\"")
                    && $0.contains("source=\"\(source)\"")
            }.flatMap { door.values($0).first }
        }
        let advice = board["limits/eu-west-1"]?.advice ?? "no report"
        #expect(advice == "")
        let gibibyte = 1_073_741_824.0
        #expect(value(.maxConnections, "tuned", "parameter_group") == 1234)
        #expect(value(.maxConnections, "writer", "cluster_parameter_group") == 777)
        #expect(value(.maxConnections, "default", "class_formula") == 1668)
        #expect(value(.maxConnections, "serverless", "serverless_max_capacity") == 3360)
        #expect(value(.memory, "writer", "ec2_instance_type") == 16 * gibibyte)
        #expect(value(.memory, "tuned", "ec2_instance_type") == 4 * gibibyte)
        #expect(value(.memory, "serverless", "serverless_max_capacity") == 32 * gibibyte)
        #expect(value(.groupMaximum, "nodes-a", "auto_scaling_group") == 6)
        #expect(value(.groupMaximum, "nodes-b", "auto_scaling_group") == 3)
        print("looked up of moto: \(board["limits/eu-west-1"]?.notice ?? "")")
    }
}
