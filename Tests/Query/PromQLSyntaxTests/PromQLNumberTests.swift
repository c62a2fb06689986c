import PromQLSyntax
import Testing

@Suite struct PromQLNumberTests {
    @Test(arguments: [
        (1.0, "1"), (0.1, "0.1"), (-0.0, "-0"), (0.0, "0"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"),
        (.nan, "NaN"), (1e6, "1000000"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001"),
        (123456.789, "123456.789"),
        (.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5"),
        (0.30000000000000004, "0.30000000000000004"), (100.0, "100"), (-2.5, "-2.5"),
        (9_007_199_254_740_992, "9007199254740992"),
    ]) func plain(_ value: Double, _ text: String) {
        #expect(PromQLNumber.text(value) == text)
        if !value.isNaN { #expect(Double(text) == value) }
    }

    @Test(arguments: [
        (1.0, "1"), (123456.0, "123456"), (1e6, "1e+06"), (1234567.0, "1.234567e+06"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"), (1e100, "1e+100"), (-1.5e-9, "-1.5e-09"), (.nan, "NaN"), (0.0, "0"),
    ]) func general(_ value: Double, _ text: String) {
        #expect(PromQLNumber.general(value) == text)
    }

    @Test(arguments: [
        (1.0, "1.000000"), (-0.0, "-0.000000"), (0.1, "0.100000"), (-2.5, "-2.500000"),
        (0.9999999, "1.000000"), (1234.5678915, "1234.567892"), (1e-9, "0.000000"),
        (9_223_372_036_854_775_808, "9223372036854775808.000000"), (.infinity, "+Inf"),
        (.nan, "NaN"), (4_503_599_627_370_496.0, "4503599627370496.000000"),
    ]) func fixed(_ value: Double, _ text: String) {
        #expect(PromQLNumber.fixed(value) == text)
    }
}
