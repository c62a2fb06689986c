import Model
package import RuleEvaluation
import SQLite

extension StateStore {
    /// States of alerts, and transitions that were not handed over yet.
    static let alertSchema = """
        CREATE TABLE alert_states (
            rule TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (rule, fingerprint)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE transition_queue (
            sequence INTEGER PRIMARY KEY,
            body TEXT NOT NULL
        ) STRICT;

        CREATE TABLE transition_sequence (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            last INTEGER NOT NULL
        ) STRICT;
        """
}

extension StateStore: AlertStateStoring {
    package func loadAlertStates() throws -> StoredAlertStates {
        try database.read { connection in
            StoredAlertStates(
                alerts: try connection.rows("SELECT body FROM alert_states") {
                    try StateStore.decoded(StoredAlert.self, $0.column(0))
                },
                queue: try connection.rows("SELECT body FROM transition_queue ORDER BY sequence") {
                    try StateStore.decoded(AlertTransition.self, $0.column(0))
                },
                lastSequence: try connection.first("SELECT last FROM transition_sequence") {
                    try $0.column(0)
                } ?? 0
            )
        }
    }

    package func saveAlertStates(_ changes: AlertStateChanges) throws {
        guard !changes.isEmpty else { return }
        try database.write { connection in
            for alert in changes.saved {
                try connection.run(
                    "INSERT OR REPLACE INTO alert_states (rule, fingerprint, body) VALUES (?, ?, ?)",
                    alert.key.rule,
                    alert.key.fingerprint,
                    try StateStore.encoded(alert)
                )
            }
            for key in changes.removed {
                try connection.run(
                    "DELETE FROM alert_states WHERE rule = ? AND fingerprint = ?",
                    key.rule,
                    key.fingerprint
                )
            }
            for transition in changes.queued {
                try connection.run(
                    "INSERT OR REPLACE INTO transition_queue (sequence, body) VALUES (?, ?)",
                    transition.sequence,
                    try StateStore.encoded(transition)
                )
            }
            for sequence in changes.taken {
                try connection.run("DELETE FROM transition_queue WHERE sequence = ?", sequence)
            }
            if let last = changes.lastSequence {
                try connection.run(
                    "INSERT OR REPLACE INTO transition_sequence (only, last) VALUES (1, ?)",
                    last
                )
            }
        }
    }
}
