import APIModel
import ControlCommands
import Foundation
import Testing

@Suite struct RulesTestCommandTests {
    private static let rules = """
        groups:
          - name: app
            thresholds:
              - alert: Slow
                expr: max by (job) (latency_seconds)
                unit: s
                warn: "> 300ms"
                crit: "> 500ms"
                for: 1m
        """

    private static let onCall = """
        receivers:
          - {name: phone, webhook: {url: "http://127.0.0.1:1/"}}
          - {name: mail, webhook: {url: "http://127.0.0.1:2/"}}
        people:
          - {name: ann, time_zone: UTC, contact: [phone]}
          - {name: bob, time_zone: UTC, contact: [mail]}
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
        escalation:
          - name: default
            steps: [{notify: schedule/primary}, {after: 30m, notify: person/bob}]
            repeat: 1
        priorities:
          P1: {escalation: default}
          P2: {escalation: default}
          P3: {escalation: default, hours: waking}
          P4: {escalation: digest}
        """

    /// Warn at 5m, crit at 9m, resolved at 1h9m.
    private static let tests = """
        rule_files: [rules.yaml]
        tests:
          - name: latency
            start_timestamp: 2026-11-24T12:00:00Z
            input_series:
              - {series: 'latency_seconds{job="api"}', values: '0.1x3 0.4x3 0.6x60 0.1x20'}
            oncall_file: oncall.yaml
            incident_actions:
              - {time: 50m, do: ack, by: bob, alertname: Slow}
            alert_rule_test:
              - {eval_time: 7m, alertname: Slow, exp_alerts: [{exp_labels: {job: api}, exp_level: warn}]}
            incident_test:
              - {eval_time: 4m}
              - eval_time: 40m
                exp_incidents:
                  - {priority: P2, state: escalated, level: crit, alerts: [Slow], labels: {job: api}}
              - {eval_time: 1h, exp_incidents: [{state: acknowledged}]}
              - {eval_time: 1h30m, exp_incidents: [{state: resolved}]}
            page_test:
              - eval_time: 2h
                exp_pages:
                  - {time: 5m, to: phone, kind: opened, priority: P3}
                  - {time: 9m, to: phone, kind: raised, priority: P2, alertname: Slow}
                  - {time: 39m, to: mail, kind: escalated}
                  - {time: 50m, kind: acknowledged}
                  - {time: 50m, kind: acknowledged}
                  - {time: 1h9m, kind: resolved}
                  - {time: 1h9m, kind: resolved}
          - name: sum
            promql_expr_test:
              - {expr: 1 + 1, eval_time: 0, exp_samples: [{value: 2}]}

        """

    private static func folder(_ tests: String) throws -> TestFolder {
        try TestFolder(["rules.yaml": rules, "oncall.yaml": onCall, "test.yaml": tests])
    }

    @Test func alertsIncidentsAndPagesPass() async throws {
        let folder = try Self.folder(Self.tests)
        let file = folder.path + "/test.yaml"
        let run = await CommandRun(["rules", "test", file])
        #expect(run.output == "Unit Testing:  \(file)\n  SUCCESS\n\n")
        #expect(run.messages == "")
        #expect(run.code == .ok)
    }

