import FoundationEssentials
package import Incidents
import Model
import SQLite
package import Timekeeping

extension StateStore: IncidentStoring {
    package func loadIncidents(
        resolvedFrom moment: Timestamp
    ) async throws -> (incidents: [Incident], cursors: [AlertCursor]) {
        try await database.reading { connection in
            let open = try connection.rows(
                "SELECT body FROM incidents WHERE resolved_at IS NULL"
            ) { try StateStore.decoded(Incident.self, $0.column(0)) }
            let resolved = try connection.rows(
                "SELECT body FROM incidents WHERE resolved_at IS NOT NULL AND resolved_at >= ?",
                moment.milliseconds
            ) { try StateStore.decoded(Incident.self, $0.column(0)) }
            let cursors = try connection.rows(
                "SELECT fingerprint, sequence, at, change FROM alert_cursors"
            ) { row in
                AlertCursor(
                    fingerprint: try row.column(0),
                    sequence: try row.column(1),
                    at: Timestamp(milliseconds: try row.column(2)),
                    change: try StateStore.decoded(AlertTransition.Change.self, row.column(3))
                )
            }
            return (open + resolved, cursors)
        }
    }

    package func saveIncidents(_ changes: IncidentChanges) async throws {
        try await database.writing { connection in
            for incident in changes.opened {
                try connection.run(
                    """
                    INSERT INTO incidents
                        (id, dedup_key, state, priority, opened_at, resolved_at, body)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                    incident.id.text,
                    incident.dedupKey,
                    incident.state.rawValue,
                    incident.priority.rawValue,
                    incident.openedAt.milliseconds,
                    incident.resolvedAt?.milliseconds,
                    try StateStore.encoded(incident)
                )
            }
            for incident in changes.updated {
                try connection.run(
                    """
                    UPDATE incidents SET state = ?, priority = ?, resolved_at = ?, body = ?
                    WHERE id = ?
                    """,
                    incident.state.rawValue,
                    incident.priority.rawValue,
                    incident.resolvedAt?.milliseconds,
                    try StateStore.encoded(incident),
                    incident.id.text
                )
            }
            for (id, event) in changes.events {
                try connection.run(
                    "INSERT INTO incident_events (incident, at, body) VALUES (?, ?, ?)",
                    id.text,
                    event.at.milliseconds,
                    try StateStore.encoded(event)
                )
            }
            for cursor in changes.cursors {
                try connection.run(
                    """
                    INSERT OR REPLACE INTO alert_cursors (fingerprint, sequence, at, change)
                    VALUES (?, ?, ?, ?)
                    """,
                    cursor.fingerprint,
                    cursor.sequence,
                    cursor.at.milliseconds,
                    try StateStore.encoded(cursor.change)
                )
            }
            try StateStore.changeOutbox(changes, connection)
        }
    }

    package func incidents(_ filter: IncidentFilter) async throws -> [Incident] {
        try await database.reading { connection in
            try connection.rows(
                """
                SELECT body FROM incidents
                WHERE (?1 OR resolved_at IS NULL) AND (?2 IS NULL OR priority = ?2)
                ORDER BY opened_at DESC, id DESC LIMIT ?3
                """,
                filter.includesResolved,
                filter.priority?.rawValue,
                filter.limit
            ) { try StateStore.decoded(Incident.self, $0.column(0)) }
        }
    }

    package func incident(_ id: IncidentID) async throws -> Incident? {
        try await database.reading { connection in
            try connection.first("SELECT body FROM incidents WHERE id = ?", id.text) {
                try StateStore.decoded(Incident.self, $0.column(0))
            }
        }
    }

    package func timeline(of id: IncidentID) async throws -> [TimelineEvent] {
        try await database.reading { connection in
            try connection.rows(
                "SELECT body FROM incident_events WHERE incident = ? ORDER BY number",
                id.text
            ) { try StateStore.decoded(TimelineEvent.self, $0.column(0)) }
        }
    }

    package func pruneIncidents(
        resolvedBefore moment: Timestamp,
        cursorsBefore: Timestamp
    ) async throws {
        try await database.writing { connection in
            // Timelines, pages and tries go with them.
            try connection.run(
                "DELETE FROM incidents WHERE resolved_at IS NOT NULL AND resolved_at < ?",
                moment.milliseconds
            )
            try connection.run(
                "DELETE FROM alert_cursors WHERE at < ?",
                cursorsBefore.milliseconds
            )
        }
    }

    // MARK: JSON in columns

    static func encoded(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // The value of an alert may be infinite: a rate over nothing.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decoded<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return try decoder.decode(type, from: Data(text.utf8))
    }
}
