package import LogRules
import Model
import SQLite

extension StateStore {
    /// What log rules remember, and their alerts that were not handed over yet.
    static let logRuleSchema = """
        CREATE TABLE log_rules (
            name TEXT PRIMARY KEY,
            body TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE log_rule_queue (
            sequence INTEGER PRIMARY KEY,
            body TEXT NOT NULL
        ) STRICT;

        CREATE TABLE log_rule_sequence (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            last INTEGER NOT NULL
        ) STRICT;
        """
}

extension StateStore: LogRuleStoring {
    package func loadLogRules() throws -> StoredLogRules {
        try database.read { connection in
            let rules = try connection.rows("SELECT name, body FROM log_rules") { row in
                (name: try row.column(0) as String, body: try row.column(1) as String)
            }
            return StoredLogRules(
                rules: Dictionary(rules.map { ($0.name, $0.body) }) { $1 },
                queue: try connection.rows("SELECT body FROM log_rule_queue ORDER BY sequence") {
                    try StateStore.decoded(AlertTransition.self, $0.column(0))
                },
                lastSequence: try connection.first("SELECT last FROM log_rule_sequence") {
                    try $0.column(0)
                } ?? 0
            )
        }
    }

    package func saveLogRules(_ changes: LogRuleChanges) throws {
        guard !changes.isEmpty else { return }
        try database.write { connection in
            for (name, body) in changes.rules {
                if let body {
                    try connection.run(
                        "INSERT OR REPLACE INTO log_rules (name, body) VALUES (?, ?)",
                        name,
                        body
                    )
                } else {
                    try connection.run("DELETE FROM log_rules WHERE name = ?", name)
                }
            }
            for transition in changes.queued {
                try connection.run(
                    "INSERT OR REPLACE INTO log_rule_queue (sequence, body) VALUES (?, ?)",
                    transition.sequence,
                    try StateStore.encoded(transition)
                )
            }
            for sequence in changes.taken {
                try connection.run("DELETE FROM log_rule_queue WHERE sequence = ?", sequence)
            }
            if let last = changes.lastSequence {
                try connection.run(
                    "INSERT OR REPLACE INTO log_rule_sequence (only, last) VALUES (1, ?)",
                    last
                )
            }
        }
    }
}
