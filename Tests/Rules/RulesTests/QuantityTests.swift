import Rules
import TestSupport
import Testing

@Suite struct QuantityTests {
    struct Case: CustomTestStringConvertible {
        let quantity: String
        let unit: String
        let value: Double
        var testDescription: String { "\(quantity) in \(unit)" }

        init(_ quantity: String, _ unit: String, _ value: Double) {
            self.quantity = quantity
            self.unit = unit
            self.value = value
        }
    }

    /// Conversions give the number that a person would write, to the last bit.
    @Test(arguments: [
        Case("300ms", "s", 0.3), Case("300 ms", "s", 0.3), Case("1s", "ms", 1000),
        Case("2m", "s", 120),
        Case("1m30s", "s", 90), Case("1h", "min", 60), Case("250us", "ms", 0.25),
        Case("250µs", "ms", 0.25),
        Case("7ns", "s", 7e-9), Case("1d", "h", 24), Case("90", "s", 90), Case("1.5e3", "ms", 1500),
        Case("1.5e3ms", "s", 1.5), Case("0.5%", "ratio", 0.005), Case("30%", "ratio", 0.3),
        Case("99.9%", "ratio", 0.999), Case("99.99%", "ratio", 0.9999), Case("30%", "percent", 30),
        Case("0.7", "ratio", 0.7), Case("85", "percent", 85), Case("3/hr", "per_hour", 3),
        Case("3/h", "per_hour", 3), Case("72/d", "per_hour", 3), Case("1/s", "per_hour", 3600),
        Case("6/min", "per_second", 0.1), Case("1GiB", "bytes", 1_073_741_824),
        Case("2kB", "bytes", 2000),
        Case("512", "bytes", 512), Case("10MiB/s", "bytes_per_second", 10_485_760),
        Case("500", "count", 500),
        Case("-5", "count", -5), Case("$200", "usd", 200), Case("200 USD", "usd", 200),
    ])
    func conversions(_ one: Case) throws {
        let text = """
            groups: [{name: g, thresholds: [{alert: A, expr: x, unit: \(one.unit), warn: "> \(one.quantity)"}]}]
            """
        let rule = try RuleLoader.load(text: text, file: "f.yaml").groups[0].thresholds[0]
        #expect(rule.warn?.value == one.value)
        #expect(rule.warn?.text == "> \(one.quantity)")
    }

    @Test(arguments: ThresholdCondition.Comparison.allCases)
    func everyComparisonIsRead(_ comparison: ThresholdCondition.Comparison) throws {
        for space in ["", " ", "   "] {
            let text = """
                groups: [{name: g, thresholds: [{alert: A, expr: x, warn: "\(comparison.rawValue)\(space)5"}]}]
                """
            let rule = try RuleLoader.load(text: text, file: "f.yaml").groups[0].thresholds[0]
            #expect(rule.warn?.comparison == comparison)
            #expect(rule.warn?.value == 5)
        }
    }

    /// The order of conditions, against values tried one by one.
    @Test func orderAgreesWithTheValues() {
        let levels: [Double] = [0, 1, 2]
        let probes = stride(from: -1.0, through: 3, by: 0.5).map { $0 } + [-1e9, 1e9]
        let conditions = ThresholdCondition.Comparison.allCases.flatMap { comparison in
            levels.map { ThresholdCondition(comparison: comparison, value: $0, text: "") }
        }
        for left in conditions {
            for right in conditions {
                #expect(
                    left.overlaps(right) == probes.contains { left.holds($0) && right.holds($0) },
                    "\(left) overlaps \(right)"
                )
                let implied = probes.allSatisfy { !left.holds($0) || right.holds($0) }
                let wider = probes.contains { right.holds($0) && !left.holds($0) }
                if left.isBeyond(right) { #expect(implied && wider, "\(left) beyond \(right)") }
                if left.direction == right.direction, left.direction != .exact {
                    #expect(left.isBeyond(right) == (implied && wider), "\(left) beyond \(right)")
                }
            }
        }
    }
}
