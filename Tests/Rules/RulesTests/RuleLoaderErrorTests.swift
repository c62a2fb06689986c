import Model
import Rules
import Testing

@Suite struct RuleLoaderErrorTests {
    struct Case: CustomTestStringConvertible {
        let text: String
        let expected: [String]
        var testDescription: String { text }

        /// A whole file.
        static func file(_ text: String, _ expected: String...) -> Case {
            Case(text: text, expected: expected)
        }

        /// The keys of one threshold, beside `alert` and `expr`, each on a line from line 5 on.
        static func threshold(_ keys: String, _ expected: String...) -> Case {
            let lines = keys.split(separator: "\n").map { "        \($0)" }.joined(separator: "\n")
            return Case(
                text: "groups:\n  - name: g\n    thresholds:\n      - alert: A\n"
                    + "        expr: x\n\(lines)\n",
                expected: expected
            )
        }

        static func slo(_ keys: String, _ expected: String...) -> Case {
            let known = [
                "name: s", "objective: 99%", "window: 30d", "sli: {events: {bad: b, total: t}}",
            ]
            let given = keys.split(separator: "\n").map(String.init)
            let names = given.map { $0.prefix { $0 != ":" } }
            let lines = known.filter { line in !names.contains(line.prefix { $0 != ":" }) } + given
            return Case(
                text: "groups:\n- name: g\n  slos:\n  - labels: {}\n"
                    + lines.map { "    \($0)\n" }.joined(),
                expected: expected
            )
        }
    }

