import CloudWatchIngest
import CloudWatchStandIn
import HTTPClient
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Several accounts and regions at once: each role its own keys, labels, costs; one pace for one account.
@Suite struct SeveralAccountsTests {
    static let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    static let metric = CloudWatchMetric(
        "AWS/RDS",
        "CPUUtilization",
        ["DBInstanceIdentifier": "db-1"]
    )
    let clock = ManualClock(noon)

    /// STS that gives each role its account's keys, and a stand-in of CloudWatch for each account.
    private func world(_ values: [String: Double]) -> FakeHTTP {
        var accounts: [String: CloudWatchStandIn] = [:]
        for (account, value) in values {
            let standIn = CloudWatchStandIn(
                keys: [StandInKey(accessKeyID: "ASIA\(account)", secretAccessKey: "s\(account)")],
                clock: clock
            )
            for minute in -20..<0 {
                standIn.record(Self.metric, [value], at: Self.noon + .seconds(60 * minute))
            }
            accounts[account] = standIn
        }
        let known = accounts
        return FakeHTTP { (request) throws(HTTPClientError) in
            if request.url.hasPrefix("http://sts.test") {
                let account = request.text.components("arn%3Aaws%3Aiam%3A%3A", 12)
                return HTTPClientReply(
                    status: 200,
                    body: Array(
                        """
                        <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA\(account)</AccessKeyId>
                        <SecretAccessKey>s\(account)</SecretAccessKey><SessionToken>t</SessionToken>
                        <Expiration>2026-03-01T13:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>
                        """.utf8
                    )
                )
            }
            let key = request.header("Authorization") ?? ""
            guard let standIn = known.first(where: { key.contains("ASIA\($0.key)") })?.value else {
                return HTTPClientReply(status: 403, body: [])
            }
            return try FakeHTTP.mounting(standIn).answered(request)
        }
    }

    private func poller(
        _ http: FakeHTTP,
        role: String,
        regions: [String],
        door: RecordingDoor,
        board: CloudWatchPollerTests.StatusBoard,
        paces: PaceRegistry,
        sleeper: VirtualSleeper = VirtualSleeper()
    ) -> CloudWatchPoller {
        let poller = CloudWatchPoller(
            settings: CloudWatchSettings(
                regions: regions,
                roleARN: role,
                endpoint: "http://cw.test",
                usesMetricStatistics: false
            ),
            environment: AWSEnvironment(variables: [
                "AWS_ACCESS_KEY_ID": "AKIDBASE", "AWS_SECRET_ACCESS_KEY": "base",
                "AWS_ENDPOINT_URL_STS": "http://sts.test",
            ]) { (_) throws(FileReadError) in throw .missing },
            http: http,
            admit: door,
            clock: clock,
            sleeper: sleeper,
            random: { SeededGenerator(seed: 1) },
            log: .silent,
            metrics: MetricsRegistry(),
            paces: paces,
            report: { board.take($0) }
        )
        poller.update(needs: [
            SelectorNeed(
                matchers: [
                    LabelMatcher(LabelSet.metricName, equals: "aws_rds_cpuutilization_average")
                ],
                reach: .seconds(300)
            )
        ])
        return poller
    }

    @Test func eachRoleReadsItsOwnAccountInEachRegion() async {
        let http = world(["111111111111": 11, "222222222222": 22])
        let door = RecordingDoor()
        let board = CloudWatchPollerTests.StatusBoard()
        let paces = PaceRegistry()
        for account in ["111111111111", "222222222222"] {
            let poller = poller(
                http,
                role: "arn:aws:iam::\(account):role/reader",
                regions: ["eu-west-1", "eu-central-1"],
                door: door,
                board: board,
                paces: paces
            )
            await poller.pollOnce(at: clock.now())
        }
        func values(_ account: String, _ region: String) -> Set<Double> {
            Set(
                door.values(
                    #"aws_rds_cpuutilization_average{account_id="\#(account)", dimension_DBInstanceIdentifier="db-1", region="\#(region)"}"#
                )
            )
        }
        for region in ["eu-west-1", "eu-central-1"] {
            #expect(values("111111111111", region) == [11])
            #expect(values("222222222222", region) == [22])
        }
        #expect(
            board.names == [
                "cloudwatch/eu-central-1/111111111111", "cloudwatch/eu-central-1/222222222222",
                "cloudwatch/eu-west-1/111111111111", "cloudwatch/eu-west-1/222222222222",
            ]
        )
        #expect(board.names.allSatisfy { board[$0]?.advice == "" })
        // One AssumeRole for each entry, whatever its regions; each request signed for its region.
        #expect(http.requests.filter { $0.url.hasPrefix("http://sts.test") }.count == 2)
        let scopes = Set(
            http.requests.filter { $0.url.hasPrefix("http://cw.test") }.compactMap { request in
                request.header("Authorization")?.split(separator: "/").dropFirst(2).first.map(
                    String.init
                )
            }
        )
        #expect(scopes == ["eu-west-1", "eu-central-1"])
        #expect(
            http.requests.allSatisfy {
                !$0.url.hasPrefix("http://cw.test") || $0.header("X-Amz-Security-Token") == "t"
            }
        )
    }

    @Test func rolesOfOneAccountShareOnePace() async {
        let http = world(["111111111111": 11, "222222222222": 22])
        let paces = PaceRegistry()
        let shared = paces.pace(account: "111111111111", region: "eu-west-1")
        for _ in 0..<5 { shared.throttled() }
        #expect(shared.rate < 0.4)
        func pauses(_ account: String, _ role: String) async -> [Duration] {
            let sleeper = VirtualSleeper()
            let poller = poller(
                http,
                role: "arn:aws:iam::\(account):role/\(role)",
                regions: ["eu-west-1"],
                door: RecordingDoor(),
                board: CloudWatchPollerTests.StatusBoard(),
                paces: paces,
                sleeper: sleeper
            )
            await poller.pollOnce(at: clock.now())
            return sleeper.pauses
        }
        // Both roles of the throttled account wait, the other account does not.
        #expect(await pauses("111111111111", "reader").first.map { $0 > .seconds(2) } == true)
        #expect(await pauses("111111111111", "auditor").first.map { $0 > .seconds(2) } == true)
        #expect(await pauses("222222222222", "reader").isEmpty)
        #expect(paces.pace(account: "111111111111", region: "eu-central-1").rate == 10)
    }
}

extension String {
    /// The `count` characters after `start`; empty when there is none.
    fileprivate func components(_ start: String, _ count: Int) -> String {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(start) { return String(rest.dropFirst(start.count).prefix(count)) }
            rest = rest.dropFirst()
        }
        return ""
    }
}
