import APIModel
import ControlCommands
import Foundation
import Testing

@Suite struct RulesCheckCommandTests {
    private static let rules = """
        groups:
          - name: app
            rules:
              - {record: 'job:x:sum', expr: 'sum by (job) (rate(x_total[20s]))'}
              - {alert: Down, expr: 'up == 0', labels: {now: '{{ $value }}'}}
        """

    private static let summary = "OK: 1 groups, 2 rules, 0 thresholds, 0 objectives, 0 log metrics"

    @Test func warningsDoNotChangeTheExitCodeUnlessTheyAreFatal() async throws {
        let folder = try TestFolder(["rules.yaml": Self.rules])
        let file = folder.path + "/rules.yaml"
        let run = await CommandRun(["rules", "check", file])
        #expect(run.code == .ok)
        #expect(run.output == "\(Self.summary); 2 warnings\n")
        let lines = run.messages.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("warning: \(file):4:37: x_total[20s] is shorter") ?? false)
        #expect(lines.first?.hasSuffix("[short-window]") ?? false)
        #expect(lines.last?.hasSuffix("[value-in-label]") ?? false)
        let fatal = await CommandRun(["rules", "check", "--lint-fatal", file])
        #expect(fatal.code == .lintFailed)
        let none = await CommandRun(["rules", "check", "--lint=none", "--lint-fatal", file])
        #expect(none.code == .ok)
        #expect(none.output == Self.summary + "\n")
        let one = await CommandRun(["rules", "check", "--lint", "short-window", file])
        #expect(one.messages.split(separator: "\n").count == 1)
        let wide = await CommandRun(
            ["rules", "check", "--lint", "short-window", "--scrape-interval", "5s", file]
        )
        #expect(wide.messages == "")
    }

    @Test func jsonHoldsProblemsAndWarnings() async throws {
        let folder = try TestFolder([
            "rules.yaml": Self.rules,
            "bad.yaml": "groups: [{name: a, rules: [{record: b, expr: 'sum('}]}]\n",
        ])
        let run = await CommandRun(["rules", "check", "--format=json", folder.path + "/rules.yaml"])
        let document = try APIJSON.decode(RuleCheckDocument.self, from: Data(run.output.utf8))
        #expect(run.code == .ok)
        #expect(document.schema == "tocsin.rule-check/1")
        #expect(document.status == "warnings")
        #expect(document.rules == 2)
        #expect(document.warnings.map(\.lint) == ["short-window", "value-in-label"])
        let bad = await CommandRun(["rules", "check", "--format=json", folder.path + "/bad.yaml"])
        let problem = try APIJSON.decode(RuleCheckDocument.self, from: Data(bad.output.utf8))
        #expect(bad.code == .badConfiguration)
        #expect(problem.status == "invalid")
        #expect(problem.problems.first?.message.hasPrefix("not valid PromQL") ?? false)
    }

    @Test func rulesThatReadFurtherBackThanTheStoreKeepsAreNoted() async throws {
        let folder = try TestFolder([
            "rules.yaml": """
            groups:
              - {name: a, rules: [{record: x, expr: 'sum(increase(x_total[3d]))'}]}
            """
        ])
        let file = folder.path + "/rules.yaml"
        let run = await CommandRun(["rules", "check", "--lint-fatal", file])
        #expect(run.code == .ok)
        #expect(
            run.messages
                == "note: \(file):2:23: record \"x\" reads 3d back, longer than store.retention "
                + "(6h); older samples of its series are kept thinned to one a minute\n"
        )
        let longer = await CommandRun(["rules", "check", "--retention", "3d", file])
        #expect(longer.messages == "")
        let json = await CommandRun(["rules", "check", "--format", "json", file])
        let document = try APIJSON.decode(RuleCheckDocument.self, from: Data(json.output.utf8))
        #expect(document.status == "ok" && document.notes.count == 1)
        let bad = await CommandRun(["rules", "check", "--retention", "long", file])
        #expect(bad.code == .usage)
    }

    @Test func templatesAreChecked() async throws {
        let folder = try TestFolder([
            "rules.yaml": Self.rules.replacing("{{ $value }}", with: "{{ $valu }}")
        ])
        let run = await CommandRun(["rules", "check", folder.path + "/rules.yaml"])
        #expect(run.code == .badConfiguration)
        #expect(run.messages.contains("template of \"now\""), "\(run.messages)")
    }

    @Test func aServerTellsWhichSelectorsMatchNothing() async throws {
        let folder = try TestFolder(["rules.yaml": Self.rules])
        let file = folder.path + "/rules.yaml"
        let server = CommandRun.Server(answers: [
            "GET /api/v1/series?limit=1&match[]=x_total": (200, #"{"status":"success","data":[]}"#),
            "GET /api/v1/series?limit=1&match[]=up": (
                200, #"{"status":"success","data":[{"__name__":"up"}]}"#
            ),
        ])
        let run = await CommandRun(
            ["rules", "check", "--live", "--lint", "empty-selector", file],
            server: server
        )
        #expect(
            run.messages
                == "warning: \(file):4:37: x_total matches no series on http://127.0.0.1:9467; correct it, "
                + "or see sloctl sources for what is not delivered [empty-selector]\n"
        )
        #expect(run.code == .ok)
        #expect(await CommandRun(["rules", "check", "--live", file]).code == .unreachable)
    }

    @Test func anUnknownLintIsAMistakeOfUse() async throws {
        let run = await CommandRun(["rules", "check", "--lint", "shrt-window", "x.yaml"])
        #expect(run.code == .usage)
        #expect(run.messages.contains("--lint does not know \"shrt-window\"; use all, none, "))
    }

    @Test func plainRulesArePrinted() async throws {
        let folder = try TestFolder(["rules.yaml": Self.rules])
        let run = await CommandRun(["rules", "export", folder.path + "/rules.yaml"])
        #expect(run.code == .ok)
        #expect(run.output.hasPrefix("groups:\n  - name: \"app\"\n    rules:\n"))
        let bad = await CommandRun(["rules", "export", "--interval", "x", "rules.yaml"])
        #expect(bad.code == .usage)
    }
}
