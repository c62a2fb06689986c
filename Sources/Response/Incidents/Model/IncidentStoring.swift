package import Model
package import Timekeeping

/// How far the transitions of an alert were taken over.
package struct AlertCursor: Hashable, Sendable {
    package var fingerprint: String
    package var sequence: Int64
    package var at: Timestamp
    package var change: AlertTransition.Change

    package init(
        fingerprint: String,
        sequence: Int64,
        at: Timestamp,
        change: AlertTransition.Change
    ) {
        self.fingerprint = fingerprint
        self.sequence = sequence
        self.at = at
        self.change = change
    }

    init(_ transition: AlertTransition) {
        self.init(
            fingerprint: transition.fingerprint,
            sequence: transition.sequence,
            at: transition.at,
            change: transition.change
        )
    }

    /// True when a transition was taken over already.
    ///
    /// Numbers decide together with times: a store of alert states that was lost begins to number again, but
    /// at later times.
    func covers(_ transition: AlertTransition) -> Bool {
        transition.sequence > 0
            ? transition.sequence <= sequence && transition.at <= at
            : transition.at < at || (transition.at == at && transition.change == change)
    }
}

/// Everything one decision changes: written in one transaction, or not at all.
package struct IncidentChanges: Sendable {
    /// The withdrawable pages of an incident are no longer to be sent, unless they have been tried.
    package struct Withdrawal: Hashable, Sendable {
        package var incident: IncidentID
        package var reason: String
        package var at: Timestamp

        package init(incident: IncidentID, reason: String, at: Timestamp) {
            self.incident = incident
            self.reason = reason
            self.at = at
        }
    }

    /// New incidents; their names must be new too.
    package var opened: [Incident] = []
    package var updated: [Incident] = []
    /// In the order they happened.
    package var events: [(incident: IncidentID, event: TimelineEvent)] = []
    /// Rows for the outbox, in the order they are to be sent.
    package var pages: [Page] = []
    package var withdrawals: [Withdrawal] = []
    package var cursors: [AlertCursor] = []
    /// Pages whose second channel was started, or is not needed any more.
    package var settledFallbacks: [String] = []

    package init() {}

    package var isEmpty: Bool {
        opened.isEmpty && updated.isEmpty && events.isEmpty && pages.isEmpty
            && withdrawals.isEmpty && cursors.isEmpty && settledFallbacks.isEmpty
    }
}

/// Which incidents to list.
package struct IncidentFilter: Hashable, Sendable {
    /// Resolved ones too.
    package var includesResolved: Bool
    package var priority: Priority?
    /// The newest ones first, at most so many.
    package var limit: Int

    package init(includesResolved: Bool = false, priority: Priority? = nil, limit: Int = 1000) {
        self.includesResolved = includesResolved
        self.priority = priority
        self.limit = limit
    }
}

/// Keeps incidents on disk.
package protocol IncidentStoring: Sendable {
    /// Incidents that are not resolved, or were resolved at or after a moment, and all cursors.
    func loadIncidents(
        resolvedFrom moment: Timestamp
    ) async throws -> (
        incidents: [Incident], cursors: [AlertCursor]
    )

    /// Writes all of `changes` or nothing; on disk when it returns.
    func saveIncidents(_ changes: IncidentChanges) async throws

    /// Newest first.
    func incidents(_ filter: IncidentFilter) async throws -> [Incident]

    func incident(_ id: IncidentID) async throws -> Incident?

    /// Oldest first.
    func timeline(of id: IncidentID) async throws -> [TimelineEvent]

    /// Removes incidents resolved before a moment, with all that belongs to them, and cursors before another.
    func pruneIncidents(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) async throws
}
