import Model
import Rules
import Testing
import Timekeeping

@Suite("Retention needs") struct RetentionNeedsTests {
    private static let rules = """
        groups:
          - name: g
            query_offset: 1m
            rules:
              - {record: r, expr: 'increase(a{x="1"}[3d])'}
              - {alert: A, expr: 'rate(b[5m]) > 0'}
            thresholds:
              - {alert: T, expr: 'sum(c)', warn: "+50%", relative_to: {offset: 1d, window: 30m}}
              - {alert: U, expr: 'avg_over_time(a{x="1"}[7h])', warn: "> 1"}
            slos:
              - name: s
                objective: 99%
                window: 30d
                sli: {latency: {percentage: p, total: t1 + t2}}
        """

    @Test func everyRuleSaysHowFarBackItReads() throws {
        let rules = try RuleLoader.load(text: Self.rules, file: "f.yaml")
        let reaches = try rules.reaches(interval: .seconds(15))
        #expect(
            reaches.map(\.rule).prefix(4) == [
                "record \"r\"", "alert \"A\"", "threshold \"T\"", "threshold \"U\"",
            ]
        )
        #expect(reaches.map(\.reach.prometheusText).prefix(4) == ["3d1m", "6m", "1d36m", "7h1m"])
        #expect(reaches[0].location.line == 5)
        let needs = reaches.retentionNeeds
        #expect(needs.count == 6)
        let first = try #require(needs.first)
        #expect(first.matchers.count == 2 && first.detail == .resets)
        #expect(first.reach.prometheusText == "3d1m")
        #expect(first.wholeReach.prometheusText == "7h1m")
    }

    @Test func notesSayHowSeriesAreKept() throws {
        let rules = try RuleLoader.load(text: Self.rules, file: "f.yaml")
        let reaches = try rules.reaches(interval: .seconds(15))
        func notes(_ longest: Int64) -> [String?] {
            reaches.map {
                $0.note(retention: .seconds(6 * 3600), longest: .seconds(longest))
            }
        }
        let days = notes(35 * 86400)
        #expect(
            days.first
                == "record \"r\" reads 3d1m back, longer than store.retention (6h); older samples "
                + "of its series are kept thinned to one a minute"
        )
        #expect(days[1] == nil)
        #expect(days[2]?.hasSuffix("kept whole, for its function counts every one") == false)
        #expect(days[3]?.hasSuffix("kept whole, for its function counts every one") == true)
        #expect(days.compactMap(\.self).count == 3)
        #expect(
            notes(86400).first??.hasSuffix("but only for 1d: raise store.long_window_max") == true
        )
        #expect(
            notes(0).first??.hasSuffix("are not kept (store.long_window_max is 0s)") == true
        )
    }
}
