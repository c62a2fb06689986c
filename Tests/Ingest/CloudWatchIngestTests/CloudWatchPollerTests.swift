import CloudWatchIngest
import CloudWatchStandIn
import HTTPClient
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// A door that keeps what comes, as the rings would: last write wins.
final class RecordingDoor: SampleAdmitting {
    struct Kept {
        var samples: [String: [Int64: Double]] = [:]
        var windows: [Duration] = []
        var sources: Set<String> = []
        var closedFor = 0
        var revised = 0
    }

    let kept = Mutex(Kept())

    func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
        kept.withLock { kept in
            guard kept.closedFor == 0 else {
                kept.closedFor -= 1
                return .overloaded(retryAfter: .seconds(2), reason: "full")
            }
            kept.sources.insert(source)
            if case .upsert(let window) = batch.latePolicy { kept.windows.append(window) }
            var result = AppendResult()
            for entry in batch.entries {
                let key = Self.text(batch.labelBytes[entry.labels])
                for index in entry.samples {
                    let old = kept.samples[key, default: [:]].updateValue(
                        batch.values[index],
                        forKey: batch.timestamps[index]
                    )
                    if let old, old != batch.values[index] { result.revised += 1 }
                    if old == batch.values[index] {
                        result.duplicates += 1
                    } else {
                        result.accepted += 1
                    }
                }
            }
            kept.revised += result.revised
            return .admitted(result)
        }
    }

    func close(for batches: Int) { kept.withLock { $0.closedFor = batches } }

    func values(_ series: String) -> [Double] {
        kept.withLock { kept in
            (kept.samples[series] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        }
    }

    func times(_ series: String) -> [Int64] {
        kept.withLock { ($0.samples[series] ?? [:]).keys.sorted() }
    }

    var series: [String] { kept.withLock { $0.samples.keys.sorted() } }

    /// `name{label="value", ...}` of encoded labels.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var labels: [Label] = []
        var rest = bytes
        func string() -> String {
            let length = Int(rest[rest.startIndex + 1])
            let text = String(decoding: rest.dropFirst(2).prefix(length), as: UTF8.self)
            rest = rest.dropFirst(2 + length)
            return text
        }
        while !rest.isEmpty {
            rest = rest.dropFirst(2)
            let name = string()
            labels.append(Label(name, string()))
        }
        return LabelSet(labels).description
    }
}

/// The whole source against the stand-in, in virtual time.
@Suite struct CloudWatchPollerTests {
    static let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    static let key = StandInKey(accessKeyID: "AKIDTEST", secretAccessKey: "secret")
    static let requests = CloudWatchMetric(
        "AWS/ApplicationELB",
        "RequestCount",
        ["LoadBalancer": "app/web/1"]
    )
    static let latency = requests.renamed("TargetResponseTime")
    static let errors = requests.renamed("HTTPCode_Target_5XX_Count")
    static let requestSeries =
        #"aws_applicationelb_request_count_sum{dimension_LoadBalancer="app/web/1", region="eu-west-1"}"#
    static let errorSeries =
        #"aws_applicationelb_httpcode_target_5xx_count_sum{dimension_LoadBalancer="app/web/1", region="eu-west-1"}"#
    static let latencySeries =
        #"aws_applicationelb_target_response_time_p99{dimension_LoadBalancer="app/web/1", region="eu-west-1"}"#
    static let rankSeries =
        #"aws_applicationelb_target_response_time_pr_le_0_5{dimension_LoadBalancer="app/web/1", region="eu-west-1"}"#

    let clock = ManualClock(noon)
    let registry = MetricsRegistry()
    let door = RecordingDoor()
    let statuses = StatusBoard()

    final class StatusBoard: Sendable {
        private let held = Mutex<[String: SourceStatus]>([:])
        func take(_ status: SourceStatus) { held.withLock { $0[status.name] = status } }
        subscript(name: String) -> SourceStatus? { held.withLock { $0[name] } }
        var names: [String] { held.withLock { $0.keys.sorted() } }
    }

    private func standIn(_ limits: CloudWatchStandIn.Limits = .init()) -> CloudWatchStandIn {
        CloudWatchStandIn(keys: [Self.key], limits: limits, clock: clock)
    }

