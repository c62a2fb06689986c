import LogRules
import Model
import Testing
import Timekeeping

@testable import StateStore

@Suite struct LogRuleStateTests {
    private static func transition(_ sequence: Int64) -> AlertTransition {
        var transition = AlertTransition(
            fingerprint: "f",
            rule: "logs/A",
            alertName: "A",
            labels: ["alertname": "A"],
            annotations: [:],
            change: .fired(.crit),
            priority: .p1,
            value: nil,
            unit: nil,
            summary: "s",
            action: nil,
            runbook: nil,
            at: Timestamp(milliseconds: 5),
            sequence: sequence
        )
        transition.lines = [
            LogExcerpt(at: Timestamp(milliseconds: 4), stream: "shop/web", text: "naïve \u{1F514}")
        ]
        return transition
    }

    @Test func whatRulesRememberIsThereAfterAnotherStart() throws {
        let file = TemporaryStore()
        do {
            let store = try file.open()
            #expect(try store.loadLogRules().lastSequence == 0)
            var changes = LogRuleChanges()
            changes.rules = ["A": "{\"a\":1}", "B": "{}"]
            changes.queued = [Self.transition(8), Self.transition(7)]
            changes.lastSequence = 8
            try store.saveLogRules(changes)
            var more = LogRuleChanges()
            more.rules = ["A": "{\"a\":2}", "B": nil]
            more.taken = [7]
            try store.saveLogRules(more)
        }
        let stored = try file.open().loadLogRules()
        #expect(stored.rules == ["A": "{\"a\":2}"])
        #expect(stored.queue == [Self.transition(8)])
        #expect(stored.lastSequence == 8)
    }
}
