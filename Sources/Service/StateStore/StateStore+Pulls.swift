import FoundationEssentials
package import Ingest
import Model
import SQLite
import Timekeeping

extension StateStore {
    /// How far pulled sources are read, the documents that may be met again, and what they were counted into.
    static let pullSchema = """
        CREATE TABLE pull_positions (
            source TEXT PRIMARY KEY,
            read_to INTEGER NOT NULL,
            known_from INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE pull_documents (
            source TEXT NOT NULL,
            key INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (source, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pull_documents_at ON pull_documents (source, at);

        CREATE TABLE pull_totals (
            shape TEXT NOT NULL,
            labels TEXT NOT NULL,
            totals TEXT NOT NULL,
            stamp INTEGER NOT NULL,
            source TEXT NOT NULL,
            PRIMARY KEY (shape, labels)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pull_totals_stamp ON pull_totals (stamp);
        """
}

extension StateStore: PullStoring {
    /// Totals without news for so long are of series that nobody goes on with.
    private static let totalsAge = Duration.seconds(7 * 86400)

    package func loadLogTotals() throws -> [LogTotal] {
        try database.read { connection in
            try connection.rows("SELECT shape, labels, totals, stamp, source FROM pull_totals") {
                row in
                LogTotal(
                    shape: try row.column(0),
                    labels: try StateStore.decoded([String].self, row.column(1)),
                    totals: try StateStore.decoded([Double].self, row.column(2)),
                    stamp: try row.column(3),
                    source: try row.column(4)
                )
            }
        }
    }

    package func loadPull(_ source: String) throws -> StoredPull? {
        try database.read { connection in
            let position = try connection.first(
                "SELECT read_to, known_from FROM pull_positions WHERE source = ?",
                source
            ) { row in
                PullPosition(
                    readTo: Timestamp(milliseconds: try row.column(0)),
                    knownFrom: Timestamp(milliseconds: try row.column(1))
                )
            }
            guard let position else { return nil }
            return StoredPull(
                position: position,
                counted: try connection.rows(
                    "SELECT key, at FROM pull_documents WHERE source = ? AND at >= ?",
                    source,
                    position.knownFrom.milliseconds
                ) { row in
                    PulledDocument(
                        key: try row.column(0),
                        at: Timestamp(milliseconds: try row.column(1))
                    )
                }
            )
        }
    }

    package func commitPull(_ commit: PullCommit) throws {
        try database.write { connection in
            for document in commit.counted {
                try connection.run(
                    "INSERT OR REPLACE INTO pull_documents (source, key, at) VALUES (?, ?, ?)",
                    commit.source,
                    document.key,
                    document.at.milliseconds
                )
            }
            try connection.run(
                "DELETE FROM pull_documents WHERE source = ? AND at < ?",
                commit.source,
                commit.position.knownFrom.milliseconds
            )
            for total in commit.totals {
                try connection.run(
                    "INSERT OR REPLACE INTO pull_totals VALUES (?, ?, ?, ?, ?)",
                    total.shape,
                    try StateStore.encoded(total.labels),
                    try StateStore.encoded(total.totals),
                    total.stamp,
                    total.source
                )
            }
            try connection.run(
                "DELETE FROM pull_totals WHERE stamp < ?",
                (commit.position.readTo - StateStore.totalsAge).milliseconds
            )
            try connection.run(
                "INSERT OR REPLACE INTO pull_positions (source, read_to, known_from) VALUES (?, ?, ?)",
                commit.source,
                commit.position.readTo.milliseconds,
                commit.position.knownFrom.milliseconds
            )
        }
    }
}
