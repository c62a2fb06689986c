package import Incidents
package import Timekeeping

/// A page that is to be sent, with what is known of its delivery.
package struct OutboxEntry: Hashable, Sendable {
    package var page: Page
    /// Tries so far.
    package var tries: Int
    /// What the last try met; nil before the first.
    package var reason: String?
    /// A call of the same incident has reached the receiver.
    package var receiverKnows: Bool

    package init(page: Page, tries: Int, reason: String?, receiverKnows: Bool) {
        self.page = page
        self.tries = tries
        self.reason = reason
        self.receiverKnows = receiverKnows
    }
}

/// What is written after a try.
package struct DeliveryOutcome: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        case delivered
        /// Tried again then; a page that was withdrawn meanwhile is not.
        case retry(at: Timestamp)
        case dead
        case withdrawn
    }

    package var page: String
    /// Nil when nothing was sent.
    package var attempt: DeliveryTry?
    package var result: Result
    package var reason: String?
    /// The receiver fails: its second channel is due now.
    package var isFailing: Bool
    package var at: Timestamp

    package init(
        page: String,
        attempt: DeliveryTry?,
        result: Result,
        reason: String?,
        isFailing: Bool,
        at: Timestamp
    ) {
        self.page = page
        self.attempt = attempt
        self.result = result
        self.reason = reason
        self.isFailing = isFailing
        self.at = at
    }
}

/// Which deliveries to list.
package struct DeliveryFilter: Hashable, Sendable {
    package var incident: IncidentID?
    package var state: DeliveryState?
    /// The newest first, at most so many.
    package var limit: Int

    package init(incident: IncidentID? = nil, state: DeliveryState? = nil, limit: Int = 1000) {
        self.incident = incident
        self.state = state
        self.limit = limit
    }
}

/// Keeps the outbox on disk.
///
/// Pages come into it with the decisions of `IncidentStoring`.
package protocol OutboxStoring: Sendable {
    /// Pages that are due, most urgent first: of each lane the oldest that waits, of each receiver at most so many.
    func duePages(at moment: Timestamp, perReceiver: Int) async throws -> [OutboxEntry]

    /// When the oldest waiting page of each lane is due, the earliest first; and since when the oldest call waits
    /// that has a second channel.
    func nextDue(
        limit: Int
    ) async throws -> (pages: [(lane: Lane, at: Timestamp)], fallback: Timestamp?)

    /// Calls whose second channel is not started and that have waited since a moment or longer, or that have
    /// failed: those count as waiting since `PagePipeline.alreadyFailed`.
    func failingPages(waitingSince moment: Timestamp) async throws -> [OutboxEntry]

    /// Writes the outcome of a try in one transaction; on disk when it returns.
    func saveOutcome(_ outcome: DeliveryOutcome) async throws

    func deliveries(_ filter: DeliveryFilter) async throws -> [Delivery]

    /// Sends a dead page again, under its old id; false when no dead page has it.
    func replay(_ page: String, at moment: Timestamp) async throws -> Bool

    /// How many pages wait, and how many were given up.
    func outboxCounts() async throws -> (pending: Int, dead: Int)

    /// Removes pages settled before a moment, with their tries.
    func pruneOutbox(settledBefore moment: Timestamp) async throws
}
