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
        let sight = SourceSight(sources: sources, pullsCloudWatch: one.pulls)
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
        let sight = SourceSight(sources: sources, pullsCloudWatch: false, takesFirehose: true)
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
}
