import CloudWatchIngest
import CloudWatchStandIn
import Foundation
import HTTPServer
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// The stand-in served on a socket and driven by botocore and the AWS CLI.
@Suite struct RealClientTests {
    private func serving(_ body: (CloudWatchStandIn, _ address: String) throws -> Void) throws {
        let clock = SystemClock()
        var limits = CloudWatchStandIn.Limits()
        limits.metricsPerPage = 3
        let standIn = CloudWatchStandIn(keys: [StandInCaller.key], limits: limits, clock: clock)
        let server = HTTPServer(
            settings: HTTPServerSettings(listen: "127.0.0.1:0"),
            routes: standIn.routes,
            log: .silent,
            metrics: MetricsRegistry(),
            clock: clock
        )
        try server.start()
        defer { server.stop(drain: .seconds(1)) }
        try body(standIn, "http://127.0.0.1:\(server.port)")
    }

    private static let environment = [
        "AWS_ACCESS_KEY_ID": StandInCaller.key.accessKeyID,
        "AWS_SECRET_ACCESS_KEY": StandInCaller.key.secretAccessKey,
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    ]

    private static let program = """
        import boto3, datetime, json, math, os, sys
        from botocore.config import Config
        from botocore.exceptions import ClientError
        def client(secret=None):
            return boto3.client('cloudwatch', endpoint_url=sys.argv[1], aws_secret_access_key=secret or
                os.environ['AWS_SECRET_ACCESS_KEY'], aws_access_key_id=os.environ['AWS_ACCESS_KEY_ID'],
                config=Config(retries={'max_attempts': 3, 'mode': 'standard'}))
        cw = client()
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        start = now - datetime.timedelta(minutes=10)
        dims = [{'Name': 'LoadBalancer', 'Value': 'app/web/1'}]
        values = [((i * 37) % 100) / 100 for i in range(100)]
        for minute in range(8):
            cw.put_metric_data(Namespace='AWS/ApplicationELB', MetricData=[{
                'MetricName': 'TargetResponseTime', 'Dimensions': dims, 'Unit': 'Seconds',
                'Timestamp': start + datetime.timedelta(minutes=minute, seconds=7),
                'Values': [v + minute for v in values], 'Counts': [1.0] * 100}])
        cw.put_metric_data(Namespace='App', MetricData=[
            {'MetricName': f'm{i}', 'Value': i, 'Timestamp': start} for i in range(7)])
        out = {}
        pages = list(cw.get_paginator('list_metrics').paginate(Namespace='App', RecentlyActive='PT3H'))
        out['listPages'] = len(pages)
        out['listed'] = sorted(m['MetricName'] for p in pages for m in p['Metrics'])
        stats = ['p99', 'PR(:0.5)', 'TM(10%:90%)', 'Average', 'Sum', 'SampleCount', 'Maximum', 'tm90', 'IQM']
        queries = [{'Id': f'q{i}', 'MetricStat': {'Metric': {'Namespace': 'AWS/ApplicationELB',
            'MetricName': 'TargetResponseTime', 'Dimensions': dims}, 'Period': 60, 'Stat': s}}
            for i, s in enumerate(stats)]
        got, pages = {}, 0
        for page in cw.get_paginator('get_metric_data').paginate(MetricDataQueries=queries, StartTime=start,
                EndTime=now, ScanBy='TimestampAscending', MaxDatapoints=5):
            pages += 1
            for r in page['MetricDataResults']:
                assert all(t.tzinfo for t in r['Timestamps'])
                got.setdefault(r['Id'], []).extend(zip([int(t.timestamp()) for t in r['Timestamps']], r['Values']))
        out['dataPages'] = pages
        out['points'] = {stats[int(k[1:])]: len(v) for k, v in got.items()}
        out['aligned'] = all(t % 60 == 0 for v in got.values() for t, _ in v)
        out['first'] = {stats[int(k[1:])]: v[0][1] for k, v in got.items()}
        s = sorted(values)
        out['expected'] = {'p99': s[98], 'PR(:0.5)': 100.0 * sum(v <= 0.5 for v in s) / 100,
            'TM(10%:90%)': sum(s[10:90]) / 80, 'Average': sum(s) / 100, 'Sum': sum(s), 'SampleCount': 100.0,
            'Maximum': s[-1], 'tm90': sum(s[:90]) / 90, 'IQM': sum(s[25:75]) / 50}
        def code(f):
            try: f(); return 'ok'
            except ClientError as e: return e.response['Error']['Code']
        def statistics(**what):
            answer = cw.get_metric_statistics(Namespace='AWS/ApplicationELB', MetricName='TargetResponseTime',
                Dimensions=dims, StartTime=start, EndTime=now, Period=60, **what)
            return sorted(answer['Datapoints'], key=lambda p: p['Timestamp'])
        plain = statistics(Statistics=['Average', 'Sum', 'SampleCount', 'Minimum', 'Maximum'])
        tails = statistics(ExtendedStatistics=['p99', 'p50'])
        out['statistics'] = dict({k: plain[0][k] for k in ['Average', 'Sum', 'SampleCount', 'Maximum']},
            p99=tails[0]['ExtendedStatistics']['p99'])
        out['statisticsPoints'] = [len(plain), len(tails)]
        out['wrongSecret'] = code(lambda: client('wrong').list_metrics())
        out['tooMany'] = code(lambda: cw.get_metric_data(StartTime=start, EndTime=now, MetricDataQueries=[
            dict(queries[0], Id=f'a{i}') for i in range(501)]))
        out['tooLong'] = code(lambda: cw.get_metric_statistics(Namespace='N', MetricName='M', Period=60,
            StartTime=now - datetime.timedelta(minutes=1441), EndTime=now, Statistics=['Sum']))
        out['badToken'] = code(lambda: cw.get_metric_data(StartTime=start, EndTime=now,
            MetricDataQueries=queries, NextToken='abc'))
        print(json.dumps(out))
        """

