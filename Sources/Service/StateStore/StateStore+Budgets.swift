import FoundationEssentials
package import SLO
import SQLite
package import Timekeeping

extension StateStore {
    /// Error budgets: minute slots, and what is needed to count no sample twice.
    static let budgetSchema = """
        CREATE TABLE slo_ledgers (
            key TEXT PRIMARY KEY,
            first_minute INTEGER,
            burn_alert TEXT
        ) STRICT;

        CREATE TABLE slo_slots (
            ledger TEXT NOT NULL,
            minute INTEGER NOT NULL,
            counted INTEGER NOT NULL,
            total INTEGER NOT NULL,
            known INTEGER NOT NULL,
            PRIMARY KEY (ledger, minute)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE slo_cursors (
            ledger TEXT NOT NULL,
            side INTEGER NOT NULL,
            series TEXT NOT NULL,
            at INTEGER NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (ledger, side, series)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE slo_contributions (
            ledger TEXT NOT NULL,
            side INTEGER NOT NULL,
            at INTEGER NOT NULL,
            series TEXT NOT NULL,
            events INTEGER NOT NULL,
            PRIMARY KEY (ledger, side, at, series)
        ) STRICT, WITHOUT ROWID;
        """
}

extension StateStore: BudgetStoring {
    package func loadLedger(
        key: String,
        slotsFrom minute: Int64,
        contributionsFrom moment: Timestamp
    ) throws -> LedgerRecord {
        try database.read { connection in
            var record = LedgerRecord()
            let head = try connection.first(
                "SELECT first_minute, burn_alert FROM slo_ledgers WHERE key = ?",
                key
            ) { row in
                (first: try row.column(0) as Int64?, alert: try row.column(1) as String?)
            }
            record.firstMinute = head?.first
            record.burnAlert = try head?.alert.map {
                try JSONDecoder().decode(BurnAlertRecord.self, from: Data($0.utf8))
            }
            record.slots = try connection.rows(
                """
                SELECT minute, counted, total, known FROM slo_slots
                WHERE ledger = ? AND minute >= ? ORDER BY minute
                """,
                key,
                minute
            ) { row in
                LedgerRecord.Slot(
                    minute: try row.column(0),
                    counted: try row.column(1),
                    total: try row.column(2),
                    isKnown: try row.column(3)
                )
            }
            record.cursors = try connection.rows(
                "SELECT side, series, at, value FROM slo_cursors WHERE ledger = ?",
                key
            ) { row in
                LedgerRecord.Cursor(
                    side: try row.column(0),
                    series: try row.column(1),
                    timestamp: Timestamp(milliseconds: try row.column(2)),
                    value: try row.column(3)
                )
            }
            record.contributions = try connection.rows(
                """
                SELECT side, series, at, events FROM slo_contributions
                WHERE ledger = ? AND at >= ?
                """,
                key,
                moment.milliseconds
            ) { row in
                LedgerRecord.Contribution(
                    side: try row.column(0),
                    series: try row.column(1),
                    timestamp: Timestamp(milliseconds: try row.column(2)),
                    events: try row.column(3)
                )
            }
            return record
        }
    }

    package func saveLedger(key: String, changes: LedgerRecord) throws {
        let alert = try changes.burnAlert.map {
            String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
        }
        try database.write { connection in
            try connection.run(
                """
                INSERT INTO slo_ledgers (key, first_minute, burn_alert) VALUES (?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET
                    first_minute = coalesce(excluded.first_minute, first_minute),
                    burn_alert = coalesce(excluded.burn_alert, burn_alert)
                """,
                key,
                changes.firstMinute,
                alert
            )
            for slot in changes.slots {
                try connection.run(
                    "INSERT OR REPLACE INTO slo_slots VALUES (?, ?, ?, ?, ?)",
                    key,
                    slot.minute,
                    slot.counted,
                    slot.total,
                    slot.isKnown
                )
            }
            for cursor in changes.cursors {
                try connection.run(
                    "INSERT OR REPLACE INTO slo_cursors VALUES (?, ?, ?, ?, ?)",
                    key,
                    cursor.side,
                    cursor.series,
                    cursor.timestamp.milliseconds,
                    cursor.value
                )
            }
            for one in changes.contributions {
                try connection.run(
                    "INSERT OR REPLACE INTO slo_contributions VALUES (?, ?, ?, ?, ?)",
                    key,
                    one.side,
                    one.timestamp.milliseconds,
                    one.series,
                    one.events
                )
            }
        }
    }

    package func pruneLedger(
        key: String,
        slotsBefore minute: Int64,
        contributionsBefore moment: Timestamp
    ) throws {
        try database.write { connection in
            try connection.run(
                "DELETE FROM slo_slots WHERE ledger = ? AND minute < ?",
                key,
                minute
            )
            // Cursors live as long as slots do: a series silent for a whole window begins anew.
            try connection.run(
                "DELETE FROM slo_cursors WHERE ledger = ? AND at < ?",
                key,
                minute * 60000
            )
            try connection.run(
                "DELETE FROM slo_contributions WHERE ledger = ? AND at < ?",
                key,
                moment.milliseconds
            )
        }
    }
}