    @Test func aFailedCaseShowsWhatWasExpectedAndGot() async throws {
        let folder = try Self.folder(
            Self.tests.replacing("{time: 39m, to: mail, kind: escalated}", with: "{to: phone}")
                .replacing("[{value: 2}]", with: "[{value: 3}]")
        )
        let file = folder.path + "/test.yaml"
        let run = await CommandRun(["rules", "test", "--diff", file])
        #expect(
            run.output == """
                Unit Testing:  \(file)
                  FAILED:
                    \(file):31:9: sum: 1 + 1 at 0s
                        - {} 3
                        + {} 2

                    \(file):20:9: latency: pages until 2h
                        - {to: phone}
                        + {time: 39m, to: mail, kind: escalated, priority: P2, alertname: Slow}


                """
        )
        #expect(run.messages == "5 passed, 2 failed\n")
        #expect(run.code == .testsFailed)
        let whole = await CommandRun(["rules", "test", file, "--run", "^su"])
        #expect(
            whole.output == """
                Unit Testing:  \(file)
                  FAILED:
                    \(file):31:9: sum: 1 + 1 at 0s
                        expected:
                            {} 3
                        got:
                            {} 2


                """
        )
    }

    @Test func jsonListsEveryCase() async throws {
        let folder = try Self.folder(Self.tests.replacing("[{value: 2}]", with: "[{value: 3}]"))
        let file = folder.path + "/test.yaml"
        let run = await CommandRun(["rules", "test", "--format", "json", file, "/nowhere.yaml"])
        #expect(run.code == .testsFailed)
        #expect(run.messages == "")
        let document = try APIJSON.decode(RuleTestDocument.self, from: Data(run.output.utf8))
        #expect(document.schema == "tocsin.rule-tests/1")
        #expect(document.status == "error")
        #expect(document.passed == 6)
        #expect(document.failed == 1)
        #expect(document.errors == 1)
        let failed = try #require(document.cases.first { $0.status == "failed" })
        #expect(failed.name == "sum: 1 + 1 at 0s")
        #expect(failed.file == file)
        #expect(failed.line == 31)
        #expect(failed.message == "expected:\n    {} 3\ngot:\n    {} 2")
        #expect(failed.expected == ["{} 3"])
        #expect(failed.got == ["{} 2"])
        #expect(document.cases.last?.kind == "file")
        #expect(document.cases.last?.file == "/nowhere.yaml")
        #expect(document.cases.last?.message.hasPrefix("cannot be read") ?? false)
    }

    @Test func everyChangeOfAnAlertIsShownOnRequest() async throws {
        let folder = try Self.folder(Self.tests)
        let run = await CommandRun(["rules", "test", "--debug", folder.path + "/test.yaml"])
        #expect(
            run.messages == """
                latency: 5m {alertname="Slow", job="api"} fires, warn
                latency: 9m {alertname="Slow", job="api"} warn to crit
                latency: 1h9m {alertname="Slow", job="api"} resolved

                """
        )
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var from: String
        var to: String
        var message: String

        var testDescription: String { to }
    }

    @Test(arguments: [
        Bad(from: "do: ack", to: "do: nod", message: "unknown do \"nod\"; use one of"),
        Bad(from: "do: ack, ", to: "do: snooze, ", message: "a snooze needs \"for\""),
        Bad(
            from: "oncall_file: oncall.yaml",
            to: "external_url: ''",
            message: "need \"oncall_file\""
        ),
        Bad(
            from: "oncall_file: oncall.yaml",
            to: "oncall_file: no.yaml",
            message: "cannot be read"
        ),
        Bad(
            from: "start_timestamp: 2026-11-24T12:00:00Z",
            to: "start_timestamp: noon",
            message: "a time"
        ),
        Bad(from: "exp_incidents", to: "exp_incident", message: "did you mean \"exp_incidents\"?"),
        Bad(from: "rule_files", to: "rule_file", message: "did you mean \"rule_files\"?"),
    ]) func aFileThatIsNotValidIsABadConfiguration(_ bad: Bad) async throws {
        let folder = try Self.folder(Self.tests.replacing(bad.from, with: bad.to))
        let run = await CommandRun(["rules", "test", folder.path + "/test.yaml"])
        #expect(run.messages.contains(bad.message), "\(run.messages)")
        #expect(run.messages.contains(".yaml:"), "\(run.messages)")
        #expect(run.code == .badConfiguration)
    }

    @Test func unknownKeysArePassedOverOnRequest() async throws {
        let folder = try Self.folder(Self.tests.replacing("name: sum", with: "nome: sum"))
        let file = folder.path + "/test.yaml"
        #expect(await CommandRun(["rules", "test", file]).code == .badConfiguration)
        #expect(
            await CommandRun(["rules", "test", "--ignore-unknown-fields", file]).code == .ok
        )
    }

    @Test func anActionWithoutItsIncidentFails() async throws {
        let folder = try Self.folder(Self.tests.replacing("{time: 50m, do", with: "{time: 1m, do"))
        let run = await CommandRun(["rules", "test", folder.path + "/test.yaml"])
        #expect(run.output.contains("no incident of Slow is there to act on at that time"))
        #expect(run.code == .testsFailed)
    }

    @Test func aPatternThatIsNoneIsAMistakeOfUse() async {
        let run = await CommandRun(["rules", "test", "--run", "(", "x.yaml"])
        #expect(run.code == .usage)
        #expect(run.messages.hasPrefix("sloctl: --run: invalid regular expression"))
    }
}
