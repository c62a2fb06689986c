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
}
