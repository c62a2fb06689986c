import Model
import RuleEvaluation
import Testing
import Timekeeping

@testable import StateStore

@Suite struct AlertStateTests {
    private static let start = Timestamp(year: 2026, month: 11, day: 24)

    private static func transition(_ sequence: Int64, value: Double?) -> AlertTransition {
        AlertTransition(
            fingerprint: "f",
            rule: "app/A",
            alertName: "A",
            labels: ["alertname": "A"],
            annotations: [:],
            change: .levelChanged(from: .warn, to: .crit),
            priority: .p1,
            value: value,
            unit: nil,
            summary: "s",
            action: nil,
            runbook: nil,
            at: start,
            sequence: sequence
        )
    }

    @Test func theQueueKeepsItsOrderAndInfiniteValues() throws {
        let file = TemporaryStore()
        do {
            let store = try file.open()
            var changes = AlertStateChanges()
            changes.queued = [
                Self.transition(12, value: .infinity), Self.transition(11, value: 0.5),
                Self.transition(10, value: nil),
            ]
            changes.lastSequence = 12
            try store.saveAlertStates(changes)
        }
        let store = try file.open()
        let stored = try store.loadAlertStates()
        #expect(stored.queue.map(\.sequence) == [10, 11, 12])
        #expect(stored.queue.map(\.value) == [nil, 0.5, .infinity])
        #expect(stored.lastSequence == 12)
        var changes = AlertStateChanges()
        changes.taken = [10, 11]
        changes.queued = [Self.transition(12, value: 7)]
        try store.saveAlertStates(changes)
        #expect(try store.loadAlertStates().queue.map(\.value) == [7])
        #expect(try store.loadAlertStates().lastSequence == 12)
    }

    @Test func statesAreReplacedAndRemovedByTheirKey() throws {
        let store = try TemporaryStore().open()
        func alert(_ rule: String, value: String) -> StoredAlert {
            StoredAlert(
                key: StoredAlertKey(rule: rule, fingerprint: "f"),
                labels: ["alertname": "A"],
                record: .alert(AlertRecord(pendingSince: Self.start)),
                annotations: ["a": "b"],
                value: value,
                rule: "app/A",
                alertName: "A",
                priority: .p2,
                expression: "up == 0",
                at: Self.start
            )
        }
        var changes = AlertStateChanges()
        changes.saved = [alert("one", value: "1"), alert("two", value: "inf")]
        try store.saveAlertStates(changes)
        changes = AlertStateChanges()
        changes.saved = [alert("one", value: "3")]
        changes.removed = [StoredAlertKey(rule: "two", fingerprint: "f")]
        try store.saveAlertStates(changes)
        #expect(try store.loadAlertStates().alerts == [alert("one", value: "3")])
    }

    @Test func anEmptyStoreHasNothing() throws {
        let stored = try TemporaryStore().open().loadAlertStates()
        #expect(stored.alerts.isEmpty && stored.queue.isEmpty && stored.lastSequence == 0)
    }
}
