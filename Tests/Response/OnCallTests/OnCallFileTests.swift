import Foundation
import Model
import TestSupport
import Testing
import Timekeeping

@testable import OnCall

@Suite struct OnCallFileTests {
    static func policy(
        _ text: String,
        environment: [String: String] = [:]
    ) throws -> OnCallPolicy {
        try OnCallFile.load(Array(text.utf8), file: "oncall.yaml", environment: environment)
    }

    static func fixture(_ name: String) throws -> [UInt8] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent("Fixtures/" + name)))
    }

    static func team() throws -> OnCallPolicy {
        try OnCallFile.load(
            fixture("team.good.yaml"),
            file: "team.good.yaml",
            environment: ["HOOK": "a1"]
        )
    }

    @Test func aWholeFileIsReadAsWritten() throws {
        let policy = try Self.team()
        #expect(
            policy.receivers["hook"]?.kind
                == .webhook(
                    url: "https://hooks.example.com/a1",
                    secretFile: "/etc/tocsin/hook.secret",
                    format: .tocsin
                )
        )
        #expect(
            policy.receivers["pager"]?.kind
                == .pagerduty(
                    url: "https://events.pagerduty.com/v2/enqueue",
                    routingKeyFile: "/etc/tocsin/pagerduty.key"
                )
        )
        #expect(policy.people["olena"]?.contact == ["pager", "hook"])
        #expect(policy.people["taras"]?.waking.from == WallTime(hour: 7, minute: 0))
        #expect(policy.people["olena"]?.waking.to == WallTime(hour: 22, minute: 0))
        #expect(
            policy.schedules["primary"]?.rotation
                == .weekly(on: .monday, at: WallTime(hour: 9, minute: 0))
        )
        #expect(policy.escalations["default"]?.repeatCount == 3)
        #expect(policy.escalations["default"]?.repeatAfter == .seconds(1800))
        #expect(policy.escalations["database"]?.repeatAfter == .seconds(600))
        #expect(policy.policy(.p4).plan == .digest)
        #expect(policy.policy(.p4).response == .nextBusinessDay)
        #expect(policy.policy(.p3).hours == .waking)
        #expect(policy.flapping == .init(reopenWithin: .seconds(300), holdAfter: 2))
        #expect(policy.routes.routes.count == 3)
        #expect(policy.businessHours.days.count == 4)
    }

    @Test func theShippedFileLoadsAndReachesSomebodyAtEveryPriority() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let policy = try OnCallFile.load(
            path: root.appendingPathComponent("AlertRules/oncall.yaml").path
        )
        for priority in Priority.allCases {
            let reached = policy.simulate(
                priority,
                openedAt: Timestamp(year: 2026, month: 11, day: 24, hour: 3)
            )
            #expect(reached.first?.contacts.first?.receiver == "demo-pager", "\(priority)")
        }
        #expect(policy.escalations["default"]?.steps.last?.after == .seconds(1800))
    }

    /// The examples in the shipped file's comments are a whole team; uncommented they load too.
    @Test func theShippedExamplesLoad() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOfFile: root.appendingPathComponent("AlertRules/oncall.yaml").path,
            encoding: .utf8
        )
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blocks: [String] = []
        var block: [String] = []
        for line in lines + [""] {
            let trimmed = line.drop { $0 == " " }
            let content = trimmed.hasPrefix("# ") ? String(trimmed.dropFirst(2)) : nil
            if let content,
                content.hasPrefix("- {name:") || content.hasPrefix("- name:")
                    || content.hasPrefix("business_hours:") || content.hasPrefix("flapping:")
                    || (!block.isEmpty && content.hasPrefix(" "))
            {
                block.append(content)
            } else if !block.isEmpty {
                blocks.append(block.joined(separator: "\n"))
                block = []
            }
        }
        let routes = try #require(text.firstRange(of: "\nroutes:"))
        blocks.append(
            text[routes.lowerBound...].split(separator: "\n").map { line in
                line.hasPrefix("#   ") ? String(line.dropFirst(2)) : String(line)
            }.joined(separator: "\n")
        )
        #expect(blocks.count == 6)
        let indented = { (text: String) in
            text.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        }
        guard blocks.count == 6 else { return }
        let whole = """
            receivers:
            \(indented(blocks[0]))
            people:
            \(indented(blocks[1]))
            schedules:
            \(indented(blocks[2]))
            escalation:
              - name: default
                steps: [{notify: schedule/primary}, {after: 30m, notify: schedule/secondary}]
              - {name: database, steps: [{notify: person/olena}]}
            \(blocks[3])
            \(blocks[4])
            \(blocks[5])
            """
        let policy = try Self.policy(whole, environment: ["CHAT_TOKEN": "x"])
        #expect(policy.people.count == 2)
        #expect(policy.schedules["primary"]?.overrides.count == 1)
        #expect(policy.routes.receiver == "chat")
    }

    struct Bad: CustomTestStringConvertible {
        var name: String
        var text: String
        var problems: [String]

        var testDescription: String { name }
    }

    private static let good = """
        receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
        people: [{name: ann, time_zone: UTC, contact: [hook]}]
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
        escalation: [{name: default, steps: [{notify: schedule/primary}]}]

        """

    @Test func theShortestFileHasTheTablesDefaults() throws {
        let policy = try Self.policy(Self.good)
        #expect(policy.policy(.p1).response == .within(.seconds(900)))
        #expect(policy.policy(.p2).response == .within(.seconds(1800)))
        #expect(policy.policy(.p3).response == .within(.seconds(14400)))
        #expect(policy.policy(.p4).response == .nextBusinessDay)
        #expect(policy.policy(.p4).plan == .escalation("default"))
    }

    @Test(arguments: [
        Bad(
            name: "an empty file reaches nobody",
            text: "",
            problems: Priority.allCases.map {
                "1:1: \($0) has no escalation and there is none named \"default\": it reaches nobody; "
                    + "add priorities.\($0).escalation"
            }
        ),
        Bad(
            name: "unknown keys come with the nearest known one",
            text: good + "prioritys: {}\nextra: 1\n",
            problems: [
                "5:1: unknown key \"prioritys\" in the on-call file; did you mean \"priorities\"?",
                "6:1: unknown key \"extra\" in the on-call file; known keys: business_hours, "
                    + "escalation, flapping, people, priorities, receivers, routes, schedules",
            ]
        ),
        Bad(
            name: "a name that comes twice",
            text: good.replacing(
                "webhook: {url: \"http://127.0.0.1/\"}}",
                with: "webhook: {url: \"http://127.0.0.1/\"}}, "
                    + "{name: hook, webhook: {url: \"http://127.0.0.1/\"}}"
            ),
            problems: ["1:64: receiver \"hook\" is already defined at line 1; rename one of them"]
        ),
        Bad(
            name: "names that nobody has",
            text: """
                receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
                people: [{name: ann, time_zone: UTC, contact: [hok]}]
                schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [anne]}]
                escalation:
                  - {name: default, steps: [{notify: schedule/secondary}, {after: 1m, notify: person/bob}]}
                priorities: {P2: {escalation: defualt}}
                routes: {receiver: nobody, routes: [{matchers: [a=b], escalation: x}]}
                """,
            problems: [
                "2:10: person \"ann\" names unknown receiver \"hok\"; did you mean \"hook\"?",
                "3:13: schedule \"primary\" names unknown person \"anne\"; did you mean \"ann\"?",
                "5:29: step 1 of escalation \"default\" names unknown schedule \"secondary\"; "
                    + "known: primary",
                "5:59: step 2 of escalation \"default\" names unknown person \"bob\"; known: ann",
                "6:18: P2 names unknown escalation \"defualt\"; did you mean \"default\"?",
                "7:9: a route names unknown receiver \"nobody\"; known: hook",
                "7:37: a route names unknown receiver \"nobody\"; known: hook",
                "7:37: a route names unknown escalation \"x\"; known: default",
            ]
        ),
        Bad(
            name: "a step that may come to somebody without a contact",
            text: """
                receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
                people: [{name: ann, time_zone: UTC, contact: [hook]}, {name: bob, time_zone: UTC}]
                schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann, bob]}]
                escalation: [{name: default, steps: [{notify: schedule/primary}]}]
                """,
            problems: [
                "4:38: step 1 of escalation \"default\" notifies schedule/primary, but person \"bob\" "
                    + "has no contact and would not be reached; add contact: [RECEIVER] to the person"
            ]
        ),
        Bad(
            name: "an override by somebody without a contact",
            text: """
                receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
                people: [{name: ann, time_zone: UTC, contact: [hook]}, {name: bob, time_zone: UTC}]
                schedules:
                  - name: primary
                    time_zone: UTC
                    handoff: "Mon 09:00"
                    members: [ann]
                    overrides: [{person: bob, from: "2026-01-01 00:00", to: "2026-01-02 00:00"}]
                escalation: [{name: default, steps: [{notify: schedule/primary}]}]
                """,
            problems: [
                "9:38: step 1 of escalation \"default\" notifies schedule/primary, but person \"bob\" "
                    + "has no contact and would not be reached; add contact: [RECEIVER] to the person"
            ]
        ),
        Bad(
            name: "steps and escalations that reach nobody",
            text: """
                receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
                escalation:
                  - {name: default, steps: []}
                  - {name: other, steps: [{notify: []}, {notify: receiver/hook}, {after: 5m, notify: hook}]}
                """,
            problems: [
                "1:1: P1 has no escalation and there is none named \"default\": it reaches nobody; "
                    + "add priorities.P1.escalation",
                "1:1: P2 has no escalation and there is none named \"default\": it reaches nobody; "
                    + "add priorities.P2.escalation",
                "1:1: P3 has no escalation and there is none named \"default\": it reaches nobody; "
                    + "add priorities.P3.escalation",
                "1:1: P4 has no escalation and there is none named \"default\": it reaches nobody; "
                    + "add priorities.P4.escalation",
                "3:28: escalation \"default\" has no steps: it reaches nobody; add one",
                "4:27: this step notifies nobody; use schedule/NAME, person/NAME or receiver/NAME",
                "4:41: a later step needs \"after\": how long to wait for an acknowledgement",
                "4:86: \"hook\" names nobody; use schedule/NAME, person/NAME or receiver/NAME",
            ]
        ),
        Bad(
            name: "every priority waits for the digest",
            text: good
                + "priorities: {P1: {escalation: digest}, P2: {escalation: digest}, "
                + "P3: {escalation: digest}, P4: {escalation: digest}}\n",
            problems: [
                "1:1: every priority waits for the digest, so nobody is ever paged; give P1 an escalation"
            ]
        ),
        Bad(
            name: "receivers that are none",
            text: good.replacing(
                "receivers: [",
                with:
                    "receivers: [{name: a}, {name: b, slack: {}}, {name: c, webhook: {url: ftp://x}}, "
                    + "{name: d, webhook: {url: 'http://u:p@h/', format: tocsinn}}, "
                    + "{name: e, pagerduty: {}}, {name: f, webhook: {url: 'http://${NONE}/'}}, "
            ),
            problems: [
                "1:13: receiver \"a\" has no kind; give it either webhook or pagerduty",
                "1:24: receiver \"b\" has no kind; give it either webhook or pagerduty",
                "1:34: unknown key \"slack\" in a receiver; known keys: name, pagerduty, webhook",
                "1:71: \"ftp://x\" is no address; give one like https://pager.example.com/hook",
                "1:107: the address holds a user or password; use secret_file instead",
                "1:132: unknown format \"tocsinn\"; use one of tocsin, alertmanager",
                "1:164: a pagerduty receiver needs \"routing_key_file\"; add it",
                "1:194: the environment has no NONE; set it or write the value",
            ]
        ),
        Bad(
            name: "times and zones that are none",
            text: """
                receivers: [{name: hook, webhook: {url: "http://127.0.0.1/"}}]
                people:
                  - {name: ann, time_zone: Europe/Kiyv, contact: [hook]}
                  - {name: bob, contact: [hook]}
                  - {name: cid, time_zone: UTC, contact: [hook], waking: {from: "8:00", to: "24:00"}}
                  - {name: dan, time_zone: UTC, contact: [hook], waking: {from: "08:00", to: "08:00"}}
                schedules:
                  - {name: a, time_zone: UTC, handoff: "09:00", members: [dan]}
                  - {name: b, time_zone: UTC, rotation: daily, handoff: "Mon 09:00", members: [dan]}
                  - {name: c, time_zone: UTC, rotation: monthly, handoff: "Mon 09:00", members: []}
                  - {name: d, time_zone: UTC, handoff: "Mon 09:00", start: 2026-02-30, members: [dan]}
                escalation: [{name: default, steps: [{notify: receiver/hook}]}]
                priorities: {P1: {respond_within: soon, hours: sometimes}, P5: {}}
                business_hours: {days: [Funday], from: "17:00", to: "09:00"}
                """,
            problems: [
                "3:28: unknown time zone \"Europe/Kiyv\"; did you mean \"Europe/Kiev\"?",
                "4:5: a person needs \"time_zone\", like Europe/Kyiv; add it",
                "5:65: \"from\" of waking must be a time like 09:00, not \"8:00\"",
                "5:77: \"to\" of waking must be a time like 09:00, not \"24:00\"",
                "6:78: waking hours from 08:00 to 08:00 have no length; make them longer",
                "8:40: \"handoff\" of a schedule must be a day and time like \"Mon 09:00\", not \"09:00\"",
                "9:57: \"handoff\" of a schedule must be a time like 09:00, not \"Mon 09:00\"",
                "10:41: unknown rotation \"monthly\"; use one of daily, weekly",
                "10:81: schedule \"c\" has no members; add at least one person",
                "11:60: \"start\" of a schedule must be a date like 2026-01-05, not \"2026-02-30\"",
                "13:35: \"respond_within\" of P1 must be a duration like 15m, or next_business_day, "
                    + "not \"soon\"",
                "13:48: unknown hours \"sometimes\"; use one of always, waking",
                "13:60: unknown key \"P5\" in priorities; did you mean \"P1\"?",
                "14:24: \"Funday\" is no day; use Mon, Tue, Wed, Thu, Fri, Sat, Sun",
            ]
        ),
        Bad(
            name: "routes beyond what is supported",
            text: good
                + """
                routes:
                  matchers: ['a="b"']
                  group_wait: 30s
                  routes:
                    - {matchers: ['a=~"("', 'b', '{c="d"', 'e="f"g'], match: {a: b}}
                    - {matchers: ['a="b"'], routes: [{matchers: ['c="d"']}]}
                """,
            problems: [
                "6:13: the root takes every alert; put matchers into one of its routes",
                "7:3: \"group_wait\" is not supported; incidents are sent at once",
                "9:18: matcher \"a=~\"(\"\": invalid regular expression \"(\": missing ): (; write it like "
                    + "severity=\"critical\"",
                "9:18: matcher \"b\": one of =, !=, =~, !~ is missing after \"b\"; write it like "
                    + "severity=\"critical\"",
                "9:18: matcher \"{c=\"d\"\": \"}\" is missing; write it like severity=\"critical\"",
                "9:18: matcher \"e=\"f\"g\": unexpected \"g\"; write it like severity=\"critical\"",
                "9:55: \"match\" is not supported; write it as matchers: [name=\"value\"]",
                "10:37: routes go one level deep; write these beside this one",
            ]
        ),
        Bad(
            name: "text that is no YAML",
            text: "receivers: [\n",
            problems: [
                "2:1: not valid YAML: did not find expected node content while parsing a flow node that "
                    + "begins at line 2; check indentation, quotes and brackets here and just above"
            ]
        ),
        Bad(
            name: "another shape altogether",
            text: "- a\n- b\n",
            problems: ["1:1: the on-call file must be a mapping (key: value), not a list"]
                + Priority.allCases.map {
                    "1:1: \($0) has no escalation and there is none named \"default\": it reaches "
                        + "nobody; add priorities.\($0).escalation"
                }
        ),
    ])
    func everyProblemIsReportedAtOnce(bad: Bad) throws {
        let failure = #expect(throws: DiagnosticList.self) { try Self.policy(bad.text) }
        #expect(
            failure?.diagnostics.map(\.description) == bad.problems.map { "oncall.yaml:" + $0 }
        )
    }

    @Test func noiseIsRefusedNeverTrusted() throws {
        let good = try Self.fixture("team.good.yaml")
        var random = SeededGenerator(seed: 11)
        let signs = Array(" :,[]{}\"'#&*!|>%-0x\n".utf8)
        for _ in 0..<400 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[index] = signs[Int.random(in: 0..<signs.count, using: &random)]
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 32...126, using: &random), at: index)
                }
            }
            do throws(DiagnosticList) {
                let policy = try OnCallFile.load(bytes, file: "f", environment: ["HOOK": "a"])
                let reached = policy.simulate(
                    .p1,
                    openedAt: Timestamp(year: 2026, month: 3, day: 29)
                )
                #expect(reached.allSatisfy { !$0.contacts.isEmpty })
            } catch {
                #expect(!error.diagnostics.isEmpty)
            }
        }
    }

    @Test func aFileThatIsNotThereIsNamed() {
        let failure = #expect(throws: DiagnosticList.self) {
            try OnCallFile.load(path: "/nowhere/oncall.yaml")
        }
        #expect(failure?.description.contains("/nowhere/oncall.yaml:1:1: cannot be read") == true)
    }

    @Test func theKubernetesExampleLoads() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appendingPathComponent("deploy/kubernetes/oncall.yaml"),
            encoding: .utf8
        )
        let data = try #require(text.components(separatedBy: "oncall.yaml: |\n").last)
        let policy = try Self.policy(data)
        #expect(
            policy.simulate(.p1, openedAt: Timestamp(year: 2026, month: 11, day: 24)).count == 8
        )
        #expect(
            policy.notes.contains {
                $0.message.hasPrefix(
                    "step 2 of escalation \"default\" reaches pager again, and PagerDuty"
                )
            }
        )
    }

    @Test func notesSayWhatMaySurprise() throws {
        let policy = try Self.policy(
            """
            receivers:
              - {name: hook, webhook: {url: "http://127.0.0.1/"}}
              - {name: spare, webhook: {url: "http://127.0.0.2/"}}
            people: [{name: ann, time_zone: UTC, contact: [hook]}]
            schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
            escalation:
              - {name: default, steps: [{notify: schedule/primary}, {after: 30m, notify: person/ann}]}
            """
        )
        #expect(
            policy.notes.map(\.description) == [
                "oncall.yaml:1:1: P1 has one receiver and no second channel when it fails; give its "
                    + "people a second contact",
                "oncall.yaml:1:1: P1 is to be answered within 15m, but escalation \"default\" asks the "
                    + "next only after 30m",
                "oncall.yaml:1:1: P2 has one receiver and no second channel when it fails; give its "
                    + "people a second contact",
                "oncall.yaml:3:5: receiver \"spare\" is never used",
            ]
        )
    }
}
