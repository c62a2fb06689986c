import Model
import PromQLSyntax
import Testing
import Timekeeping

@Suite struct SelectorNeedsTests {
    @Test(arguments: [
        ("up", ["up 5m"]),
        ("1 + time()", []),
        ("up offset 1h", ["up 1h5m"]),
        ("up offset -1h", ["up 5m"]),
        ("rate(x[10m])", ["x 10m"]),
        ("rate(x[1m])", ["x 5m"]),
        ("rate(x[10m] offset 5m)", ["x 15m"]),
        ("rate(x[10m] smoothed)", ["x 15m"]),
        ("max_over_time(rate(x[10m])[1h:1m] offset 1d)", ["x 1d1h10m"]),
        ("max_over_time(x[1h:])", ["x 1h5m"]),
        ("a / b + sum(a offset 10m)", ["a 15m", "b 5m"]),
        ("topk(scalar(k), a)", ["k 5m", "a 5m"]),
        ("x[5m+5m]", ["x 10m"]), ("info(x, {a=\"b\"})", ["x 5m", "target_info 5m"]),
    ]) func needs(_ text: String, _ expected: [String]) throws {
        let needs = try PromQLParser.parse(text).selectorNeeds
        #expect(needs.map { "\($0.metricName ?? "?") \($0.reach.prometheusText)" } == expected)
    }

    @Test func selectorAlone() throws {
        let selector = try PromQLParser.parseSelector("up{job=~\"a|b\"}")
        #expect(selector.matchers.map(\.description) == ["job=~\"a|b\"", "__name__=\"up\""])
        #expect(throws: PromQLSyntaxError.self) { try PromQLParser.parseSelector("up offset 1m") }
        #expect(throws: PromQLSyntaxError.self) { try PromQLParser.parseSelector("sum(up)") }
    }
}
