import Incidents
import Model
package import Paging
import SQLite
package import Timekeeping

extension StateStore: OutboxStoring {
    /// The outbox's part of a decision: what is withdrawn, what is new, which second channels are started.
    static func changeOutbox(
        _ changes: IncidentChanges,
        _ connection: borrowing Connection
    ) throws {
        for withdrawal in changes.withdrawals {
            try connection.run(
                """
                UPDATE outbox SET state = 'withdrawn', reason = ?, settled_at = ?, fallback_at = NULL
                WHERE incident = ? AND is_withdrawable AND state = 'pending' AND tries = 0
                """,
                withdrawal.reason,
                withdrawal.at.milliseconds,
                withdrawal.incident.text
            )
        }
        for page in changes.pages {
            if page.kind == .updated {
                // Only the newest state of affairs is worth sending.
                try connection.run(
                    """
                    UPDATE outbox SET state = 'withdrawn', reason = 'a newer update follows', settled_at = ?
                    WHERE incident = ? AND receiver = ? AND kind = 'updated' AND state = 'pending'
                        AND tries = 0
                    """,
                    page.createdAt.milliseconds,
                    page.incident.id.text,
                    page.receiver
                )
            }
            let isUrgent =
                page.kind.isCall && page.incident.priority <= .p2 && !page.fallbacks.isEmpty
            try connection.run(
                """
                INSERT INTO outbox (id, incident, receiver, kind, is_call, is_withdrawable, priority,
                    created_at, state, next_try_at, fallback_at, body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)
                """,
                page.id,
                page.incident.id.text,
                page.receiver,
                page.kind.rawValue,
                page.kind.isCall,
                page.isWithdrawable,
                page.incident.priority.rawValue,
                page.createdAt.milliseconds,
                page.createdAt.milliseconds,
                isUrgent ? page.createdAt.milliseconds : nil,
                try encoded(page)
            )
        }
        for id in changes.settledFallbacks {
            try connection.run("UPDATE outbox SET fallback_at = NULL WHERE id = ?", id)
        }
    }

    private static let knows = """
        EXISTS (SELECT 1 FROM outbox k WHERE k.incident = o.incident AND k.receiver = o.receiver
            AND k.is_call AND k.state = 'delivered')
        """

    /// The oldest page of its lane that waits.
    private static let isHead = """
        NOT EXISTS (SELECT 1 FROM outbox p WHERE p.incident = o.incident AND p.receiver = o.receiver
            AND p.state = 'pending' AND p.number < o.number)
        """

    package func duePages(
        at moment: Timestamp,
        perReceiver: Int
    ) async throws -> [OutboxEntry] {
        try await database.reading { connection in
            try connection.rows(
                """
                SELECT body, tries, reason, knows FROM (
                    SELECT o.body, o.tries, o.reason, o.priority, o.number, \(StateStore.knows) AS knows,
                        row_number() OVER (PARTITION BY o.receiver ORDER BY o.priority, o.number)
                            AS place
                    FROM outbox o
                    WHERE o.state = 'pending' AND o.next_try_at <= ? AND \(StateStore.isHead)
                ) WHERE place <= ? ORDER BY priority, number
                """,
                moment.milliseconds,
                perReceiver,
                read: StateStore.entry
            )
        }
    }

    package func nextDue(
        limit: Int
    ) async throws -> (pages: [(lane: Lane, at: Timestamp)], fallback: Timestamp?) {
        try await database.reading { connection in
            let pages = try connection.rows(
                """
                SELECT o.incident, o.receiver, o.next_try_at FROM outbox o
                WHERE o.state = 'pending' AND \(StateStore.isHead)
                ORDER BY o.next_try_at, o.number LIMIT ?
                """,
                limit
            ) { row in
                (
                    lane: Lane(
                        incident: IncidentID(try row.column(0)),
                        receiver: try row.column(1)
                    ),
                    at: Timestamp(milliseconds: try row.column(2))
                )
            }
            let fallback = try connection.first(
                "SELECT min(fallback_at) FROM outbox WHERE fallback_at IS NOT NULL"
            ) { try $0.column(0, as: Int64?.self) }
            return (pages, fallback.flatMap { $0 }.map { Timestamp(milliseconds: $0) })
        }
    }

    package func failingPages(waitingSince moment: Timestamp) async throws -> [OutboxEntry] {
        try await database.reading { connection in
            try connection.rows(
                """
                SELECT o.body, o.tries, o.reason, \(StateStore.knows) FROM outbox o
                WHERE o.fallback_at IS NOT NULL AND o.fallback_at <= ? ORDER BY o.priority, o.number
                """,
                moment.milliseconds,
                read: StateStore.entry
            )
        }
    }

    private static func entry(_ row: borrowing Statement) throws -> OutboxEntry {
        OutboxEntry(
            page: try decoded(Page.self, row.column(0)),
            tries: try row.column(1),
            reason: try row.column(2),
            receiverKnows: try row.column(3)
        )
    }

