import SQLite

extension StateStore {
    /// Every step of the schema, oldest first; a new step goes to the end and gets the next version.
    static var migrations: [Migration] {
        let scripts = [
            incidentSchema,
            budgetSchema,
            alertSchema,
            spendSchema,
            logRuleSchema,
            deploySchema,
            pullSchema,
        ]
        return scripts.enumerated().map { Migration(version: $0.offset + 1, script: $0.element) }
    }

    /// Incidents with their timelines, the outbox and the tries to deliver it.
    private static let incidentSchema = """
        CREATE TABLE incidents (
            id TEXT PRIMARY KEY,
            dedup_key TEXT NOT NULL,
            state TEXT NOT NULL,
            priority INTEGER NOT NULL,
            opened_at INTEGER NOT NULL,
            resolved_at INTEGER,
            body TEXT NOT NULL
        ) STRICT;
        CREATE INDEX incidents_open ON incidents (opened_at) WHERE resolved_at IS NULL;
        CREATE INDEX incidents_resolved ON incidents (resolved_at) WHERE resolved_at IS NOT NULL;

        CREATE TABLE incident_events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT;
        CREATE INDEX incident_events_incident ON incident_events (incident, number);

        CREATE TABLE alert_cursors (
            fingerprint TEXT PRIMARY KEY,
            sequence INTEGER NOT NULL,
            at INTEGER NOT NULL,
            change TEXT NOT NULL
        ) STRICT;

        CREATE TABLE outbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
            receiver TEXT NOT NULL,
            kind TEXT NOT NULL,
            is_call INTEGER NOT NULL,
            is_withdrawable INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            state TEXT NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0,
            next_try_at INTEGER NOT NULL,
            fallback_at INTEGER,
            settled_at INTEGER,
            reason TEXT,
            body TEXT NOT NULL
        ) STRICT;
        CREATE INDEX outbox_lane ON outbox (incident, receiver, number);
        CREATE INDEX outbox_pending ON outbox (priority, number) WHERE state = 'pending';
        CREATE INDEX outbox_dead ON outbox (number) WHERE state = 'dead';
        CREATE INDEX outbox_fallback ON outbox (fallback_at) WHERE fallback_at IS NOT NULL;
        CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;

        CREATE TABLE delivery_tries (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            page TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT;
        CREATE INDEX delivery_tries_page ON delivery_tries (page, number);
        """
}