    static func problems(_ text: String) -> [String] {
        do throws(DiagnosticList) {
            _ = try RuleLoader.load(text: text, file: "f.yaml")
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    @Test(arguments: [
        Case.file(
            "grops: []",
            "f.yaml:1:1: unknown key \"grops\" in a rule file; did you mean \"groups\"?"
        ),
        Case.file("[]", "f.yaml:1:1: a rule file must be a mapping (key: value), not a list"),
        Case.file("groups: [{rules: []}]", "f.yaml:1:10: a rule group needs \"name\"; add it"),
        Case.file(
            "groups: [{name: ''}]",
            "f.yaml:1:17: \"name\" of a rule group is empty; give it a value"
        ),
        Case.file(
            "groups: [{name: a}, {name: a}]",
            "f.yaml:1:21: group \"a\" is already defined at line 1; rename one of them"
        ),
        Case.file(
            "groups: [{name: a, intervall: 5s}]",
            "f.yaml:1:20: unknown key \"intervall\" in a rule group; did you mean \"interval\"?"
        ),
        Case.file(
            "groups: [{name: a, interval: 5}]",
            "f.yaml:1:30: \"interval\" of a rule group must be a duration like 30s, 5m or 1h30m, not \"5\""
        ),
        Case.file(
            "groups: [{name: a, rules: [{expr: x}]}]",
            "f.yaml:1:28: a rule needs \"record\" or \"alert\"; add the one that it is"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: r, alert: a, expr: x}]}]",
            "f.yaml:1:29: a rule has either \"record\" or \"alert\", not both; split it into two rules"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: r}]}]",
            "f.yaml:1:28: a rule needs \"expr\"; add it"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: r, expr: x, for: 1m, annotations: {a: b}}]}]",
            "f.yaml:1:49: \"for\" has no meaning in a recording rule; remove it, or use alert instead of record",
            "f.yaml:1:58: \"annotations\" has no meaning in a recording rule; remove it, or use alert instead of record"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: 'r{a=\"b\"}', expr: x}]}]",
            "f.yaml:1:37: \"r{a=\"b\"}\" is no metric name: it has braces; put the selector into expr and labels "
                + "into labels:"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: r, expr: x, labels: {__name__: y}}]}]",
            "f.yaml:1:58: label \"__name__\" cannot be set here; the metric name comes from the rule"
        ),
        Case.file(
            "groups: [{name: a, rules: [{record: r, expr: x, severity: y}]}]",
            "f.yaml:1:49: unknown key \"severity\" in a rule; known keys: alert, annotations, expr, for, "
                + "keep_firing_for, labels, record"
        ),
        Case.file(
            "groups:\n- name: a\n  rules:\n  - record: r\n    expr: |\n      sum(\n        rate(x[5m]) +\n      )\n",
            "f.yaml:8:7: not valid PromQL: unexpected \")\""
        ),
        Case.file(
            "{receivers: []}",
            "f.yaml:1:1: these are on-call settings, not rules; name a file with groups:, log_metrics:, log_streams: or log_rules:"
        ),
        Case.file(
            "{tests: [], rule_files: []}",
            "f.yaml:1:1: these are rule tests, not rules; name a file with groups:, log_metrics:, log_streams: or log_rules:"
        ),
        Case.file("a: [", "f.yaml:2:1: not valid YAML"),
        Case.file(
            "groups: []\ngroups: []",
            "f.yaml:2:1: key \"groups\" is already given at line 1; remove one of them"
        ),
    ])
    func files(_ one: Case) { expectProblems(one) }

    @Test(arguments: [
        Case.threshold(
            "unit: s",
            "f.yaml:4:9: threshold \"A\" has neither warn nor crit; add one of them"
        ),
        Case.threshold(
            "unit: sec\nwarn: \"> 1\"",
            "f.yaml:6:15: unknown unit \"sec\"; did you mean"
        ),
        Case.threshold(
            "unit: ms\ncrit: \"> 30%\"",
            "f.yaml:7:15: crit: \"30%\" is a share (percent), but the rule's unit ms is a time; write it like 300ms "
                + "or correct unit:"
        ),
        Case.threshold(
            "unit: ratio\nwarn: \"> 3/hr\"",
            "f.yaml:7:15: warn: \"3/hr\" is a rate of events (per_hour), but the rule's unit ratio is a share; "
                + "write it like 0.5% or correct unit:"
        ),
        Case.threshold(
            "warn: \"> 300ms\"",
            "f.yaml:6:15: warn: \"300ms\" has a unit but the rule has none; add unit: with the unit of expr, such as "
                + "unit: s"
        ),
        Case.threshold(
            "unit: s\nwarn: 300ms",
            "f.yaml:7:15: warn: \"300ms\" must be a comparison and a quantity, such as \"> 300ms\""
        ),
        Case.threshold(
            "unit: s\nwarn: \"> fast\"",
            "f.yaml:7:15: warn: \"fast\" is no quantity; write a number and its unit, such as 300ms"
        ),
        Case.threshold(
            "unit: s\nwarn: \"> 3 parsecs\"",
            "f.yaml:7:15: warn: unknown unit \"parsecs\" in \"3 parsecs\"; use one of s sec ms"
        ),
        Case.threshold(
            "unit: s\nwarn: \"> 1e999\"",
            "f.yaml:7:15: warn: \"1e999\" is out of range; use a smaller number"
        ),
        Case.threshold(
            "unit: count\nwarn: \"+50%\"",
            "f.yaml:7:15: warn: \"+50%\" is a change, but the rule has no past to compare with; add relative_to: "
                + "{offset: 1h, window: 30m}"
        ),
        Case.threshold(
            "relative_to: {offset: 1h, window: 30m}\nwarn: \"> 50\"",
            "f.yaml:7:15: warn: \"> 50\" must be a change against the past, such as \"+50%\" or \"-30%\", because the "
                + "rule has relative_to"
        ),
        Case.threshold(
            "relative_to: {offset: 1h}\nwarn: \"+50%\"",
            "f.yaml:6:22: relative_to needs \"window\"; add it"
        ),
        Case.threshold(
            "warn: \"> 5\"\ncrit: \"> 3\"",
            "f.yaml:7:15: crit \"> 3\" is not beyond warn \"> 5\"; every crit value must be a warn value too"
        ),
        Case.threshold(
            "warn: \"> 5\"\ncrit: \"> 5\"",
            "f.yaml:7:15: crit \"> 5\" is not beyond warn \"> 5\""
        ),
        Case.threshold(
            "warn: \"> 5\"\ncrit: \"< 7\"",
            "f.yaml:7:15: crit \"< 7\" is not beyond warn \"> 5\""
        ),
        Case.threshold(
            "unit: s\nwarn: \"> 300ms\"\nclear: \"< 400ms\"",
            "f.yaml:8:16: clear \"< 400ms\" meets warn \"> 300ms\"; it must lie on the OK side, such as \"<= 300ms\""
        ),
        Case.threshold(
            "crit: \"< 10\"\nclear: \"> 5\"",
            "f.yaml:7:16: clear \"> 5\" meets crit \"< 10\"; it must lie on the OK side, such as \">= 10\""
        ),
        Case.threshold(
            "warn: \"> 5\"\ndatapoints: 6 of 5",
            "f.yaml:7:21: \"datapoints\" of a threshold must be \"N of M\" with 1 <= N <= M <= 100, such as "
                + "\"3 of 5\", not \"6 of 5\""
        ),
        Case.threshold(
            "warn: \"> 5\"\nmissing: ignore",
            "f.yaml:7:18: unknown missing \"ignore\"; use one of hold, ok, breach"
        ),
        Case.threshold(
            "warn: \"> 5\"\npriority: {warn: P5}",
            "f.yaml:7:26: unknown warn \"P5\"; use one of P1, P2, P3, P4"
        ),
        Case.threshold(
            "warn: \"> 5\"\npriority: {warn: P1, crit: P3}",
            "f.yaml:7:19: priority of crit (P3) is less urgent than of warn (P1); swap them"
        ),
        Case.threshold(
            "warn: \"> 5\"\nseverity: P1",
            "f.yaml:7:9: unknown key \"severity\" in a threshold; known keys:"
        ),
        Case.file(
            "groups: [{name: g, thresholds: [{alert: A, expr: 'x[5m]', warn: '> 1'}]}]",
            "f.yaml:1:50: expr is a range vector; it must be an instant vector or a scalar, whose values are compared"
        ),
        Case.file(
            "groups: [{name: g, rules: [{alert: A, expr: x}], thresholds: [{alert: A, expr: x, warn: '> 1'}]}]",
            "f.yaml:1:63: alert \"A\" is already defined at line 1; rename one of them"
        ),
    ])
    func thresholds(_ one: Case) { expectProblems(one) }

    @Test(arguments: [
        Case.slo(
            "name: two words",
            "f.yaml:8:11: objective name \"two words\" must be at most 64 letters"
        ),
        Case.slo(
            "objective: 100%",
            "f.yaml:8:16: objective \"100%\" leaves no error budget: one bad event would break it for good; use 99.99% "
                + "or less"
        ),
        Case.slo(
            "objective: 0",
            "f.yaml:8:16: objective \"0\" asks for nothing; use a percentage above 0%, such as 99.9%"
        ),
        Case.slo(
            "objective: 99.9",
            "f.yaml:8:16: objective \"99.9\" has no unit; write 99.9% for a percentage"
        ),
        Case.slo(
            "objective: 120%",
            "f.yaml:8:16: objective \"120%\" is more than everything; use a percentage below 100%"
        ),
        Case.slo(
            "objective: high",
            "f.yaml:8:16: objective \"high\" must be a percentage, such as 99.9%"
        ),
        Case.slo(
            "window: 5m",
            "f.yaml:8:13: \"window\" of an objective is 5m; it must be between 1h and 366d"
        ),
        Case.slo(
            "window: {calendar: year}",
            "f.yaml:8:24: unknown calendar \"year\"; use one of month"
        ),
        Case.slo("sli: {}", "f.yaml:8:10: sli takes one of events and latency; give exactly one"),
        Case.slo(
            "sli: {events: {total: t}}",
            "f.yaml:8:19: events takes \"bad\" or \"good\" beside \"total\"; give exactly one"
        ),
        Case.slo("sli: {events: {bad: b}}", "f.yaml:8:19: events needs \"total\"; add it"),
        Case.slo(
            "sli: {events: {bad: 'b + rate(c[5m])', total: t}}",
            "f.yaml:8:30: \"bad\" takes plain selectors, such as metric{label=\"value\"}, joined by +; not functions, "
                + "ranges, offsets or other operators"
        ),
        Case.slo(
            "sli: {events: {bad: 'b - c', total: t}}",
            "f.yaml:8:26: \"bad\" takes plain selectors"
        ),
        Case.slo(
            "sli: {events: {bad: 'b + on (x) c', total: t}}",
            "f.yaml:8:26: \"bad\" takes plain selectors"
        ),
        Case.slo(
            "sli: {events: {bad: b offset 5m, total: t}}",
            "f.yaml:8:25: \"bad\" takes plain selectors"
        ),
        Case.slo(
            "sli: {events: {bad: b + aws_x_sum, total: t}}",
            "f.yaml:8:25: \"bad\" adds counters and per-period counts (CloudWatch sums); add kind: counter or kind: "
                + "delta, or split the objective"
        ),
        Case.slo(
            "sli: {latency: {percentage: a + b, total: t}}",
            "f.yaml:8:33: \"percentage\" takes one selector; percentages cannot be added up"
        ),
        Case.slo("burn: fast", "f.yaml:9:11: unknown burn \"fast\"; use one of default"),
        Case.file(
            "groups:\n- {name: g, slos: [{name: s, objective: 9%, window: 1h, sli: {events: {bad: b, total: t}}}]}\n"
                + "- {name: h, slos: [{name: s, objective: 9%, window: 1h, sli: {events: {bad: b, total: t}}}]}",
            "f.yaml:3:20: objective \"s\" is already defined at f.yaml:2:20; rename one of them"
        ),
    ])
    func objectives(_ one: Case) { expectProblems(one) }

    @Test(arguments: [
        Case.file(
            "log_metrics: [{name: 1x}]",
            "f.yaml:1:22: \"1x\" is no metric name; use letters, digits, \"_\" and \":\""
        ),
        Case.file(
            "log_metrics: [{name: x}, {name: x}]"
        ),
        Case.file(
            "log_metrics: [{name: x}, {name: x, labels: [a]}]",
            "f.yaml:1:26: log metric \"x\" is already defined at f.yaml:1:15 with other labels, type or buckets; "
                + "make them the same, or rename one of them"
        ),
        Case.file(
            "log_metrics: [{name: x}, {name: x, type: gauge, value: v}]",
            "f.yaml:1:26: log metric \"x\" is already defined"
        ),
        Case.file(
            "log_metrics: [{name: x, type: summary}]",
            "f.yaml:1:31: unknown type \"summary\"; use one of counter, histogram, gauge"
        ),
        Case.file(
            "log_metrics: [{name: x, type: gauge}]",
            "f.yaml:1:15: a log metric needs \"value\"; add it"
        ),
        Case.file(
            "log_metrics: [{name: x, buckets: [1]}]",
            "f.yaml:1:25: \"buckets\" belongs to a histogram; remove it or write type: histogram"
        ),
        Case.file(
            "log_metrics: [{name: x, type: histogram, value: v, buckets: [2, 1]}]",
            "f.yaml:1:61: \"buckets\" must be 1 to 64 rising numbers"
        ),
        Case.file(
            "log_metrics: [{name: x, type: histogram, value: v, buckets: [a]}]",
            "f.yaml:1:61: \"buckets\" must be",
            "f.yaml:1:62: a bucket must be a number, not \"a\""
        ),
        Case.file(
            "log_metrics: [{name: x, type: histogram, value: v, labels: [le]}]",
            "f.yaml:1:60: label \"le\" is the histogram's own"
        ),
        Case.file(
            "log_metrics: [{name: x, parse: xml}]",
            "f.yaml:1:32: unknown parse \"xml\"; use one of json, logfmt, combined, none"
        ),
        Case.file(
            "log_metrics: [{name: x, parse: {regex: '(a'}}]",
            "f.yaml:1:40: invalid regular expression \"(a\": missing ): (a"
        ),
        Case.file(
            "log_metrics: [{name: x, parse: {regex: '(a)'}}]",
            "f.yaml:1:40: the expression has no named group"
        ),
        Case.file(
            "log_metrics: [{name: x, labels: [a.b]}]",
            "f.yaml:1:33: \"a.b\" is no label name; use letters, digits and \"_\", no digit first: labels: {name: a.b}"
        ),
        Case.file(
            "log_metrics: [{name: x, labels: [a, a]}]",
            "f.yaml:1:33: label \"a\" is listed twice; remove one of them"
        ),
        Case.file(
            "log_metrics: [{name: x, where: status}]",
            "f.yaml:1:32: where: after \"status\" a comparison is missing; use one of =="
        ),
        Case.file(
            "log_metrics: [{name: x, where: status >=}]",
            "f.yaml:1:32: where: the value after the comparison is missing; add it"
        ),
        Case.file(
            "log_metrics: [{name: x, where: 'a == 1 or b == 2'}]",
            "f.yaml:1:32: where: cannot read \"or b == 2\"; join conditions with \"and\""
        ),
        Case.file(
            "log_metrics: [{name: x, where: \"a == 'b\"}]",
            "f.yaml:1:32: where: the quote before \"b\" is not closed; close it"
        ),
        Case.file(
            "log_metrics: [{name: x, where: 'a =~ \"(\"'}]",
            "f.yaml:1:32: where: invalid regular expression \"(\""
        ),
        Case.file(
            "log_metrics: [{name: x, whre: y}]",
            "f.yaml:1:25: unknown key \"whre\" in a log metric; did you mean \"where\"?"
        ),
    ])
    func logMetrics(_ one: Case) { expectProblems(one) }

    @Test func allProblemsAtOnceInFileOrder() {
        expectProblems(
            Case.file(
                "groups:\n- name: a\n  rules: [{record: r, expr: '+'}]\n- name: a\n  intervl: 3s\nfoo: 1\n",
                "f.yaml:3:31: not valid PromQL",
                "f.yaml:4:3: group \"a\" is already defined at line 2",
                "f.yaml:5:3: unknown key \"intervl\"",
                "f.yaml:6:1: unknown key \"foo\""
            )
        )
    }

    private func expectProblems(
        _ one: Case,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) {
        let found = RuleLoaderErrorTests.problems(one.text)
        #expect(
            found.count == one.expected.count
                && zip(found, one.expected).allSatisfy { $0.hasPrefix($1) },
            "\(found.joined(separator: "\n"))\nfor:\n\(one.text)",
            sourceLocation: sourceLocation
        )
    }
}