    package func saveOutcome(_ outcome: DeliveryOutcome) async throws {
        try await database.writing { connection in
            let at = outcome.at.milliseconds
            if let attempt = outcome.attempt {
                try connection.run(
                    "INSERT INTO delivery_tries (page, at, body) VALUES (?, ?, ?)",
                    outcome.page,
                    attempt.at.milliseconds,
                    try StateStore.encoded(attempt)
                )
                try connection.run(
                    "UPDATE outbox SET tries = tries + 1 WHERE id = ?",
                    outcome.page
                )
            }
            switch outcome.result {
            case .delivered:
                try connection.run(
                    """
                    UPDATE outbox SET state = 'delivered', settled_at = ?, reason = NULL,
                        fallback_at = NULL WHERE id = ?
                    """,
                    at,
                    outcome.page
                )
            case .withdrawn:
                try connection.run(
                    """
                    UPDATE outbox SET state = 'withdrawn', settled_at = ?, reason = ?,
                        fallback_at = NULL WHERE id = ? AND state = 'pending'
                    """,
                    at,
                    outcome.reason,
                    outcome.page
                )
            case .retry(let next):
                // A page that was withdrawn while it was under way stays so.
                try connection.run(
                    """
                    UPDATE outbox SET next_try_at = ?, reason = ? WHERE id = ? AND state = 'pending'
                    """,
                    next.milliseconds,
                    outcome.reason,
                    outcome.page
                )
            case .dead:
                try connection.run(
                    """
                    UPDATE outbox SET state = 'dead', settled_at = ?, reason = ?, fallback_at = NULL
                    WHERE id = ? AND state = 'pending'
                    """,
                    at,
                    outcome.reason,
                    outcome.page
                )
            }
            if outcome.isFailing {
                try StateStore.startFallback(outcome, connection)
            }
        }
    }

    /// Makes the second channel due, unless it was started before or the page was withdrawn.
    private static func startFallback(
        _ outcome: DeliveryOutcome,
        _ connection: borrowing Connection
    ) throws {
        let isWaiting = outcome.result == .dead ? "state = 'dead'" : "fallback_at IS NOT NULL"
        try connection.run(
            "UPDATE outbox SET fallback_at = ? WHERE id = ? AND \(isWaiting)",
            PagePipeline.alreadyFailed.milliseconds,
            outcome.page
        )
    }

    package func deliveries(_ filter: DeliveryFilter) async throws -> [Delivery] {
        try await database.reading { connection in
            let found = try connection.rows(
                """
                SELECT body, state, next_try_at, settled_at, reason FROM outbox
                WHERE (?1 IS NULL OR incident = ?1) AND (?2 IS NULL OR state = ?2)
                ORDER BY number DESC LIMIT ?3
                """,
                filter.incident?.text,
                filter.state?.rawValue,
                filter.limit
            ) { row in
                let state: String = try row.column(1)
                let settledAt: Int64? = try row.column(3)
                let nextTryAt: Int64 = try row.column(2)
                return Delivery(
                    page: try StateStore.decoded(Page.self, row.column(0)),
                    state: DeliveryState(rawValue: state) ?? .dead,
                    nextTryAt: state == "pending" ? Timestamp(milliseconds: nextTryAt) : nil,
                    settledAt: settledAt.map { Timestamp(milliseconds: $0) },
                    reason: try row.column(4),
                    tries: []
                )
            }
            return try found.map { delivery in
                var delivery = delivery
                delivery.tries = try connection.rows(
                    "SELECT body FROM delivery_tries WHERE page = ? ORDER BY number",
                    delivery.page.id
                ) { try StateStore.decoded(DeliveryTry.self, $0.column(0)) }
                return delivery
            }
        }
    }

    package func replay(_ page: String, at moment: Timestamp) async throws -> Bool {
        try await database.writing { connection in
            try connection.run(
                """
                UPDATE outbox SET state = 'pending', settled_at = NULL, next_try_at = ?, fallback_at = NULL
                WHERE id = ? AND state = 'dead'
                """,
                moment.milliseconds,
                page
            ) > 0
        }
    }

    package func outboxCounts() async throws -> (pending: Int, dead: Int) {
        try await database.reading { connection in
            let count = { (state: String, connection: borrowing Connection) throws -> Int in
                // The state is written out so that its partial index serves.
                try connection.first("SELECT count(*) FROM outbox WHERE state = '\(state)'") {
                    try $0.column(0)
                } ?? 0
            }
            return (try count("pending", connection), try count("dead", connection))
        }
    }

    package func pruneOutbox(settledBefore moment: Timestamp) async throws {
        try await database.writing { connection in
            _ = try connection.run(
                """
                DELETE FROM outbox WHERE settled_at IS NOT NULL AND settled_at < ?
                    AND incident IN (SELECT id FROM incidents WHERE resolved_at IS NOT NULL)
                """,
                moment.milliseconds
            )
        }
    }
}