    private func poller(
        _ http: FakeHTTP,
        _ settings: CloudWatchSettings = .init(regions: ["eu-west-1"], endpoint: "http://cw.test"),
        sleeper: VirtualSleeper = VirtualSleeper(),
        usingStatistics: Bool = false,
        spend: (any SpendStoring)? = nil,
        coverage: PushCoverage? = nil
    ) -> CloudWatchPoller {
        // By GetMetricData alone, unless a test says otherwise.
        var settings = settings
        if !usingStatistics { settings.usesMetricStatistics = false }
        return CloudWatchPoller(
            settings: settings,
            credentials: FixedCredentials(
                AWSCredentials(accessKeyID: "AKIDTEST", secretAccessKey: "secret", source: "test")
            ),
            environment: AWSEnvironment(variables: [:]) { (_) throws(FileReadError) in
                throw .missing
            },
            http: http,
            admit: door,
            clock: clock,
            sleeper: sleeper,
            random: { SeededGenerator(seed: 1) },
            log: .silent,
            metrics: registry,
            spend: spend,
            coverage: coverage,
            report: { [statuses] in statuses.take($0) }
        )
    }

    private static func needs(_ names: String..., reach: Int = 300) -> [SelectorNeed] {
        names.map {
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                reach: .seconds(reach)
            )
        }
    }

    /// Traffic for the half hour before noon and ten minutes after.
    private func fill(_ standIn: CloudWatchStandIn) {
        for minute in -30..<10 {
            let time = Self.noon + .seconds(60 * minute)
            standIn.record(Self.requests, Array(repeating: 1, count: 100), at: time)
            standIn.record(Self.latency, (1...100).map { Double($0) / 100 }, at: time)
        }
    }

    /// Polls whenever something is due for `seconds`, in virtual time.
    private func run(_ poller: CloudWatchPoller, for seconds: Int, step: Int = 5) async {
        for _ in stride(from: 0, to: seconds, by: step) {
            await poller.pollOnce(at: clock.now())
            clock.advance(by: .seconds(step))
        }
    }

    @Test func rulesGetTheirSeriesAndNothingElse() async {
        let standIn = standIn()
        fill(standIn)
        let poller = poller(.mounting(standIn))
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_target_response_time_p99",
                "aws_applicationelb_target_response_time_pr_le_0_5",
                "up"
            )
        )
        await poller.pollOnce(at: clock.now())
        #expect(door.series == [Self.requestSeries, Self.latencySeries, Self.rankSeries])
        // Ten minutes back of settled periods: the newest begins at 11:57.
        #expect(door.values(Self.requestSeries) == Array(repeating: 100, count: 10))
        #expect(door.times(Self.requestSeries).last == (Self.noon - .seconds(180)).milliseconds)
        #expect(door.values(Self.latencySeries).first == 0.99)
        #expect(door.values(Self.rankSeries).first == 50)
        #expect(door.kept.withLock { $0.sources } == ["cloudwatch/eu-west-1"])
        let status = statuses["cloudwatch/eu-west-1"]
        #expect(status?.isOn == true)
        #expect(status?.advice == "")
        #expect(status?.lastSuccess == Self.noon)
        #expect(status?.watermark == Self.noon - .seconds(120))
        #expect(status?.accepted == 30)
        #expect(standIn.calls == ["ListMetrics": 1, "GetMetricData": 1])
        let exposition = registry.exposition(.text)
        #expect(
            exposition.contains(
                #"tocsin_cloudwatch_metrics_requested_total{source="cloudwatch/eu-west-1"} 3"#
            )
        )
        let cost = poller.costReport(at: clock.now())
        #expect(abs(cost.planUsdPerMonth - 1.296) < 1e-9)
        #expect(abs(cost.spentUsd - 0.00003) < 1e-12)
    }

    @Test func whatIsPushedIsNotPaidForAndPulledAgainWhenItStops() async {
        let standIn = standIn()
        fill(standIn)
        let coverage = PushCoverage(itemsMax: 10)
        let owner = MetricOwner(region: "eu-west-1", accountID: "123456789012")
        let item = PushCoverage.Item(PushedMetric(Self.requests, owner), .plain(.sum))
        let poller = poller(
            .mounting(standIn),
            .init(
                regions: ["eu-west-1"],
                accountID: "123456789012",
                endpoint: "http://cw.test"
            ),
            coverage: coverage
        )
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_target_response_time_p99"
            )
        )
        coverage.note([item], at: clock.now())
        await poller.pollOnce(at: clock.now())
        #expect(door.series.count == 1 && door.series[0].contains("target_response_time_p99"))
        // A share of what was asked for, and of what it costs, is left.
        #expect(abs(poller.costReport(at: clock.now()).planUsdPerMonth - 0.432) < 1e-9)
        await run(poller, for: 300)
        #expect(door.series.count == 1)
        // The stream stops: after a quarter of an hour its metric is pulled, from where it stopped.
        await run(poller, for: 700)
        #expect(door.series.count == 2)
        #expect(door.values(door.series[0]).count >= 10)
        // And it comes back.
        coverage.note([item], at: clock.now())
        await run(poller, for: 65)
        #expect(abs(poller.costReport(at: clock.now()).planUsdPerMonth - 0.432) < 1e-9)
    }

    @Test func pollsComeOnceAMinuteAndReviseWhatChanged() async {
        let standIn = standIn()
        fill(standIn)
        let poller = poller(.mounting(standIn))
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await run(poller, for: 300)
        #expect((5...6).contains(standIn.calls["GetMetricData"] ?? 0))
        #expect(standIn.calls["ListMetrics"] == 1)
        #expect(door.values(Self.requestSeries).count == 14)
        let revised = Self.noon - .seconds(240)
        standIn.revise(
            Self.requests,
            from: revised,
            for: .seconds(60),
            to: Array(repeating: 1, count: 77)
        )
        await run(poller, for: 65)
        #expect(door.kept.withLock { $0.samples[Self.requestSeries]?[revised.milliseconds] } == 77)
        #expect(door.kept.withLock { $0.revised } == 1)
        #expect(door.kept.withLock { $0.windows.allSatisfy { $0 >= .seconds(600) } })
    }

    @Test func silentCountersAreZeroWhileThereIsTraffic() async {
        let standIn = standIn()
        fill(standIn)
        let bad = Self.noon - .seconds(300)
        standIn.record(Self.errors, [1, 1, 1], at: bad)
        let poller = poller(.mounting(standIn))
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_httpcode_target_5xx_count_sum",
                "aws_applicationelb_httpcode_elb_5xx_count_sum"
            )
        )
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.errorSeries).count == 10)
        #expect(door.values(Self.errorSeries).reduce(0, +) == 3)
        #expect(door.kept.withLock { $0.samples[Self.errorSeries]?[bad.milliseconds] } == 3)
        // RequestCount is asked for, to tell zero from silence, but no rule reads it.
        #expect(!door.series.contains(Self.requestSeries))
        #expect(
            registry.exposition(.text).contains(
                "tocsin_cloudwatch_zero_filled_total{source=\"cloudwatch/eu-west-1\"} 19"
            )
        )
    }

    @Test func withoutTrafficThereAreNoZeros() async {
        let standIn = standIn()
        standIn.record(Self.requests, [1], at: Self.noon - .seconds(3600))
        let poller = poller(.mounting(standIn))
        poller.update(needs: Self.needs("aws_applicationelb_httpcode_target_5xx_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(door.series.isEmpty)
    }

    @Test func anIncompleteResultIsKeptButItsRangeIsReadAgain() async {
        let standIn = standIn()
        fill(standIn)
        let poller = poller(.mounting(standIn))
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_httpcode_target_5xx_count_sum"
            )
        )
        standIn.inject(.partialData(metricName: "RequestCount"))
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.requestSeries).count == 5)
        #expect(door.values(Self.errorSeries).isEmpty)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("RequestCount") == true)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("read again") == true)
        standIn.inject(.internalError(metricName: "RequestCount"))
        await run(poller, for: 90)
        #expect(door.values(Self.requestSeries).count == 5)
        await run(poller, for: 75)
        #expect(door.values(Self.requestSeries).count >= 11)
        #expect(door.values(Self.errorSeries).count == door.values(Self.requestSeries).count)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice == "")
        #expect(
            registry.exposition(.text).contains(
                "tocsin_cloudwatch_incomplete_results_total{source=\"cloudwatch/eu-west-1\"} 2"
            )
        )
    }

    @Test func pagesArePutTogetherById() async {
        let standIn = standIn()
        fill(standIn)
        var settings = CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        settings.datapointsPerPage = 3
        let poller = poller(.mounting(standIn), settings)
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_target_response_time_p99"
            )
        )
        await poller.pollOnce(at: clock.now())
        #expect(standIn.calls["GetMetricData"] == 7)
        #expect(door.values(Self.requestSeries).count == 10)
        #expect(door.values(Self.latencySeries).count == 10)
        #expect(
            registry.exposition(.text).contains(
                "metrics_requested_total{source=\"cloudwatch/eu-west-1\"} 2"
            )
        )
    }

    @Test func aCallCutByThePageLimitStaysOwed() async {
        let standIn = standIn()
        fill(standIn)
        var settings = CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        settings.datapointsPerPage = 3
        settings.dataPagesMax = 2
        let poller = poller(.mounting(standIn), settings)
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.requestSeries).count == 6)
        #expect(statuses["cloudwatch/eu-west-1"]?.watermark == nil)
    }

    @Test func aPageThatFailsKeepsWhatCameAndTriesAgainSoon() async {
        let standIn = standIn()
        fill(standIn)
        var settings = CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        settings.datapointsPerPage = 6
        let count = Mutex(0)
        let http = FakeHTTP.mounting(standIn) { (request) throws(HTTPClientError) in
            guard request.header("X-Amz-Target")?.hasSuffix("GetMetricData") == true else { return }
            let call = count.withLock { count in
                count += 1
                return count
            }
            if (2...5).contains(call) { throw .unreachable(host: "cw.test", reason: "reset") }
        }
        let poller = poller(http, settings)
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.requestSeries).count == 6)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("cannot reach cw.test") == true)
        clock.advance(by: .seconds(30))
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.requestSeries).count == 10)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice == "")
    }

    @Test func aClosedDoorIsTriedAgainAndNothingIsLost() async {
        let standIn = standIn()
        fill(standIn)
        door.close(for: 1)
        let poller = poller(.mounting(standIn))
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(door.series.isEmpty)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("full") == true)
        #expect(statuses["cloudwatch/eu-west-1"]?.refused == ["overloaded": 10])
        clock.advance(by: .seconds(2))
        await poller.pollOnce(at: clock.now())
        #expect(door.values(Self.requestSeries).count == 10)
    }

    @Test func newMetricsAreFoundWhenTheListIsRenewed() async {
        let standIn = standIn()
        fill(standIn)
        let poller = poller(.mounting(standIn))
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        let other = CloudWatchMetric(
            "AWS/ApplicationELB",
            "RequestCount",
            ["LoadBalancer": "app/new/2"]
        )
        standIn.record(other, [1], at: Self.noon + .seconds(600))
        clock.advance(by: .seconds(14 * 60))
        await poller.pollOnce(at: clock.now())
        #expect(door.series.count == 1)
        clock.advance(by: .seconds(60))
        await poller.pollOnce(at: clock.now())
        #expect(door.series.count == 2)
        #expect(standIn.calls["ListMetrics"] == 2)
    }

    @Test func changedNeedsChangeWhatIsAsked() async {
        let standIn = standIn()
        fill(standIn)
        let poller = poller(.mounting(standIn))
        await poller.pollOnce(at: clock.now())
        #expect(standIn.calls.isEmpty)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice == "")
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(door.series == [Self.requestSeries])
        poller.update(needs: Self.needs("aws_applicationelb_target_response_time_p99"))
        await poller.pollOnce(at: clock.now())
        #expect(door.series == [Self.requestSeries, Self.latencySeries])
        let requested = standIn.calls["GetMetricData"]
        poller.update(needs: [])
        await run(poller, for: 300, step: 60)
        #expect(standIn.calls["GetMetricData"] == requested)
    }

    @Test func homeRegionsAreAskedForTheirOwnNamespacesOnly() async {
        let standIn = standIn()
        fill(standIn)
        let bill = CloudWatchMetric("AWS/Billing", "EstimatedCharges", ["Currency": "USD"])
        standIn.record(bill, [123], at: Self.noon - .seconds(7 * 3600))
        let http = FakeHTTP.mounting(standIn)
        let poller = poller(http)
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_billing_estimated_charges_maximum"
            )
        )
        await poller.pollOnce(at: clock.now())
        #expect(statuses.names == ["cloudwatch/eu-west-1", "cloudwatch/us-east-1"])
        #expect(
            door.series
                == [
                    Self.requestSeries,
                    #"aws_billing_estimated_charges_maximum{dimension_Currency="USD", region="us-east-1"}"#,
                ].sorted()
        )
        let scopes = Set(
            http.requests.compactMap { request in
                request.header("Authorization")?.split(separator: "/").dropFirst(2).first.map(
                    String.init
                )
            }
        )
        #expect(scopes == ["eu-west-1", "us-east-1"])
        #expect(http.requests.filter { $0.text.contains("PT3H") }.count == 1)
    }

    @Test func missingCredentialsAreExplainedAndTheSourceIsOff() async {
        let standIn = standIn()
        let poller = CloudWatchPoller(
            settings: .init(regions: ["eu-west-1"], endpoint: "http://cw.test"),
            environment: AWSEnvironment(variables: [
                "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/h",
            ]) {
                (_) throws(FileReadError) in throw .missing
            },
            http: FakeHTTP.mounting(standIn),
            admit: door,
            clock: clock,
            sleeper: VirtualSleeper(),
            random: { SeededGenerator(seed: 1) },
            log: .silent,
            metrics: registry,
            report: { [statuses] in statuses.take($0) }
        )
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(statuses["cloudwatch/eu-west-1"]?.isOn == false)
        #expect(
            statuses["cloudwatch/eu-west-1"]?.advice.contains("AWS_ACCESS_KEY_ID is not set")
                == true
        )
        #expect(standIn.calls.isEmpty)
    }

    @Test func withoutARegionTheSourceIsOff() async {
        let poller = CloudWatchPoller(
            settings: .init(),
            environment: AWSEnvironment(variables: ["AWS_EC2_METADATA_DISABLED": "true"]) {
                (_) throws(FileReadError) in throw .missing
            },
            http: FakeHTTP.mounting(standIn()),
            admit: door,
            clock: clock,
            log: .silent,
            metrics: registry,
            report: { [statuses] in statuses.take($0) }
        )
        await poller.pollOnce(at: clock.now())
        #expect(statuses["cloudwatch"]?.isOn == false)
        #expect(statuses["cloudwatch"]?.advice.contains("AWS_REGION") == true)
    }

    @Test func wrongCredentialsAreExplained() async {
        let standIn = CloudWatchStandIn(
            keys: [StandInKey(accessKeyID: "AKIDTEST", secretAccessKey: "another")],
            clock: clock
        )
        let poller = poller(.mounting(standIn))
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("SignatureDoesNotMatch") == true)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("check") == false)
    }

    @Test func anotherServersAnswerIsQuotedOnOneLine() async {
        let poller = poller(
            FakeHTTP { _ in
                HTTPClientReply(
                    status: 405,
                    headers: [],
                    body: Array("405 no\n\n  POST here\n".utf8)
                )
            }
        )
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await poller.pollOnce(at: clock.now())
        let advice = statuses["cloudwatch/eu-west-1"]?.advice ?? ""
        #expect(advice.hasSuffix("CloudWatch answered 405 HTTP405: 405 no POST here"))
    }

    @Test func aForbiddenMetricIsNamedAndTheOthersGoOn() async {
        let standIn = standIn()
        fill(standIn)
        standIn.inject(.forbidden(metricName: "TargetResponseTime"))
        let poller = poller(.mounting(standIn))
        poller.update(
            needs: Self.needs(
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_target_response_time_p99"
            )
        )
        await poller.pollOnce(at: clock.now())
        #expect(door.series == [Self.requestSeries])
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("TargetResponseTime") == true)
        #expect(statuses["cloudwatch/eu-west-1"]?.advice.contains("forbidden") == true)
    }

    @Test func theLoopPollsUntilItIsCancelled() async {
        let standIn = standIn()
        fill(standIn)
        let clock = clock
        let finished = Mutex(false)
        let sleeper = VirtualSleeper { clock.advance(by: $0) }
        let poller = poller(.mounting(standIn), sleeper: sleeper)
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        let task = Task {
            await poller.run()
            finished.withLock { $0 = true }
        }
        while door.values(Self.requestSeries).count < 13 { await Task.yield() }
        task.cancel()
        await task.value
        #expect(finished.withLock { $0 })
        #expect(sleeper.pauses.allSatisfy { $0 >= .milliseconds(100) && $0 <= .seconds(5) })
    }

    @Test func shortPeriodsServeADemonstration() async {
        let standIn = standIn()
        let origin = Self.noon
        standIn.follow(Self.requests) { $0 >= origin ? [1, 1, 1] : [] }
        let settings = CloudWatchSettings(
            regions: ["eu-west-1"],
            endpoint: "http://cw.test",
            period: .seconds(1),
            delay: .zero,
            budgetDollarsPerMonth: nil
        )
        let poller = poller(.mounting(standIn), settings)
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        for _ in 0..<100 {
            await poller.pollOnce(at: clock.now())
            clock.advance(by: .milliseconds(100))
        }
        #expect(door.values(Self.requestSeries) == Array(repeating: 3, count: 9))
    }

    @Test(arguments: [
        (CloudWatchSettings(period: .seconds(90)), "whole minutes"),
        (CloudWatchSettings(period: .milliseconds(1500)), "period"),
        (CloudWatchSettings(delay: .seconds(-1)), "delay"),
        (CloudWatchSettings(budgetDollarsPerMonth: 0), "budget_usd_per_month"),
        (CloudWatchSettings(endpoint: "localhost:1"), "endpoint"),
        (CloudWatchSettings(roleARN: "reader"), "role_arn"),
    ]) func settingsThatCannotBeAreNamed(_ settings: CloudWatchSettings, _ word: String) {
        #expect(settings.problems.count == 1)
        #expect(settings.problems.first?.contains(word) == true)
        #expect(CloudWatchSettings().problems.isEmpty)
    }

    // MARK: Cost

    /// The same values by both calls, zeros and late revisions among them.
    @Test func statisticsGiveWhatDataGives() async {
        let names = [
            "aws_applicationelb_request_count_sum", "aws_applicationelb_request_count_average",
            "aws_applicationelb_target_response_time_p99",
            "aws_applicationelb_target_response_time_pr_le_0_5",
            "aws_applicationelb_httpcode_target_5xx_count_sum",
        ]
        let standIn = standIn()
        fill(standIn)
        standIn.record(Self.errors, [1, 1, 1], at: Self.noon - .seconds(300))
        let needs = names.map {
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                reach: .seconds(300)
            )
        }
        let poller = poller(.mounting(standIn), usingStatistics: true)
        poller.update(needs: needs)
        await run(poller, for: 300)
        // PR is GetMetricData's alone; two statistics of the request count come with one request.
        let polls = standIn.calls["GetMetricData"] ?? 0
        #expect((5...6).contains(polls))
        #expect(standIn.calls["GetMetricStatistics"] == 3 * polls)
        standIn.revise(
            Self.requests,
            from: Self.noon - .seconds(240),
            for: .seconds(60),
            to: Array(repeating: 1, count: 77)
        )
        await run(poller, for: 65)

        let other = RecordingDoor()
        let twin = CloudWatchPoller(
            settings: CloudWatchSettings(
                regions: ["eu-west-1"],
                endpoint: "http://cw.test",
                usesMetricStatistics: false
            ),
            credentials: FixedCredentials(
                AWSCredentials(accessKeyID: "AKIDTEST", secretAccessKey: "secret", source: "test")
            ),
            http: FakeHTTP.mounting(standIn),
            admit: other,
            clock: clock,
            sleeper: VirtualSleeper(),
            log: .silent,
            metrics: MetricsRegistry()
        )
        twin.update(needs: needs)
        await twin.pollOnce(at: clock.now())
        #expect(door.series == other.series)
        #expect(door.series.count == 5)
        for series in door.series {
            let ours = Dictionary(
                uniqueKeysWithValues: zip(door.times(series), door.values(series))
            )
            let theirs = zip(other.times(series), other.values(series))
            let common = theirs.filter { ours[$0.0] != nil }
            #expect(common.count >= 9)
            #expect(common.allSatisfy { ours[$0.0] == $0.1 })
        }
        let cost = poller.costReport(at: clock.now())
        let calls = Dictionary(uniqueKeysWithValues: cost.calls.map { ($0.operation, $0) })
        #expect(calls["GetMetricStatistics"]?.spentUsd == 0)
        #expect(calls["GetMetricStatistics"]?.units == standIn.calls["GetMetricStatistics"])
        #expect(abs(cost.planUsdPerMonth - 0.432) < 1e-9)
    }

    /// A policy that was written before GetMetricStatistics was used must not blind anybody.
    @Test func whereStatisticsAreNotAllowedDataIsAskedInstead() async {
        let standIn = standIn()
        fill(standIn)
        standIn.inject(
            .refuse(code: "AccessDenied", message: "not authorized"),
            on: "GetMetricStatistics",
            times: 1000
        )
        let poller = poller(.mounting(standIn), usingStatistics: true)
        poller.update(needs: Self.needs("aws_applicationelb_request_count_sum"))
        await run(poller, for: 60)
        #expect(standIn.calls["GetMetricStatistics"] == 1)
        #expect(door.values(Self.requestSeries).count >= 10)
        let status = statuses["cloudwatch/eu-west-1"]
        #expect(status?.advice == "")
        #expect(status?.notice.contains("allow cloudwatch:GetMetricStatistics") == true)
        #expect(poller.costReport(at: clock.now()).explanation.contains("AccessDenied"))
    }

    @Test func aFirstReadThatIsTooLongForStatisticsIsMadeByData() async {
        let standIn = standIn()
        fill(standIn)
        var settings = CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        settings.backfillMax = .seconds(3 * 86400)
        let poller = poller(.mounting(standIn), settings, usingStatistics: true)
        poller.update(
            needs: Self.needs("aws_applicationelb_request_count_sum", reach: 2 * 86400)
        )
        await poller.pollOnce(at: clock.now())
        #expect(standIn.calls["GetMetricData"] == 1)
        #expect(door.values(Self.requestSeries).count == 28)
        await run(poller, for: 120)
        #expect((1...2).contains(standIn.calls["GetMetricStatistics"] ?? 0))
        #expect(standIn.calls["GetMetricData"] == 1)
    }

    @Test func overTheBudgetTheSourceSaysWhatIsSlowedAndTheMonthIsKept() async {
        let standIn = standIn()
        fill(standIn)
        var settings = CloudWatchSettings(regions: ["eu-west-1"], endpoint: "http://cw.test")
        settings.budgetDollarsPerMonth = 0.8
        let store = FakeSpendStore()
        func needs() -> [SelectorNeed] {
            [
                ("aws_applicationelb_target_response_time_p99", "app/Latency", Priority.p2),
                ("aws_applicationelb_target_response_time_average", "app/Mean", Priority.p4),
            ].map { name, rule, priority in
                SelectorNeed(
                    matchers: [LabelMatcher(LabelSet.metricName, equals: name)],
                    reach: .seconds(300),
                    readers: [NeedReader(name: rule, priority: priority)]
                )
            }
        }
        let first = poller(.mounting(standIn), settings, spend: store)
        first.update(needs: needs())
        await first.pollOnce(at: clock.now())
        let status = statuses["cloudwatch/eu-west-1"]
        #expect(status?.advice == "")
        #expect(
            status?.notice.contains("1 metric of P4 rules, read every 4m instead of 1m") == true
        )
        let report = first.costReport(at: clock.now())
        #expect(report.state == "slowed")
        #expect(report.slowed.map(\.rules) == [["app/Mean"]])
        #expect(abs(report.spentUsd - 0.00002) < 1e-12)
        #expect(report.metrics.map(\.pollEverySeconds) == [60, 240])
        let exposition = MetricsRegistry()
        exposition.collect { CostMetrics.families([report]) }
        #expect(
            exposition.exposition(.text).contains(
                #"tocsin_cloudwatch_slowed_metrics{account="own",priority="P4"} 1"#
            )
        )

        // A new process goes on where the old one stopped.
        let second = poller(.mounting(standIn), settings, spend: store)
        second.update(needs: needs())
        await second.pollOnce(at: clock.now())
        let again = second.costReport(at: clock.now())
        #expect(abs(again.spentUsd - 0.00004) < 1e-12)
        #expect(again.rules.first { $0.rule == "app/Mean" }.map { $0.spentUsd } == 0.00002)
        #expect(again.calls.first { $0.operation == "ListMetrics" }?.requests == 2)
    }
}
