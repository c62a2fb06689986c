import CloudWatchIngest
import Model
import TestSupport
import Testing
import Timekeeping

/// What slows down and what is left out when money is short.
@Suite struct BudgetPlanTests {
    static func queries(
        _ count: Int,
        _ priority: Priority,
        every seconds: Int = 60,
        metric: String = "Metric",
        rule: String? = nil
    ) -> [PlannedQuery] {
        (0..<count).map { index in
            PlannedQuery(
                key: QueryKey(
                    metric: CloudWatchMetric(
                        "N",
                        "\(metric)\(priority)\(seconds)",
                        ["I": "\(index)"]
                    ),
                    statistic: .plain(.sum),
                    period: .seconds(60)
                ),
                timing: PollTiming(
                    period: .seconds(60),
                    pollEvery: .seconds(seconds),
                    settle: .zero,
                    reread: .seconds(60)
                ),
                names: ["n"],
                reach: .seconds(300),
                readers: [NeedReader(name: rule ?? "g/\(priority)", priority: priority)]
            )
        }
    }

    static func plan(
        _ queries: [PlannedQuery],
        budget: Double?,
        affordable: Double = .infinity,
        lastStep: Int = 0
    ) -> BudgetPlan {
        BudgetPlan(
            RegionPlans(["eu-west-1": PollPlan(queries: queries)]),
            budget: budget,
            affordable: affordable,
            freeRequests: nil,
            lastStep: lastStep,
            prices: CloudWatchPrices()
        )
    }

    private static func paces(_ plan: BudgetPlan, _ priority: Priority) -> Set<Duration> {
        Set(plan.plans.queries.filter { $0.priority == priority }.map(\.timing.pollEvery))
    }

    @Test func oneSeriesAMinuteCostsFortyThreeCents() {
        #expect(abs(Self.plan(Self.queries(1, .p3), budget: nil).dollars - 0.432) < 1e-9)
    }

    @Test func aPlanWithinFourFifthsOfTheBudgetIsLeftAlone() {
        let wanted = Self.queries(18, .p3) + Self.queries(100, .p4, every: 600)
        let plan = Self.plan(wanted, budget: 20)
        #expect(plan.plans.queries.map(\.timing) == wanted.map(\.timing))
        #expect(plan.step == 0 && plan.slowed.isEmpty && plan.leftOut.isEmpty)
    }

