import CloudWatchIngest
import Model
import Testing
import Timekeeping

/// Which range is read when: the decision part, in virtual time.
@Suite struct PollScheduleTests {
    static let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)

    static func query(
        _ name: String = "M",
        reach: Int = 300,
        every: Int = 60,
        settle: Int = 120,
        reread: Int = 600
    ) -> PlannedQuery {
        PlannedQuery(
            key: QueryKey(
                metric: CloudWatchMetric("N", name, [:]),
                statistic: .plain(.sum),
                period: .seconds(60)
            ),
            timing: PollTiming(
                period: .seconds(60),
                pollEvery: .seconds(every),
                settle: .seconds(settle),
                reread: .seconds(reread)
            ),
            names: ["aws_n_m_sum"],
            reach: .seconds(reach)
        )
    }

    static func schedule(_ queries: [PlannedQuery], at now: Timestamp = noon) -> PollSchedule {
        var schedule = PollSchedule(
            sourceName: "cloudwatch/eu-west-1",
            backfillMax: .seconds(6 * 3600)
        )
        schedule.adopt(queries, at: now)
        return schedule
    }

    @Test func theFirstReadCoversWhatRulesLookBackOnAndOnlySettledPeriods() {
        var schedule = Self.schedule([Self.query(reach: 3600)])
        let calls = schedule.due(at: Self.noon + .seconds(30))
        #expect(calls.count == 1)
        // 12:00:30 less two minutes is 11:58:30: the last settled period ends at 11:58.
        #expect(calls.first?.end == Self.noon - .seconds(120))
        #expect(calls.first?.start == Self.noon - .seconds(120 + 3600))
        #expect(schedule.due(at: Self.noon + .seconds(30)).isEmpty)
    }

    @Test func theFirstReadIsBounded() {
        var schedule = Self.schedule([Self.query(reach: 30 * 86400)])
        let call = schedule.due(at: Self.noon).first
        #expect(call.map { $0.end - $0.start } == .seconds(6 * 3600))
    }

    @Test func periodsUnderAMinuteAreAskedOnlyAsFarBackAsTheyAreKept() {
        var query = Self.query(reach: 86400)
        query.key.period = .seconds(10)
        query.timing.period = .seconds(10)
        var schedule = Self.schedule([query])
        let call = schedule.due(at: Self.noon).first
        #expect(call.map { Self.noon - $0.start < .seconds(3 * 3600) } == true)
    }

    @Test func everyPollReadsTheLastMinutesAgain() {
        let query = Self.query()
        var schedule = Self.schedule([query])
        var now = Self.noon
        var ranges: [(Timestamp, Timestamp)] = []
        for _ in 0..<4 {
            for call in schedule.due(at: now) {
                ranges.append((call.start, call.end))
                schedule.finished(query.key, .complete, through: call.end, at: now)
            }
            now = schedule.nextDue ?? now
        }
        #expect(ranges.count == 4)
        #expect(ranges.allSatisfy { $0.1 - $0.0 == .seconds(600) })
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $1.1 - $0.1 == .seconds(60) })
    }

    @Test func pollsFallTwentyToThirtySecondsAfterAPeriodSettles() {
        var moments: Set<Int64> = []
        for index in 0..<40 {
            var schedule = PollSchedule(
                sourceName: "cloudwatch/r\(index)",
                backfillMax: .seconds(3600)
            )
            schedule.adopt([Self.query()], at: Self.noon)
            _ = schedule.due(at: Self.noon)
            guard let next = schedule.nextDue else { continue }
            let past = (next - Self.noon).milliseconds % 60000
            #expect((20000...30000).contains(past))
            moments.insert(past)
        }
        #expect(moments.count > 20)
    }

    @Test func metricsOfOneResourceAreReadTogether() {
        var schedule = Self.schedule((0..<3).map { Self.query("M\($0)") })
        _ = schedule.due(at: Self.noon)
        let next = schedule.nextDue ?? Self.noon
        #expect(schedule.due(at: next).first?.queries.count == 3)
    }

    @Test func anIncompleteRangeStaysOwed() {
        let query = Self.query()
        var schedule = Self.schedule([query])
        let first = schedule.due(at: Self.noon)[0]
        schedule.finished(query.key, .complete, through: first.end, at: Self.noon)
        var now = Self.noon
        // Half an hour of incomplete answers: longer than the re-read window.
        for _ in 0..<30 {
            now = schedule.nextDue ?? now
            for call in schedule.due(at: now) {
                schedule.finished(query.key, .incomplete, through: call.end, at: now)
            }
        }
        now = schedule.nextDue ?? now
        let owed = schedule.due(at: now)[0]
        #expect(owed.start == first.end)
        #expect(schedule.watermark == first.end)
        schedule.finished(query.key, .complete, through: owed.end, at: now)
        #expect(schedule.watermark == owed.end)
        now = schedule.nextDue ?? now
        let usual = schedule.due(at: now)[0]
        #expect(usual.end - usual.start == .seconds(600))
    }

    @Test func theFirstReadStaysOwedFromItsBeginning() {
        let query = Self.query(reach: 3600)
        var schedule = Self.schedule([query])
        let first = schedule.due(at: Self.noon)[0]
        schedule.finished(query.key, .incomplete, through: first.end, at: Self.noon)
        let later = schedule.due(at: Self.noon + .seconds(600))[0]
        #expect(later.start == first.start)
        #expect(later.end == first.end + .seconds(600))
    }

    @Test func aFailedCallIsTriedAgainSoonAndAForbiddenMetricSeldom() {
        let query = Self.query()
        var schedule = Self.schedule([query])
        let call = schedule.due(at: Self.noon)[0]
        schedule.finished(
            query.key,
            .failed(retryAfter: .seconds(5)),
            through: call.end,
            at: Self.noon
        )
        #expect(schedule.nextDue == Self.noon + .seconds(5))
        _ = schedule.due(at: Self.noon + .seconds(5))
        schedule.finished(query.key, .forbidden, through: call.end, at: Self.noon + .seconds(5))
        #expect(schedule.nextDue == Self.noon + .seconds(905))
        #expect(schedule.watermark == nil)
    }

    @Test func outagesAreCaughtUpWithinTheBound() {
        let query = Self.query()
        var schedule = Self.schedule([query])
        let first = schedule.due(at: Self.noon)[0]
        schedule.finished(query.key, .complete, through: first.end, at: Self.noon)
        let hour = schedule.due(at: Self.noon + .seconds(3600))[0]
        #expect(hour.start == first.end)
        var day = Self.schedule([query])
        let before = day.due(at: Self.noon)[0]
        day.finished(query.key, .complete, through: before.end, at: Self.noon)
        let after = day.due(at: Self.noon + .seconds(86400))[0]
        #expect(after.end - after.start == .seconds(6 * 3600))
    }

    @Test func callsHoldAtMostFiveHundredQueriesOfOneRange() {
        var schedule = Self.schedule((0..<1201).map { Self.query("M\($0)") })
        let calls = schedule.due(at: Self.noon)
        #expect(calls.map(\.queries.count) == [500, 500, 201])
        #expect(Set(calls.flatMap(\.queries).map(\.key)).count == 1201)
    }

    @Test func aNewPlanKeepsThePlaceOfWhatStays() {
        let old = Self.query("old")
        var schedule = Self.schedule([old, Self.query("dropped")])
        let call = schedule.due(at: Self.noon)[0]
        for query in call.queries {
            schedule.finished(query.key, .complete, through: call.end, at: Self.noon)
        }
        schedule.adopt([old, Self.query("new")], at: Self.noon + .seconds(1))
        let due = schedule.due(at: Self.noon + .seconds(1))
        #expect(due.flatMap(\.queries).map(\.key.metric.name) == ["new"])
        // A rule that looks further back makes the older part due.
        schedule.adopt([Self.query("old", reach: 3600)], at: Self.noon + .seconds(2))
        let longer = schedule.due(at: Self.noon + .seconds(2))
        #expect(longer.first.map { $0.end - $0.start } == .seconds(3600))
    }

    @Test func slowMetricsArePolledSlowlyOverTheWholeTimeBetween() {
        let query = Self.query(every: 600)
        var schedule = Self.schedule([query])
        let first = schedule.due(at: Self.noon)[0]
        schedule.finished(query.key, .complete, through: first.end, at: Self.noon)
        let next = schedule.nextDue ?? Self.noon
        #expect((next - Self.noon).milliseconds <= 600_000)
        _ = schedule.due(at: next)
        #expect(schedule.nextDue == next + .seconds(600))
    }

    /// Absence means something as long as polls come, and no longer once samples run out because they do not.
    @Test(arguments: [(60, 300), (60, 900), (300, 1200)])
    func absenceIsTrustedOnlyWhileItIsRead(period: Int, reach: Int) {
        var query = Self.query(every: period, settle: 120)
        query.key.period = .seconds(period)
        query.timing.period = .seconds(period)
        var schedule = Self.schedule([query])
        let sight = PullSight()
        let need = SelectorNeed(
            matchers: [LabelMatcher(LabelSet.metricName, equals: "aws_n_m_sum")],
            reach: .seconds(reach)
        )
        let outage = Self.noon + .seconds(3600)
        var lastEnd = Self.noon
        var now = Self.noon
        func verdict() -> PullSight.Verdict {
            sight.note(PullSight.Region(series: schedule.sight), of: "cloudwatch/eu-west-1")
            return sight.verdict(on: need, at: now)
        }
        #expect(verdict() == .awaited)
        while now < outage {
            for call in schedule.due(at: now) {
                // One poll in five fails.
                let isMissed = call.end.milliseconds / Int64(period) / 1000 % 5 == 0
                if !isMissed || call.end == Self.noon - .seconds(120) { lastEnd = call.end }
                schedule.finished(
                    query.key,
                    lastEnd == call.end ? .complete : .incomplete,
                    through: call.end,
                    at: now
                )
            }
            #expect(verdict() == .seen || now < Self.noon + .seconds(period))
            now = now + .seconds(1)
        }
        while verdict() == .seen { now = now + .seconds(1) }
        // A rule is judged `settle` ago; samples bear the time at which their period began.
        let vanishes = lastEnd - .seconds(period) + .seconds(reach) + .seconds(120)
        #expect(now <= vanishes + .seconds(1))
        guard case .unseen(false, let reason) = verdict() else {
            Issue.record("seen or failed")
            return
        }
        #expect(reason.hasPrefix("cloudwatch/eu-west-1: aws_n_m_sum has not been read since "))
    }

    @Test func whatIsReadLeastSpeaksForAName() {
        let one = Self.query("M")
        let other = Self.query("O")
        var schedule = Self.schedule([one, other])
        schedule.finished(one.key, .complete, through: Self.noon, at: Self.noon)
        #expect(schedule.sight["aws_n_m_sum"]?.coveredTo == nil)
        schedule.finished(other.key, .complete, through: Self.noon - .seconds(60), at: Self.noon)
        #expect(schedule.sight["aws_n_m_sum"]?.coveredTo == Self.noon - .seconds(60))
        #expect(schedule.sight["aws_n_m_sum"]?.isSlowed == false)
    }
}
