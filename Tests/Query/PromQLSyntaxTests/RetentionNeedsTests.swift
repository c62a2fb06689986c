import Model
import PromQLSyntax
import Testing
import Timekeeping

@Suite struct RetentionNeedsTests {
    /// A need as `name reach`, then how far back every sample counts, then what is kept beside one a minute.
    private func text(_ need: RetentionNeed) -> String {
        var words = [need.metricName ?? "?", need.reach.prometheusText]
        if need.wholeReach > .zero { words.append("whole \(need.wholeReach.prometheusText)") }
        if need.detail.contains(.resets) { words.append("resets") }
        if need.detail.contains(.extremes) { words.append("extremes") }
        return words.joined(separator: " ")
    }

    @Test(arguments: [
        ("up", ["up 5m"]),
        ("up offset 1d", ["up 1d5m"]),
        ("increase(x[3d])", ["x 3d resets"]),
        ("(rate((x[1d] offset 1d)))", ["x 2d resets"]),
        ("resets(x[1d]) + irate(y[1d])", ["x 1d resets", "y 1d resets"]),
        ("max_over_time(x[1d]) - min_over_time(x[2d])", ["x 2d extremes"]),
        ("last_over_time(x[1d]) + delta(y[1d])", ["x 1d", "y 1d"]),
        ("avg_over_time(x[1d])", ["x 1d whole 1d"]),
        ("quantile_over_time(0.9, x[1d])", ["x 1d whole 1d"]),
        ("count_over_time(x[1d]) / rate(x[30d])", ["x 30d whole 1d resets"]),
        // Too short to be told from a sample a minute.
        ("rate(x[2m] offset 1d)", ["x 1d2m whole 1d2m"]),
        ("rate(x[4m] offset 1d)", ["x 1d4m resets"]),
        ("max_over_time(rate(x[5m])[1d:1m])", ["x 1d5m resets"]),
        ("max_over_time(rate(x[1m])[1d:1m])", ["x 1d1m whole 1d1m"]),
        ("avg_over_time(x[1d:1m])", ["x 1d5m"]),
        ("avg_over_time(x[1d:15s])", ["x 1d5m whole 1d5m"]),
        ("avg_over_time(x[1d:])", ["x 1d5m whole 1d5m"]),
        ("max_over_time(sum(x)[1d:5m])", ["x 1d5m"]),
        ("info(x offset 1d, {a=\"b\"})", ["x 1d5m whole 1d5m", "target_info 5m whole 5m"]),
    ]) func needs(_ expression: String, _ expected: [String]) throws {
        #expect(try PromQLParser.parse(expression).retentionNeeds().map(text) == expected)
    }

    @Test func evaluatedOverThePast() throws {
        let expression = try PromQLParser.parse("rate(x[5m]) + y")
        #expect(
            expression.retentionNeeds(past: .seconds(86400), step: .seconds(60)).map(text)
                == ["x 1d5m resets", "y 1d5m"]
        )
        #expect(
            expression.retentionNeeds(past: .seconds(86400), step: .seconds(15)).map(text)
                == ["x 1d5m resets", "y 1d5m whole 1d5m"]
        )
    }
}