    private struct Report: Decodable {
        var listPages: Int
        var listed: [String]
        var dataPages: Int
        var points: [String: Int]
        var aligned: Bool
        var first: [String: Double]
        var expected: [String: Double]
        var wrongSecret: String
        var tooMany: String
        var badToken: String
        var statistics: [String: Double]
        var statisticsPoints: [Int]
        var tooLong: String
    }

    @Test func botocoreReadsEveryAnswer() throws {
        guard let python = PythonTool.interpreter(with: ["boto3"]) else {
            print("skipped: no Python with boto3 to drive the stand-in (make test installs it)")
            return
        }
        try serving { standIn, address in
            standIn.inject(.throttling, on: "ListMetrics")
            let run = try PythonTool.run(
                python,
                ["-c", Self.program, address],
                environment: Self.environment
            )
            #expect(run.status == 0, "\(run.errors)")
            let report = try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
            #expect(report.listPages == 3)
            #expect(report.listed == (0..<7).map { "m\($0)" })
            #expect(report.points.count == 9)
            #expect(report.points.values.allSatisfy { $0 == 8 })
            #expect(report.dataPages >= 72 / 5)
            #expect(report.aligned)
            for (statistic, value) in report.expected {
                let got = try #require(report.first[statistic])
                #expect(abs(got - value) < 1e-9, "\(statistic): \(got), \(value) expected")
            }
            #expect(report.wrongSecret == "SignatureDoesNotMatch")
            #expect(report.tooMany == "ValidationError")
            #expect(report.badToken == "InvalidNextToken")
            #expect(report.tooLong == "InvalidParameterCombination")
            #expect(report.statisticsPoints == [8, 8])
            for (statistic, value) in report.statistics {
                let expected = try #require(report.expected[statistic])
                #expect(abs(value - expected) < 1e-9, "\(statistic) of GetMetricStatistics")
            }
            #expect(standIn.refusals["Throttling"] == 1)
            print(
                "botocore read \(report.dataPages) pages of 9 statistics, all as computed in Python"
            )
        }
    }

    @Test func theAWSCommandLineReadsAndWrites() throws {
        guard let python = PythonTool.interpreter(with: ["awscli", "boto3"]) else {
            print("skipped: no Python with awscli to drive the stand-in (make test installs it)")
            return
        }
        try serving { _, address in
            func aws(_ arguments: String...) throws -> PythonTool.Outcome {
                try PythonTool.run(
                    python,
                    ["-c", "import sys; from awscli.clidriver import main; sys.exit(main())"]
                        + ["--endpoint-url", address, "--output", "json", "cloudwatch"] + arguments,
                    environment: Self.environment
                )
            }
            let now = SystemClock().now().floored(to: .seconds(60))
            let start = now - .seconds(300)
            let put = try aws(
                "put-metric-data",
                "--namespace",
                "AWS/RDS",
                "--metric-name",
                "DatabaseConnections",
                "--dimensions",
                "DBInstanceIdentifier=db-1",
                "--value",
                "42",
                "--timestamp",
                start.rfc3339
            )
            #expect(put.status == 0, "\(put.errors)")
            let list = try aws("list-metrics", "--namespace", "AWS/RDS")
            #expect(
                list.output.contains("\"MetricName\": \"DatabaseConnections\""),
                "\(list.errors)"
            )
            let query =
                #"[{"Id":"c","MetricStat":{"Metric":{"Namespace":"AWS/RDS","#
                + #""MetricName":"DatabaseConnections","Dimensions":[{"Name":"DBInstanceIdentifier","#
                + #""Value":"db-1"}]},"Period":60,"Stat":"Average"}}]"#
            let data = try aws(
                "get-metric-data",
                "--start-time",
                start.rfc3339,
                "--end-time",
                now.rfc3339,
                "--metric-data-queries",
                query
            )
            struct Output: Decodable { var MetricDataResults: [Result] }
            struct Result: Decodable {
                var StatusCode: String
                var Values: [Double]
            }
            let output = try JSONDecoder().decode(Output.self, from: Data(data.output.utf8))
            #expect(output.MetricDataResults.first?.Values == [42])
            #expect(output.MetricDataResults.first?.StatusCode == "Complete")
            let statistics = try aws(
                "get-metric-statistics",
                "--namespace",
                "AWS/RDS",
                "--metric-name",
                "DatabaseConnections",
                "--dimensions",
                "Name=DBInstanceIdentifier,Value=db-1",
                "--start-time",
                start.rfc3339,
                "--end-time",
                now.rfc3339,
                "--period",
                "60",
                "--statistics",
                "Average",
                "Maximum"
            )
            #expect(statistics.output.contains("\"Average\": 42"), "\(statistics.errors)")
            print("the AWS CLI wrote, listed and read a metric, by both calls")
        }
    }
}
