import Model
import Rules
import Synchronization
import Timekeeping

@testable import SLO

/// Definitions and stores the suites share.
enum SLOFixtures {
    static let place = SourceLocation(file: "slo.yaml", line: 1, column: 1)

    static func expression(_ text: String) -> RuleExpression {
        RuleExpression(text: text, location: place)
    }

    static func ratio(
        _ objective: Double = 0.999,
        window: Duration = .seconds(30 * 86400),
        kind: SLODefinition.CountKind = .counter
    ) -> SLODefinition {
        SLODefinition(
            name: "availability",
            objective: objective,
            window: .rolling(window),
            indicator: .badOverTotal(
                bad: .init(selectors: [expression("bad")], kind: kind),
                total: .init(selectors: [expression("total")], kind: kind)
            ),
            location: place
        )
    }

    static func series(_ labels: LabelSet, _ samples: [Sample]) -> SeriesSamples {
        SeriesSamples(labels: labels, samples: samples)
    }

    /// A moment by minutes since the fixtures' start, on a whole minute.
    static func minute(_ minute: Int64, seconds: Int64 = 0) -> Timestamp {
        Timestamp(milliseconds: (28_000_000 + minute) * 60000 + seconds * 1000)
    }
}

/// A budget store in memory that keeps rows as a database would.
final class MemoryBudgetStore: BudgetStoring {
    private struct Row {
        var slots: [Int64: LedgerRecord.Slot] = [:]
        var cursors: [String: LedgerRecord.Cursor] = [:]
        var contributions: [String: LedgerRecord.Contribution] = [:]
        var firstMinute: Int64?
        var burnAlert: BurnAlertRecord?
    }

    private let rows = Mutex<[String: Row]>([:])
    private let failing = Mutex(false)

    /// True: every write fails, as on a full disk.
    var fails: Bool {
        get { failing.withLock { $0 } }
        set { failing.withLock { $0 = newValue } }
    }

    struct DiskFull: Error {}

    func loadLedger(
        key: String,
        slotsFrom minute: Int64,
        contributionsFrom: Timestamp
    ) throws -> LedgerRecord {
        let row = rows.withLock { $0[key] ?? Row() }
        var record = LedgerRecord()
        record.slots = row.slots.values.filter { $0.minute >= minute }
        record.cursors = Array(row.cursors.values)
        record.contributions = row.contributions.values.filter {
            $0.timestamp >= contributionsFrom
        }
        record.firstMinute = row.firstMinute
        record.burnAlert = row.burnAlert
        return record
    }

    func saveLedger(key: String, changes: LedgerRecord) throws {
        if fails { throw DiskFull() }
        rows.withLock { rows in
            var row = rows[key] ?? Row()
            for slot in changes.slots { row.slots[slot.minute] = slot }
            for cursor in changes.cursors {
                row.cursors["\(cursor.side) \(cursor.series)"] = cursor
            }
            for one in changes.contributions {
                row.contributions["\(one.side) \(one.timestamp.milliseconds) \(one.series)"] = one
            }
            row.firstMinute = changes.firstMinute ?? row.firstMinute
            row.burnAlert = changes.burnAlert ?? row.burnAlert
            rows[key] = row
        }
    }

    func pruneLedger(
        key: String,
        slotsBefore minute: Int64,
        contributionsBefore: Timestamp
    ) throws {
        rows.withLock { rows in
            guard var row = rows[key] else { return }
            row.slots = row.slots.filter { $0.key >= minute }
            row.contributions = row.contributions.filter {
                $0.value.timestamp >= contributionsBefore
            }
            rows[key] = row
        }
    }
}
