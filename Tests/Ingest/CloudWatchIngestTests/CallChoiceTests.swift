import CloudWatchIngest
import Model
import Testing
import Timekeeping

/// GetMetricData or GetMetricStatistics, whichever is cheaper.
@Suite struct CallChoiceTests {
    static func query(
        _ metric: String,
        _ statistic: CloudWatchStatistic,
        every seconds: Int = 60
    ) -> PlannedQuery {
        PlannedQuery(
            key: QueryKey(
                metric: CloudWatchMetric("N", metric, ["I": "1"]),
                statistic: statistic,
                period: .seconds(60)
            ),
            timing: PollTiming(
                period: .seconds(60),
                pollEvery: .seconds(seconds),
                settle: .zero,
                reread: .seconds(60)
            ),
            names: ["n"],
            reach: .seconds(300)
        )
    }

    static func chosen(
        _ queries: [PlannedQuery],
        free: Double,
        prices: CloudWatchPrices = CloudWatchPrices()
    ) -> [PlannedQuery] {
        CallChoice(freeRequests: free, prices: prices)
            .applied(to: RegionPlans(["eu-west-1": PollPlan(queries: queries)])).queries
    }

    @Test func freeRequestsCarryTwentyThreeSeriesAMinute() {
        let wanted = (0..<40).map { Self.query("M\($0)", .plain(.average)) }
        let queries = Self.chosen(wanted, free: 1_000_000)
        #expect(queries.filter { $0.requestShare == 1 }.count == 23)
        #expect(queries.filter { $0.operation == .getMetricData }.count == 17)
        let price = PlanPrice(queries, prices: CloudWatchPrices())
        #expect(abs(price.dollars - 17 * 0.432) < 1e-9)
        #expect(price.paidRequests == 0)
    }

    @Test func statisticsOfOneMetricShareARequest() {
        let plain: [CloudWatchStatistic] = [.average, .sum, .minimum, .maximum, .sampleCount]
            .map { .plain($0) }
        let wanted =
            plain.map { Self.query("M", $0) }
            + [
                Self.query("M", .upTo(.percentile, "99")),
                Self.query("M", .upTo(.percentile, "50")),
            ]
        let queries = Self.chosen(wanted, free: 1_000_000)
        #expect(queries.prefix(5).allSatisfy { $0.requestShare == 0.2 })
        #expect(queries.suffix(2).allSatisfy { $0.requestShare == 0.5 })
        #expect(PlanPrice(queries, prices: CloudWatchPrices()).statisticsRequests == 86400)
    }

    @Test func beyondTheFreeRequestsTwoStatisticsStillSaveHalf() {
        let wanted = [
            Self.query("A", .plain(.average)), Self.query("A", .plain(.maximum)),
            Self.query("B", .plain(.average)),
        ]
        let queries = Self.chosen(wanted, free: 0)
        #expect(queries.map(\.requestShare) == [0.5, 0.5, nil])
        let price = PlanPrice(
            queries,
            prices: CloudWatchPrices(freeRequests: 0)
        )
        #expect(abs(price.dollars - 2 * 0.432) < 1e-9)
    }

    @Test func whatOnlyGetMetricDataGivesIsAskedThere() throws {
        let rank = try #require(CloudWatchStatistic(cloudWatch: "PR(:0.5)"))
        let trimmed = try #require(CloudWatchStatistic(cloudWatch: "tm90"))
        let wanted = [
            Self.query("M", rank), Self.query("M", trimmed),
            Self.query("M", .plain(.interquartileMean)),
        ]
        #expect(Self.chosen(wanted, free: 1_000_000).allSatisfy { $0.requestShare == nil })
    }

    @Test func quotasOfOthersAreLeftAlone() {
        let wanted = (0..<300).flatMap {
            [Self.query("M\($0)", .plain(.average)), Self.query("M\($0)", .plain(.maximum))]
        }
        let queries = Self.chosen(wanted, free: 0)
        let requests = PlanPrice(queries, prices: CloudWatchPrices()).statisticsRequests
        #expect(requests <= CallChoice.requestsMax)
        #expect(requests > CallChoice.requestsMax * 0.95)
    }

    @Test func itNeverCostsMoreThanGetMetricDataAlone() {
        let wanted =
            (0..<30).map { Self.query("M\($0)", .plain(.average), every: 60 + $0 % 3 * 240) }
            + (0..<10).map { Self.query("M\($0)", .plain(.sum)) }
        let alone = PlanPrice(wanted, prices: CloudWatchPrices()).dollars
        for free in [0, 10_000, 500_000, 5_000_000.0] {
            let prices = CloudWatchPrices(freeRequests: Int(free))
            let price = PlanPrice(Self.chosen(wanted, free: free, prices: prices), prices: prices)
            #expect(price.dollars <= alone + 1e-9)
        }
    }
}
