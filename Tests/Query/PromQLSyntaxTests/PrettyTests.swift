import PromQLSyntax
import Testing

@Suite struct PrettyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var pretty: String

        var testDescription: String { text }
    }

    private static let long = String(repeating: "x", count: 60)

    static let cases: [Case] = [
        Case(text: "sum(x)by(job)", pretty: "sum by (job) (x)"),
        Case(
            text: "\(long) + on(a) group_left() \(long)",
            pretty: "  \(long)\n+ on (a) group_left ()\n  \(long)"
        ),
        Case(
            text: "(\(long) == bool \(long))",
            pretty: "(\n    \(long)\n  == bool\n    \(long)\n)"
        ),
        Case(
            text: "topk without (a) (3, rate(\(long)[5m]) / rate(\(long)[5m]))",
            pretty: "topk without (a) (\n  3,\n    rate(\(long)[5m])\n  /\n    rate(\(long)[5m])\n)"
        ),
        Case(
            text: "-(\(long) * \(long))",
            pretty: "-(\n    \(long)\n  *\n    \(long)\n)"
        ),
        Case(
            text:
                "label_replace(\(long)y, \"a\", \"$1\", \"b\", \"(.*)(long enough to be split)\")",
            pretty:
                "label_replace(\n  \(long)y,\n  \"a\",\n  \"$1\",\n  \"b\",\n  \"(.*)(long enough to be split)\"\n)"
        ),
        Case(
            text: "max_over_time(sum(\(long) + \(long))[1h:5m] offset 1m)",
            pretty:
                "max_over_time(\n  sum(\n      \(long)\n    +\n      \(long)\n  )[1h:5m] offset 1m\n)"
        ),
        Case(
            text: "max_over_time(\(long)[1h:5m]) + \(long)",
            pretty: "  max_over_time(\(long)[1h:5m])\n+\n  \(long)"
        ),
    ]

    @Test(arguments: cases) func splitsWhatIsTooLong(_ one: Case) throws {
        let expression = try PromQLParser.parse(one.text)
        #expect(expression.pretty == one.pretty)
        #expect(try PromQLParser.parse(expression.pretty) == expression)
    }
}