    @Test func whatMattersLeastSlowsDownFirst() {
        let wanted =
            Self.queries(20, .p1) + Self.queries(20, .p3) + Self.queries(20, .p4)
        // $25.92 at the usual pace; $16 allow the P4 ones a poll in 15 minutes and P3 ones in 2.
        let plan = Self.plan(wanted, budget: 20)
        #expect(Self.paces(plan, .p1) == [.seconds(60)])
        #expect(Self.paces(plan, .p3) == [.seconds(120)])
        #expect(Self.paces(plan, .p4) == [.seconds(900)])
        #expect(plan.step == 5)
        #expect(abs(plan.usualDollars - 25.92) < 1e-9)
        #expect(plan.dollars <= 16)
        #expect(plan.leftOut.isEmpty)
        #expect(
            plan.slowed == [
                SlowedQueries(
                    priority: .p4,
                    count: 20,
                    from: .seconds(60),
                    to: .seconds(900),
                    rules: ["g/P4"]
                ),
                SlowedQueries(
                    priority: .p3,
                    count: 20,
                    from: .seconds(60),
                    to: .seconds(120),
                    rules: ["g/P3"]
                ),
            ]
        )
    }

    @Test func aMetricMattersAsMuchAsTheMostUrgentRuleThatNeedsIt() {
        var shared = Self.queries(40, .p4)
        for index in shared.indices {
            shared[index].readers.insert(NeedReader(name: "g/page", priority: .p1))
        }
        let plan = Self.plan(shared + Self.queries(20, .p4, metric: "Other"), budget: 23)
        #expect(Self.paces(plan, .p1) == [.seconds(60)])
        #expect(Self.paces(plan, .p4) == [.seconds(480)])
    }

    @Test func whatWasOverspentSlowsButLeavesNothingOut() {
        let plan = Self.plan(
            Self.queries(10, .p1) + Self.queries(10, .p4),
            budget: 20,
            affordable: -3
        )
        #expect(Self.paces(plan, .p1) == [.seconds(900)])
        #expect(Self.paces(plan, .p4) == [.seconds(900)])
        #expect(plan.leftOut.isEmpty)
        #expect(plan.plans.queries.count == 20)
    }

    @Test func atTheSlowestPaceTheLeastUrgentAreLeftOutAndP1Never() {
        let wanted =
            Self.queries(300, .p1) + Self.queries(200, .p2) + Self.queries(300, .p4)
        // 800 metrics every 15 minutes are $23.04, the 300 of P1 alone $8.64.
        let plan = Self.plan(wanted, budget: 12)
        #expect(plan.dollars <= 12)
        #expect(plan.plans.queries.filter { $0.priority == .p1 }.count == 300)
        #expect(plan.leftOut.map(\.priority) == [.p4, .p2])
        #expect(plan.leftOut.first?.count == 300)
        #expect(plan.leftOut.first?.rules == ["g/P4"])

        let poor = Self.plan(wanted, budget: 5)
        #expect(poor.plans.queries.count == 300)
        #expect(poor.dollars > 5)
        #expect(poor.leftOut.map(\.count) == [300, 200])
    }

    @Test func whatIsSlowedStaysSoUntilThereIsRoom() {
        let wanted = Self.queries(38, .p3)
        // $16.42 is just over $16; at $17 there is room, but not a tenth of it.
        let slowed = Self.plan(wanted, budget: 20)
        #expect(slowed.step == 1)
        #expect(Self.plan(wanted, budget: 21.25, lastStep: 1).step == 1)
        #expect(Self.plan(wanted, budget: 21.25, lastStep: 0).step == 0)
        #expect(Self.plan(wanted, budget: 23, lastStep: 1).step == 0)
    }

    @Test func slowMetricsKeepTheirPace() {
        let wanted = Self.queries(3, .p4, every: 21600) + Self.queries(50, .p4)
        let plan = Self.plan(wanted, budget: 2)
        #expect(Self.paces(plan, .p4) == [.seconds(21600), .seconds(900)])
    }

    @Test func countersOfALoadBalancerStayTogether() {
        let balancer = CloudWatchMetric("AWS/ApplicationELB", "RequestCount", ["LoadBalancer": "a"])
        var wanted = Self.queries(40, .p4)
        for (name, priority) in [
            ("RequestCount", Priority.p2), ("HTTPCode_Target_4XX_Count", .p4),
        ] {
            var query = Self.queries(1, priority)[0]
            query.key.metric = balancer.renamed(name)
            wanted.append(query)
        }
        let plan = Self.plan(wanted, budget: 10)
        let pace = plan.plans.queries.filter { $0.key.metric.namespace == "AWS/ApplicationELB" }
            .map(\.timing.pollEvery)
        #expect(pace == [.seconds(60), .seconds(60)])
    }

    @Test func regionsShareTheBudget() {
        let plan = BudgetPlan(
            RegionPlans([
                "eu-west-1": PollPlan(queries: Self.queries(30, .p1)),
                "us-east-1": PollPlan(queries: Self.queries(30, .p4)),
            ]),
            budget: 20,
            affordable: .infinity,
            freeRequests: nil,
            lastStep: 0,
            prices: CloudWatchPrices()
        )
        let paces = plan.plans.byRegion.mapValues { Set($0.queries.map(\.timing.pollEvery)) }
        #expect(paces["eu-west-1"] == [.seconds(60)])
        #expect(paces["us-east-1"] == [.seconds(480)])
        #expect(plan.dollars <= 16)
    }

    /// Whatever the plan: never over the limit with room to slow, never a more urgent metric slowed or left out
    /// while a less urgent one is not.
    @Test func orderAndLimitHoldForRandomPlans() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var wanted: [PlannedQuery] = []
            for priority in Priority.allCases {
                for pace in [60, 120, 300, 600] where Bool.random(using: &random) {
                    let count = Int.random(in: 1...40, using: &random)
                    wanted += Self.queries(count, priority, every: pace)
                }
            }
            let budget = Double.random(in: 0.5...60, using: &random)
            let plan = Self.plan(wanted, budget: budget)
            let kept = plan.plans.queries
            let slowest = kept.allSatisfy { $0.timing.pollEvery >= .seconds(900) }
            #expect(plan.dollars <= budget * 0.8 + 1e-9 || slowest)
            #expect(plan.dollars <= budget + 1e-9 || kept.allSatisfy { $0.priority == .p1 })
            let slowedMost = plan.slowed.map(\.priority).min() ?? .p4
            for query in kept where query.priority > slowedMost {
                #expect(query.timing.pollEvery == .seconds(900))
            }
            if let most = plan.leftOut.map(\.priority).min() {
                #expect(kept.allSatisfy { $0.priority <= most })
            }
            #expect(kept.count + plan.leftOut.reduce(0) { $0 + $1.count } == wanted.count)
        }
    }
}
