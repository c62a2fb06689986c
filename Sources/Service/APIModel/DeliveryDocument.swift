/// One message to one receiver, with every try to deliver it.
package struct DeliveryDocument: Codable, Hashable, Sendable {
    package struct Try: Codable, Hashable, Sendable {
        package var at: String
        /// The HTTP status; null when there was no answer.
        @Null package var status: Int?
        /// What happened, in words.
        package var outcome: String

        package init(at: String, status: Int?, outcome: String) {
            self.at = at
            self.status = status
            self.outcome = outcome
        }
    }

    /// The same on every try; the receiver may tell repetitions by it.
    package var id: String
    package var incident: String
    package var receiver: String
    /// Why it is sent: `opened`, `raised`, `escalated`, `acknowledged`, `resolved` and the like.
    package var kind: String
    /// `pending`, `delivered`, `dead` (given up) or `withdrawn` (not needed any more).
    package var state: String
    package var createdAt: String
    @Null package var nextTryAt: String?
    /// Why it is dead or withdrawn, or what the last try met.
    @Null package var reason: String?
    package var tries: [Try]

    package init(
        id: String,
        incident: String,
        receiver: String,
        kind: String,
        state: String,
        createdAt: String,
        nextTryAt: String?,
        reason: String?,
        tries: [Try]
    ) {
        self.id = id
        self.incident = incident
        self.receiver = receiver
        self.kind = kind
        self.state = state
        self.createdAt = createdAt
        self.nextTryAt = nextTryAt
        self.reason = reason
        self.tries = tries
    }
}

/// `GET /v1/deliveries`: the newest first.
package struct DeliveryListDocument: Codable, Hashable, Sendable {
    package var deliveries: [DeliveryDocument]

    package init(deliveries: [DeliveryDocument]) { self.deliveries = deliveries }
}
