import CloudWatchIngest
import Ingest
import Model
import RuleEvaluation
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Daemon

@Suite struct SourceSightTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var metrics = ["aws_rds_cpuutilization_average"]
        var pulls = true
        /// Seconds since the pull last succeeded; nil: never.
        var quiet: Int64?
        var advice = "eu-west-1: access denied; allow cloudwatch:GetMetricData"
        var isBlind: Bool
    }

    static let cases: [Case] = [
        Case(testDescription: "a pull that never worked", isBlind: true),
        Case(testDescription: "a pull that has failed for long", quiet: 600, isBlind: true),
        Case(testDescription: "a pull that worked lately", quiet: 599, isBlind: false),
        Case(testDescription: "a pull that has not failed", advice: "", isBlind: false),
        Case(testDescription: "CloudWatch is off", pulls: false, isBlind: false),
        Case(testDescription: "other metrics", metrics: ["up"], isBlind: false),
        Case(testDescription: "metrics of both kinds", metrics: ["aws_a", "up"], isBlind: false),
        Case(testDescription: "no selectors", metrics: [], isBlind: false),
    ]

    @Test(arguments: cases) func absenceIsHealthOnlyWhereOneCanSee(_ one: Case) {
        let clock = ManualClock()
        let sources = SourceRegistry(clock: clock, metrics: MetricsRegistry())
        sources.declare("cloudwatch/eu-west-1", isOn: true)
        if let quiet = one.quiet {
            sources.succeeded("cloudwatch/eu-west-1")
            clock.advance(by: .seconds(quiet))
        }
        if !one.advice.isEmpty { sources.failed("cloudwatch/eu-west-1", advice: one.advice) }
        let sight = SourceSight(
            sources: sources,
            pulls: PullSight(),
            logMetrics: LogMetrics(clock: clock, metrics: MetricsRegistry(), log: .silent),
            clock: clock,
            pullsCloudWatch: one.pulls
        )
        let needs = one.metrics.map {
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                reach: .seconds(300)
            )
        }
        switch sight.absence(needs, at: clock.now()) {
        case .judged: #expect(!one.isBlind)
        case .unseen(let condition, let why):
            #expect(one.isBlind)
            #expect(condition == .error)
            #expect(why == "cloudwatch/eu-west-1: \(one.advice)")
        default: Issue.record("neither seen nor unseen")
        }
    }

    @Test func aStreamThatDoesNotComeCannotBeSeen() {
        let clock = ManualClock()
        let sources = SourceRegistry(clock: clock, metrics: MetricsRegistry())
        sources.declare("firehose", isOn: true)
        let sight = SourceSight(
            sources: sources,
            pulls: PullSight(),
            logMetrics: LogMetrics(clock: clock, metrics: MetricsRegistry(), log: .silent),
            clock: clock,
            pullsCloudWatch: false,
            takesFirehose: true
        )
        let needs = [
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: "aws_a")],
                reach: .seconds(300)
            )
        ]
        func words() -> String? {
            guard case .unseen(.error, let why) = sight.absence(needs, at: clock.now()) else {
                return nil
            }
            return why
        }
        #expect(words()?.hasPrefix("firehose: nothing has come for 10m; look") == true)
        sources.succeeded("firehose")
        clock.advance(by: .seconds(599))
        #expect(words() == nil)
        clock.advance(by: .seconds(1))
        sources.refused("firehose", cause: "wrong_access_key", "a wrong key")
        #expect(words() == "firehose: a wrong key")
    }

    /// One region answers, the other does not; a third metric is read less often.
    @Test(
        arguments: [
            (["aws_a"], 100, nil),
            (
                ["aws_a"], 101,
                "late cloudwatch/eu: aws_a has not been read since 1970-01-01T00:00:10Z"
            ),
            (["aws_b"], 50, nil),
            (
                ["aws_b"], 51,
                "error cloudwatch/us: aws_b has not been read since 1970-01-01T00:00:05Z: denied; allow it"
            ),
            (["aws_new"], 20, "awaited"),
            (["aws_new"], 61, "late cloudwatch/eu: aws_new has not been read yet"),
            (
                ["aws_slow"], 100,
                "late cloudwatch/eu: aws_slow has not been read since 1970-01-01T00:00:10Z: "
                    + "it is read less often, to keep to budget_usd_per_month"
            ),
            (["up", "aws_a"], 100, nil),
            (["aws_a", "aws_new"], 20, "awaited"),
            (
                ["aws_new", "aws_b"], 60,
                "error cloudwatch/us: aws_b has not been read since 1970-01-01T00:00:05Z: denied; allow it"
            ),
            (
                ["aws_rds_cpuutilization_average"], 0,
                "error cloudwatch/us: the metrics of AWS/RDS have not been listed yet: denied; allow it"
            ),
            (["aws_unknown"], 500, nil),
        ] as [([String], Int64, String?)]
    )
    func eachRegionSpeaksForWhatItReads(metrics: [String], seconds: Int64, expected: String?) {
        func moment(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1000) }
        func seen(_ covered: Int64?, until: Int64, isSlowed: Bool = false) -> SeriesSight {
            SeriesSight(
                coveredTo: covered.map(moment),
                dueBy: moment(until),
                missedBy: moment(until),
                newestAt: moment(0),
                isSlowed: isSlowed
            )
        }
        let clock = ManualClock(moment(seconds))
        let pulls = PullSight()
        pulls.note(
            PullSight.Region(
                series: [
                    "aws_a": seen(10, until: 100),
                    "aws_b": seen(10, until: 100),
                    "aws_new": seen(nil, until: 60),
                    "aws_slow": seen(10, until: 70, isSlowed: true),
                ]
            ),
            of: "cloudwatch/eu"
        )
        pulls.note(
            PullSight.Region(
                series: ["aws_b": seen(5, until: 50)],
                unlisted: ["AWS/RDS"],
                advice: "denied; allow it"
            ),
            of: "cloudwatch/us"
        )
        let sources = SourceRegistry(clock: clock, metrics: MetricsRegistry())
        let sight = SourceSight(
            sources: sources,
            pulls: pulls,
            logMetrics: LogMetrics(clock: clock, metrics: MetricsRegistry(), log: .silent),
            clock: clock,
            pullsCloudWatch: true
        )
        let needs = metrics.map {
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                reach: .seconds(300)
            )
        }
        let said: String? =
            switch sight.absence(needs, at: clock.now()) {
            case .judged: nil
            case .awaited: "awaited"
            case .unseen(let condition, let reason): "\(condition.rawValue) \(reason)"
            }
        #expect(said == expected)
    }
}
