import Model
import Rules
import TestSupport
import Testing
import Timekeeping

@Suite struct LogRuleReaderTests {
    @Test func everyKindIsRead() throws {
        let rules = try RuleLoader.load(
            text: """
                log_rules:
                  - {alert: A, type: any, from: {tag: x}, where: 'level == error or not exists user'}
                  - alert: B
                    type: frequency
                    num_events: 5
                    timeframe: 10m
                    key: [user, host]
                    priority: P1
                    labels: {team: shop}
                    annotations: {why: because}
                    late: 1m
                    every: 20s
                    resolve_after: 1h
                  - {alert: C, type: spike, timeframe: 5m, spike_height: 3, spike_type: up, threshold_ref: 10, field: took}
                  - {alert: D, type: flatline, timeframe: 5m, threshold: 1, forget_keys: true}
                  - {alert: E, type: change, fields: country, key: user, ignore_null: true}
                  - {alert: F, type: blacklist, field: ip, values: [10.0.0.1, 10.0.0.2]}
                  - {alert: G, type: whitelist, field: ip, values: [10.0.0.1], ignore_null: true}
                  - {alert: H, type: new_term, fields: [user, [user, host]], window: 7d, learn: 0s}
                  - {alert: I, type: cardinality, field: user, timeframe: 5m, max: 10}
                  - {alert: J, type: metric_aggregation, field: took, aggregation: {percentile: 99}, timeframe: 5m, max: 1.5}
                  - {alert: K, type: spike_aggregation, field: took, aggregation: avg, timeframe: 5m, spike_height: 2}
                  - {alert: L, type: percentage_match, match: 'status >= 500', timeframe: 5m, max: 5, min_denominator: 20}
                """,
            file: "f.yaml"
        ).logRules
        #expect(
            rules.map(\.kind.name) == [
                "any", "frequency", "spike", "flatline", "change", "blacklist", "whitelist",
                "new_term", "cardinality", "metric_aggregation", "spike_aggregation",
                "percentage_match",
            ]
        )
        let second = try #require(rules.dropFirst().first)
        #expect(second.keys == ["user", "host"] && second.priority == .p1)
        #expect(second.lateness == .seconds(60) && second.every == .seconds(20))
        #expect(second.resolveAfter == .seconds(3600) && second.timeframe == .seconds(600))
        #expect(rules[2].every == .seconds(5))
        #expect(rules[0].filter.text == #"tag in ("x") and (level == "error" or not exists user)"#)
        #expect(
            rules[7].kind
                == .newTerm(
                    fields: [["user"], ["user", "host"]],
                    window: .seconds(7 * 86400),
                    learning: .zero,
                    alertsOnMissing: false
                )
        )
    }

    static let mistakes: [(String, String)] = [
        ("{alert: A, type: anny}", "unknown type \"anny\"; did you mean \"any\"?"),
        ("{alert: A, type: frequency, num_events: 3}", "needs \"timeframe\"; add it"),
        ("{alert: A, type: frequency, timeframe: 5m}", "needs \"num_events\"; add it"),
        ("{alert: A, type: cardinality, field: a, timeframe: 5m}", "needs \"max\" or \"min\""),
        ("{alert: A, type: any, where: 'a =='}", "where: a value is missing at the end"),
        ("{alert: A, type: any, where: '(a == 1'}", "where: \")\" is missing before the end"),
        ("{alert: A, type: any, where: 'a =~ \"(\"'}", "invalid regular expression"),
        ("{alert: A, type: any, where: 'a == 1 b == 2'}", "cannot read \"b\"; join conditions"),
        ("{alert: A, type: any, num_events: 3}", "unknown key \"num_events\""),
        (
            "{alert: A, type: metric_aggregation, field: a, aggregation: median, timeframe: 5m, max: 1}",
            "unknown aggregation \"median\""
        ),
        (
            "{alert: A, type: blacklist, field: a, values: ['!file /no/such']}",
            "/no/such cannot be read"
        ),
        ("{alert: A, type: frequency, num_events: 1, timeframe: 5m, every: 10m}", "longer than"),
        ("{type: any}", "needs \"alert\"; add it"),
    ]

    @Test(arguments: mistakes) func mistakesAreTold(_ entry: String, _ words: String) {
        do {
            _ = try RuleLoader.load(text: "log_rules: [\(entry)]", file: "f.yaml")
            Issue.record("no problem was found")
        } catch {
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test func namesAreTakenOnce() {
        do {
            _ = try RuleLoader.load(
                text: "log_rules: [{alert: A, type: any}, {alert: A, type: any}]",
                file: "f.yaml"
            )
            Issue.record("no problem was found")
        } catch {
            #expect(error.description.contains("log rule \"A\" is already defined at f.yaml:1:13"))
        }
    }

    /// Printing and reading a filter gives the same filter.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func printedFiltersReadBack(
        _ seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["a", "kubernetes.labels.app.kubernetes.io/name", "and", "two words", "é"]
        let values = ["500", "-1.5", "x y", "quo\"te", "back\\slash", "", "(a)", "not", "a,b"]
        func one(_ depth: Int) -> LogFilter {
            let field = names.randomElement(using: &random) ?? "a"
            let value = values.randomElement(using: &random) ?? ""
            func parts() -> [LogFilter] {
                (0..<Int.random(in: 2..<4, using: &random)).map { _ in one(depth + 1) }
            }
            switch Int.random(in: 0..<(depth > 3 ? 5 : 8), using: &random) {
            case 0:
                return .compare(.init(field: field, comparison: .greaterOrEqual, value: value))
            case 1: return .exists(field)
            case 2: return .oneOf(field: field, values: [value, "z"])
            case 3: return .contains(field: field, text: value)
            case 4: return .contains(field: nil, text: value)
            case 5: return .not(one(depth + 1))
            case 6: return .all(parts())
            default: return .any(parts())
            }
        }
        for _ in 0..<50 {
            let filter = one(0)
            #expect(try LogFilterText.filter(in: filter.text).text == filter.text)
        }
    }
}
