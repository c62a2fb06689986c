package import Incidents
package import Timekeeping

/// What became of a page.
package enum DeliveryState: String, Hashable, Sendable, CaseIterable {
    /// Waits for its first or next try.
    case pending
    /// The receiver has answered that it has it.
    case delivered
    /// Given up: refused for good, or too old.
    case dead
    /// Not to be sent any more, or the receiver has no use for it.
    case withdrawn
}

/// One try to deliver a page.
package struct DeliveryTry: Hashable, Sendable, Codable {
    package var at: Timestamp
    /// The HTTP status; nil when there was no answer.
    package var status: Int?
    /// What happened, in words.
    package var outcome: String
    /// From the first byte to the answer.
    package var milliseconds: Int64

    package init(at: Timestamp, status: Int?, outcome: String, milliseconds: Int64) {
        self.at = at
        self.status = status
        self.outcome = outcome
        self.milliseconds = milliseconds
    }
}

/// A page with the record of its delivery.
package struct Delivery: Hashable, Sendable {
    package var page: Page
    package var state: DeliveryState
    /// Nil once it is settled.
    package var nextTryAt: Timestamp?
    package var settledAt: Timestamp?
    /// Why it is dead or withdrawn, or what the last try met.
    package var reason: String?
    /// Oldest first.
    package var tries: [DeliveryTry]

    package init(
        page: Page,
        state: DeliveryState,
        nextTryAt: Timestamp?,
        settledAt: Timestamp?,
        reason: String?,
        tries: [DeliveryTry]
    ) {
        self.page = page
        self.state = state
        self.nextTryAt = nextTryAt
        self.settledAt = settledAt
        self.reason = reason
        self.tries = tries
    }
}

/// Messages of one incident to one receiver are sent one after another.
package struct Lane: Hashable, Sendable {
    package var incident: IncidentID
    package var receiver: String

    package init(incident: IncidentID, receiver: String) {
        self.incident = incident
        self.receiver = receiver
    }

    package init(_ page: Page) {
        self.init(incident: page.incident.id, receiver: page.receiver)
    }
}
