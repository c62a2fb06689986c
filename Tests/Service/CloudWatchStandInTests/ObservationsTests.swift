import CloudWatchIngest
import CloudWatchStandIn
import Testing

/// Every statistic over raw observations, worked out by hand.
@Suite struct ObservationsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var statistic: String
        var of: Observations
        var value: Double?

        init(_ statistic: String, of observations: Observations, is value: Double?) {
            self.statistic = statistic
            of = observations
            self.value = value
        }

        var testDescription: String { "\(statistic) is \(value.map { "\($0)" } ?? "nothing")" }
    }

    static let hundred = Observations((1...100).map(Double.init))
    static let four = Observations([4, 1, 3, 2])
    static let summary: Observations = {
        var observations = Observations([10])
        observations.add(.init(count: 3, sum: 9, minimum: 1, maximum: 5))
        return observations
    }()
    static let flatSummary: Observations = {
        var observations = Observations([10])
        observations.add(.init(count: 3, sum: 6, minimum: 2, maximum: 2))
        return observations
    }()

    static let cases = [
        Case("Average", of: four, is: 2.5), Case("Sum", of: four, is: 10),
        Case("Minimum", of: four, is: 1), Case("Maximum", of: four, is: 4),
        Case("SampleCount", of: four, is: 4),
        Case("p50", of: hundred, is: 50), Case("p99", of: hundred, is: 99),
        Case("p99.9", of: hundred, is: 100), Case("p100", of: hundred, is: 100),
        Case("p0", of: hundred, is: 1), Case("p99", of: Observations([7]), is: 7),
        Case("tm90", of: hundred, is: 45.5), Case("TM(10%:90%)", of: hundred, is: 50.5),
        Case("TM(2:4)", of: four, is: 3.5), Case("TM(:2)", of: four, is: 1.5),
        Case("tc90", of: hundred, is: 90), Case("ts90", of: hundred, is: 4095),
        Case("TC(50:)", of: hundred, is: 50), Case("wm50", of: four, is: 1.75),
        Case("WM(2:3)", of: four, is: 2.5), Case("IQM", of: four, is: 2.5),
        Case("tm62.5", of: four, is: (1 + 2 + 1.5) / 2.5),
        Case("PR(:2)", of: four, is: 50), Case("PR(2:)", of: four, is: 50),
        Case("PR(1:3)", of: four, is: 50), Case("PR(:0)", of: four, is: 0),
        Case("PR(:100)", of: four, is: 100),
        Case("Average", of: summary, is: 4.75), Case("Sum", of: summary, is: 19),
        Case("Minimum", of: summary, is: 1), Case("Maximum", of: summary, is: 10),
        Case("SampleCount", of: summary, is: 4), Case("p99", of: summary, is: nil),
        Case("PR(:2)", of: summary, is: nil), Case("p50", of: flatSummary, is: 2),
        Case("p50", of: Observations([-1, 2]), is: nil),
        Case("PR(:0)", of: Observations([-1, 2]), is: 50),
        Case("Average", of: Observations(), is: nil), Case("p99", of: Observations(), is: nil),
    ]

    @Test(arguments: cases) func statistic(_ one: Case) throws {
        let statistic = try #require(CloudWatchStatistic(cloudWatch: one.statistic))
        #expect(one.of.statistic(statistic) == one.value)
    }
}
