import CloudWatchIngest
import Model
import Testing
import Timekeeping

/// What is pushed is stored as if it had been pulled.
@Suite struct PushSelectionTests {
    static let account = "123456789012"
    static let owner = MetricOwner(region: "eu-west-1", accountID: account)

    /// Series that a pull for these needs would store.
    static func pulled(_ needs: [SelectorNeed]) -> Set<LabelSet> {
        let plan = PollPlannerTests.planner(account: account)
            .plan(needs, over: PollPlannerTests.metrics)
        var found: Set<LabelSet> = []
        for query in plan.queries {
            for name in query.names {
                var labels = SeriesNaming.labels(
                    query.key.metric,
                    region: "eu-west-1",
                    accountID: account
                )
                labels[LabelSet.metricName] = name
                found.insert(labels)
            }
        }
        return found
    }

    static func pushed(_ needs: [SelectorNeed], metricsMax: Int = 1000) -> Set<LabelSet> {
        let selection = PushSelection(metricsMax: metricsMax)
        selection.update(needs: needs)
        var found: Set<LabelSet> = []
        // Twice: what is remembered is no other.
        for metric in Array(PollPlannerTests.metrics) + Array(PollPlannerTests.metrics) {
            let series = selection.series(of: PushedMetric(metric, owner))
            found.formUnion(series.map(\.labels))
        }
        return found
    }

    @Test(arguments: PollPlannerTests.cases)
    func aSelectorMeansTheSameSeriesEitherWay(_ one: PollPlannerTests.Case) {
        let needs = [SelectorNeed(matchers: one.selector, reach: .seconds(300))]
        #expect(Self.pushed(needs) == Self.pulled(needs))
        #expect(Self.pushed(needs, metricsMax: 1) == Self.pulled(needs))
    }

    @Test func allSelectorsTogetherToo() throws {
        var needs = PollPlannerTests.cases.map {
            SelectorNeed(matchers: $0.selector, reach: .seconds(300))
        }
        for expression in ["aws_applicationelb_.+", ".*_p99", "aws_(rds|ec2)_.*_average"] {
            let matcher = try LabelMatcher(LabelSet.metricName, .matches, expression)
            needs.append(SelectorNeed(matchers: [matcher], reach: .seconds(300)))
        }
        #expect(Self.pushed(needs) == Self.pulled(needs))
        #expect(Self.pushed(needs).count > 50)
    }

    @Test func anotherRegionIsAnotherSeries() {
        let selection = PushSelection(metricsMax: 10)
        selection.update(
            needs: [
                SelectorNeed(
                    matchers: PollPlannerTests.matchers(
                        "aws_rds_cpuutilization_average",
                        ("region", .equal, "eu-west-1")
                    ),
                    reach: .seconds(300)
                )
            ]
        )
        let metric = PollPlannerTests.metric(
            "CPUUtilization",
            [.init("DBInstanceIdentifier", "db-1")],
            in: "AWS/RDS"
        )
        let elsewhere = MetricOwner(region: "us-east-1", accountID: Self.account)
        #expect(selection.series(of: PushedMetric(metric, Self.owner)).count == 1)
        #expect(selection.series(of: PushedMetric(metric, elsewhere)).isEmpty)
    }
}

@Suite struct PushedStatisticsTests {
    struct Case: Sendable {
        var statistic: String
        var value: Double?
    }

    @Test(arguments: [
        Case(statistic: "Average", value: 2.5), Case(statistic: "Sum", value: 10),
        Case(statistic: "Minimum", value: 1), Case(statistic: "Maximum", value: 4),
        Case(statistic: "SampleCount", value: 4), Case(statistic: "IQM", value: 2),
        Case(statistic: "p99", value: 3.9), Case(statistic: "p99.0", value: 3.9),
        Case(statistic: "p99.9", value: 3.99), Case(statistic: "p50", value: nil),
        Case(statistic: "tm90", value: 2.2), Case(statistic: "tm90.0", value: 2.2),
        Case(statistic: "TM(25%:75%)", value: 2.1), Case(statistic: "TM(25.0%:75%)", value: 2.1),
        Case(statistic: "TM(25:75)", value: nil), Case(statistic: "TM(:75%)", value: nil),
        Case(statistic: "PR(:300)", value: 88), Case(statistic: "PR(300:)", value: nil),
        Case(statistic: "WM(25%:75%)", value: nil),
    ])
    func values(_ one: Case) throws {
        var statistics = PushedStatistics()
        for (name, value) in [
            ("count", 4.0), ("sum", 10), ("min", 1), ("max", 4), ("IQM", 2), ("p99", 3.9),
            ("tm90", 2.2), ("TM(25%:75%)", 2.1), ("PR(:300)", 88),
        ] {
            let isTaken = statistics.take(name, value)
            #expect(isTaken)
        }
        // As OpenTelemetry writes it.
        statistics.percentiles.append((0.999 * 100, 3.99))
        let statistic = try #require(CloudWatchStatistic(cloudWatch: one.statistic))
        #expect(statistics.value(of: statistic) == one.value)
    }

