import Foundation
import Model
import SLO
import StateStore
import Testing
import Timekeeping

@Suite struct BudgetStoreTests {
    private func withStore(_ body: (StateStore, String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-budget-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("state.db").path
        try body(try StateStore(path: path), path)
    }

    private var record: LedgerRecord {
        var record = LedgerRecord()
        record.firstMinute = 100
        record.slots = [
            .init(minute: 100, counted: 3, total: 900, isKnown: true),
            .init(minute: 101, counted: 0, total: 0, isKnown: true),
        ]
        record.cursors = [
            .init(
                side: 1,
                series: "total{pod=\"a\"}",
                timestamp: Timestamp(milliseconds: 6_060_000),
                value: 12_345.5
            )
        ]
        record.contributions = [
            .init(
                side: 0,
                series: "bad",
                timestamp: Timestamp(milliseconds: 6_000_000),
                events: 3
            )
        ]
        record.burnAlert = BurnAlertRecord(state: .page, isBlind: true)
        return record
    }

    @Test func aLedgerComesBackAsItWasKept() throws {
        try withStore { store, path in
            try store.saveLedger(key: "a", changes: record)
            try store.close()
            let again = try StateStore(path: path)
            let found = try again.loadLedger(
                key: "a",
                slotsFrom: 0,
                contributionsFrom: .distantPast
            )
            #expect(found == record)
            let other = try again.loadLedger(
                key: "b",
                slotsFrom: 0,
                contributionsFrom: .distantPast
            )
            #expect(other.isEmpty)
        }
    }

    @Test func aLaterWriteReplacesItsPlaceAndKeepsTheRest() throws {
        try withStore { store, _ in
            try store.saveLedger(key: "a", changes: record)
            var change = LedgerRecord()
            change.slots = [.init(minute: 101, counted: 1, total: 50, isKnown: true)]
            try store.saveLedger(key: "a", changes: change)
            let found = try store.loadLedger(
                key: "a",
                slotsFrom: 101,
                contributionsFrom: .distantPast
            )
            #expect(found.slots == change.slots)
            #expect(found.firstMinute == 100)
            #expect(found.burnAlert == record.burnAlert)
        }
    }

    @Test func pruningDropsWhatHasLeftTheWindow() throws {
        try withStore { store, _ in
            try store.saveLedger(key: "a", changes: record)
            try store.pruneLedger(
                key: "a",
                slotsBefore: 101,
                contributionsBefore: Timestamp(milliseconds: 6_000_001)
            )
            let found = try store.loadLedger(
                key: "a",
                slotsFrom: 0,
                contributionsFrom: .distantPast
            )
            #expect(found.slots.map(\.minute) == [101])
            #expect(found.contributions.isEmpty)
            #expect(found.cursors.count == 1)
        }
    }
}
