import Foundation
import Model
import Testing
import Timekeeping

@testable import Daemon

@Suite(.timeLimit(.minutes(2))) struct DaemonReloadTests {
    private static let a: LabelSet = ["__name__": "up", "job": "a"]

    @Test func aReloadKeepsWhatFires() async throws {
        let house = try House()
        try await house.run { daemon in
            house.bring([(Self.a, 0)], to: daemon)
            let opened = try await house.pager.next()
            try house.write(
                "rules.yaml",
                House.rules + """

                          - {alert: Slow, expr: latency > 1, labels: {severity: critical}}
                    """
            )
            try await Caller.of(daemon) { caller in
                let reloaded = try await caller.call("POST", "/-/reload")
                #expect(reloaded.status == 200, "\(reloaded.text)")
                let rules = try await caller.call("GET", "/api/v1/rules").text
                #expect(rules.contains(#""name":"Slow""#))
                house.bring([(["__name__": "latency"], 2), (Self.a, 0)], to: daemon)
                let slow = try await house.pager.next()
                let sent = try await caller.call("GET", "/v1/deliveries").text
                #expect(
                    slow.summary.contains("Slow"),
                    "\(slow) after \(opened)\n\(house.log)\n\(sent)"
                )
                house.bring([(Self.a, 1)], to: daemon)
                let end = try await house.pager.next()
                #expect(end.kind == "resolved", "\(end) after \(slow)\n\(house.log)")
                #expect(end.incident == opened.incident)
            }
        }
    }

    @Test func whatIsWrongIsToldAndWhatRanGoesOn() async throws {
        let house = try House()
        try await house.run { daemon in
            try house.write("rules.yaml", House.rules.replacing("up == 0", with: "up == == 0"))
            try await Caller.of(daemon) { caller in
                let refused = try await caller.call("POST", "/-/reload")
                #expect(refused.status == 500)
                #expect(refused.text.hasPrefix("not reloaded; what was running goes on:\n"))
                #expect(refused.text.contains("rules.yaml:6:"), "\(refused.text)")
                #expect(house.log.contains("not reloaded; what was running goes on"))
                let metrics = try await caller.call("GET", "/metrics").text
                #expect(metrics.contains("tocsin_config_last_reload_successful 0"))
                let info = try await caller.call("GET", "/api/v1/status/runtimeinfo").text
                #expect(info.contains(#""reloadConfigSuccess":false"#))
                #expect(try await caller.call("GET", "/-/ready").status == 200)

                house.bring([(Self.a, 0)], to: daemon)
                #expect(try await house.pager.next().kind == "opened")

                try house.write("rules.yaml", House.rules)
                #expect(try await caller.call("PUT", "/-/reload").status == 200)
                let mended = try await caller.call("GET", "/metrics").text
                #expect(mended.contains("tocsin_config_last_reload_successful 1"))
            }
        }
    }

    @Test func nothingIsReplacedWhenOneOfTheFilesIsWrong() async throws {
        let house = try House()
        try await house.run { daemon in
            try house.write(
                "rules.yaml",
                """
                groups: []
                log_metrics:
                  - {name: lines_total, parse: json, type: counter, labels: [a]}
                  - {name: lines_total, parse: json, type: counter, labels: [b]}
                """
            )
            let problems = await daemon.reload()
            #expect(problems?.contains("lines_total") == true, "\(problems ?? "")")
            house.bring([(Self.a, 0)], to: daemon)
            #expect(try await house.pager.next().summary.contains("Down"), "the old rule lives")
        }
    }

    @Test func peopleAreReloadedToo() async throws {
        let house = try House()
        try await house.run { daemon in
            try house.write("oncall.yaml", house.onCall(receiver: "other"))
            #expect(await daemon.reload() == nil)
            house.bring([(Self.a, 0)], to: daemon)
            _ = try await house.pager.next()
            try await Caller.of(daemon) { caller in
                let sent = try await caller.call("GET", "/v1/deliveries").text
                #expect(sent.contains(#""receiver":"other""#), "\(sent)")
            }
        }
    }

    @Test func otherSettingsWaitForARestart() async throws {
        let house = try House()
        try await house.run { daemon in
            let settings = try String(contentsOfFile: house.settingsPath, encoding: .utf8)
            try house.write(
                "tocsin.yaml",
                settings.replacing("retention: 1h", with: "retention: 2h")
            )
            #expect(await daemon.reload() == nil)
            #expect(house.log.contains("other changed settings need a restart"))
        }
    }

    @Test func reloadsAtTheSameTimeFollowEachOther() async throws {
        let house = try House()
        try await house.run { daemon in
            let outcomes = await withTaskGroup(of: String?.self) { group in
                for _ in 0..<8 { group.addTask { await daemon.reload() } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes == Array(repeating: nil, count: 8))
            #expect(house.log.matches(of: /rules and on-call are reloaded/).count == 8)
        }
    }
}
