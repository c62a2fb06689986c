import Foundation
import Model
import RuleEvaluation
import Rules
import Testing

@Suite struct RuleLinterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var rules: String
        /// Names of the lints found, in order.
        var lints: [String]
        /// Part of the first message.
        var message = ""

        var testDescription: String { rules.replacing("\n", with: " ") }
    }

    private static func alert(_ expr: String, _ rest: String = "") -> String {
        "  rules: [{alert: A, expr: '\(expr)'\(rest.isEmpty ? "" : ", ")\(rest)}]"
    }

    private static func threshold(_ rest: String) -> String {
        "  thresholds: [{alert: A, \(rest)}]"
    }

    static let cases: [Case] = [
        Case(rules: alert("rate(x_total[5m]) > 1", "for: 5m"), lints: []),
        Case(
            rules: alert("rate(x_total[20s]) > 1"),
            lints: ["short-window"],
            message: "x_total[20s] is shorter than two periods of its samples (15s each)"
        ),
        Case(rules: alert("max_over_time(x[20s]) > 1"), lints: []),
        Case(rules: alert("rate(x_total[20s] smoothed) > 1"), lints: []),
        Case(
            rules: alert("delta(aws_rds_free_storage_space_average[90s]) < 0"),
            lints: ["short-window"],
            message: "(1m each)"
        ),
        Case(
            rules: threshold("expr: x, relative_to: {offset: 1h, window: 20s}, warn: '+50%'"),
            lints: ["short-window"],
            message: "holds fewer than two evaluations (15s apart)"
        ),
        Case(
            rules: alert("x > 1", "labels: {now: '{{ $value }}'}"),
            lints: ["value-in-label"],
            message: "label \"now\" of A holds $value"
        ),
        Case(
            rules: alert("x > 1", "labels: {now: '{{ if gt .Value 3.0 }}a{{ end }}'}"),
            lints: ["value-in-label"]
        ),
        Case(rules: alert("x > 1", "labels: {job: '{{ $labels.job }}'}"), lints: []),
        Case(
            rules: alert("sum by (job) (x) > 1", "annotations: {s: 'on {{ $labels.instance }}'}"),
            lints: ["missing-label"],
            message: "\"s\" of A reads label \"instance\", which the expression drops"
        ),
        Case(
            rules: alert("sum by (job) (x) > 1", "annotations: {s: '{{ .Labels.job }}'}"),
            lints: []
        ),
        Case(
            rules: alert("sum(x) > 1", "annotations: {s: '{{ with $labels }}{{ .job }}{{ end }}'}"),
            lints: []
        ),
        Case(
            rules: alert(
                "sum by (job) (x) * on (job) group_left (team) y > 1",
                "annotations: {s: '{{ $labels.team }}'}"
            ),
            lints: []
        ),
        Case(
            rules: alert("absent(up{job=\"a\"})", "annotations: {s: '{{ $labels.job }}'}"),
            lints: []
        ),
        Case(
            rules: alert("absent(up{job=\"a\"})", "annotations: {s: '{{ $labels.instance }}'}"),
            lints: ["missing-label"]
        ),
        Case(
            rules: alert(
                "count_values(\"v\", x) > 1",
                "annotations: {s: '{{ $labels.v }}{{ $labels.w }}'}"
            ),
            lints: ["missing-label"],
            message: "label \"w\""
        ),
        Case(
            rules: alert("up > 1"),
            lints: ["unreachable-level"],
            message: "\"> 1\" is never true, because up lies between 0 and 1"
        ),
        Case(rules: alert("up == 0"), lints: []),
        Case(rules: alert("hour() >= 24"), lints: ["unreachable-level"]),
        Case(rules: alert("0 > rate(x_total[5m])"), lints: ["unreachable-level"]),
        Case(rules: alert("absent(x) == 1"), lints: []),
        Case(
            rules: threshold(
                "expr: 'sum(rate(x_total{code=\"500\"}[5m])) / sum(rate(x_total[5m]))', unit: ratio, "
                    + "warn: '> 5%', crit: '> 500%'"
            ),
            lints: ["unreachable-level"],
            message:
                "crit of A, \"> 500%\", is never reached: a part of its whole lies between 0 and 1"
        ),
        Case(
            rules: threshold("expr: spent / budget, unit: ratio, warn: '> 80%', crit: '> 120%'"),
            lints: []
        ),
        Case(
            rules: threshold(
                "expr: 'max(aws_rds_cpuutilization_average) / 100', unit: ratio, crit: '> 1.1'"
            ),
            lints: ["unreachable-level"]
        ),
        Case(
            rules: alert("aws_rds_database_connections_average / on () group_left () y > 1"),
            lints: ["mixed-sources"],
            message: "comes minutes late and y at once"
        ),
        Case(
            rules: """
                  rules:
                  - {record: y, expr: vector(5)}
                  - {alert: A, expr: 'aws_rds_database_connections_average / on () group_left () y > 1'}
                """,
            lints: []
        ),
        Case(
            rules: "  interval: 30s\n" + alert("x > 1", "for: 45s"),
            lints: ["uneven-for"],
            message: "for: 45s of A is no multiple of the interval 30s, so it lasts 1m"
        ),
        Case(
            rules: alert("rate(memory_bytes[5m]) > 1"),
            lints: ["rate-of-gauge"],
            message: "use deriv()"
        ),
        Case(
            rules: alert("increase(aws_applicationelb_request_count_sum[5m]) > 1"),
            lints: ["rate-of-gauge"],
            message: "use sum_over_time(aws_applicationelb_request_count_sum[...])"
        ),
        Case(
            rules: alert("delta(x_total[5m]) > 1"),
            lints: ["rate-of-gauge"],
            message: "use increase()"
        ),
        Case(
            rules: alert("rate(sum(x_total)[5m:]) > 1"),
            lints: ["rate-of-sum"],
            message: "write sum(rate(...)) instead"
        ),
        Case(
            rules: alert("absent(up{job=~\"a|b\"})"),
            lints: ["inexact-absent"],
            message: "absent() is silent as long as one series matches job=~\"a|b\""
        ),
        Case(
            rules: """
                  rules:
                  - {record: a, expr: x}
                  - {record: a, expr: y}
                  - {record: a, expr: y, labels: {z: b}}
                """,
            lints: ["duplicate-rules"],
            message: "a with these labels is already at rules.yaml:4:5"
        ),
    ]

    @Test(arguments: cases) func finds(_ one: Case) throws {
        let text = "groups:\n- name: g\n\(one.rules)\n"
        let findings = RuleLinter().findings(
            in: try RuleLoader.load(text: text, file: "rules.yaml")
        )
        #expect(findings.map(\.lint.rawValue) == one.lints, "\(findings)")
        if let first = findings.first {
            #expect(one.message.isEmpty || first.message.contains(one.message), "\(first)")
        }
    }

    @Test func theShippedRulesAreClean() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../..").standardized.path
        let findings = RuleLinter().findings(in: try RuleLoader.load(paths: [root + "/AlertRules"]))
        #expect(findings.map(\.description) == [])
    }

    @Test func selectorsForAServer() throws {
        let text = """
            groups:
            - name: g
              rules:
              - {record: made, expr: 'sum(rate(a{b="c"}[5m] offset 1h))'}
              - {alert: A, expr: 'made > 1 or absent(gone) or ALERTS or a{b="c"} > 1'}
              thresholds: [{alert: B, expr: 'info(x, {y="z"})', warn: '> 1'}]
            """
        let found = RuleSelector.all(in: try RuleLoader.load(text: text, file: "rules.yaml"))
        #expect(found.map(\.text) == [#"a{b="c"}"#, "x"])
    }
}