    @Test func whatIsNoNumberIsNoValue() {
        var statistics = PushedStatistics()
        let isTaken = statistics.take("mean", 1)
        #expect(!isTaken)
        _ = statistics.take("sum", .infinity)
        _ = statistics.take("count", 0)
        #expect(statistics.value(of: .plain(.sum)) == nil)
        #expect(statistics.value(of: .plain(.average)) == nil)
        #expect(statistics.value(of: .plain(.sampleCount)) == 0)
    }
}

@Suite struct PushCoverageTests {
    static let needs = [
        "aws_applicationelb_request_count_sum", "aws_applicationelb_target_response_time_p99",
        "aws_applicationelb_httpcode_target_5xx_count_sum",
    ].map {
        SelectorNeed(
            matchers: PollPlannerTests.matchers(
                $0,
                ("dimension_LoadBalancer", .equal, "app/web/1")
            ),
            reach: .seconds(300)
        )
    }
    static let plan = PollPlannerTests.planner(account: PushSelectionTests.account)
        .plan(needs, over: PollPlannerTests.metrics)
    static let now = Timestamp(milliseconds: 1_700_000_000_000)

    static func item(_ name: String, _ statistic: CloudWatchStatistic) -> PushCoverage.Item {
        PushCoverage.Item(
            PushedMetric(
                PollPlannerTests.metric(name, PollPlannerTests.alb),
                PushSelectionTests.owner
            ),
            statistic
        )
    }

    static let latency = item("TargetResponseTime", .upTo(.percentile, "99"))
    static let requests = item("RequestCount", .plain(.sum))
    static let errors = item("HTTPCode_Target_5XX_Count", .plain(.sum))

    static func left(
        _ coverage: PushCoverage,
        _ owner: MetricOwner = PushSelectionTests.owner,
        after seconds: Int = 0
    ) -> [String] {
        coverage.leaveOut(of: plan, owner, at: now + .seconds(seconds)).queries
            .map(\.key.metric.name)
    }

    @Test func whatIsPushedIsLeftOutUntilItStops() {
        let coverage = PushCoverage(itemsMax: 10)
        let all = ["HTTPCode_Target_5XX_Count", "RequestCount", "TargetResponseTime"]
        #expect(Self.left(coverage) == all)
        coverage.note([Self.latency], at: Self.now)
        #expect(Self.left(coverage) == ["HTTPCode_Target_5XX_Count", "RequestCount"])
        #expect(Self.left(coverage, after: 899) == ["HTTPCode_Target_5XX_Count", "RequestCount"])
        #expect(Self.left(coverage, after: 900) == all)
    }

    @Test func aSilentCounterKeepsItsCompanion() {
        let coverage = PushCoverage(itemsMax: 10)
        coverage.note([Self.requests, Self.latency], at: Self.now)
        #expect(Self.left(coverage) == ["HTTPCode_Target_5XX_Count", "RequestCount"])
        coverage.note([Self.errors], at: Self.now)
        #expect(Self.left(coverage) == [])
    }

    @Test func onlyTheSameAccountAndRegionCount() {
        let coverage = PushCoverage(itemsMax: 10)
        coverage.note([Self.requests, Self.latency, Self.errors], at: Self.now)
        #expect(Self.left(coverage, MetricOwner(region: "eu-west-1", accountID: nil)).count == 3)
        #expect(Self.left(coverage, MetricOwner(region: "eu-west-1", accountID: "9")).count == 3)
        let elsewhere = MetricOwner(region: "us-east-1", accountID: PushSelectionTests.account)
        #expect(Self.left(coverage, elsewhere).count == 3)
    }

    @Test func whatDoesNotFitIsPulledAndOldOnesMakeRoom() {
        let coverage = PushCoverage(itemsMax: 1)
        coverage.note([Self.latency, Self.requests], at: Self.now)
        #expect(Self.left(coverage).count == 2)
        let later = Self.now + .seconds(86_400)
        coverage.note([Self.errors], at: later)
        #expect(
            Self.left(coverage, after: 86_400) == ["RequestCount", "TargetResponseTime"]
        )
    }
}
