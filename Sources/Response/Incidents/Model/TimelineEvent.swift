package import Timekeeping

/// One line of an incident's story.
package struct TimelineEvent: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case opened
        case alertAdded = "alert_added"
        case alertResolved = "alert_resolved"
        case levelChanged = "level_changed"
        case raised
        /// People or receivers were notified.
        case paged
        /// The next step of the escalation was taken.
        case escalated
        /// Nobody is notified before some moment: waking hours, the digest.
        case deferred
        /// Nobody answered in time.
        case overdue
        /// Every step was taken and nobody answered.
        case exhausted
        /// A receiver failed, another is tried.
        case secondChannel = "second_channel"
        /// A receiver refused a message for good.
        case undelivered
        case acknowledged
        case snoozed
        case snoozeEnded = "snooze_ended"
        case note
        case blind
        case sighted
        /// All alerts are resolved, but it waits for some quiet.
        case flapping
        case reopened
        case resolved

        /// What is left out first when a timeline grows too long.
        var isDetail: Bool {
            switch self {
            case .alertAdded, .alertResolved, .levelChanged, .blind, .sighted, .flapping: true
            case .opened, .raised, .paged, .escalated, .deferred, .overdue, .exhausted,
                .secondChannel, .undelivered, .acknowledged, .snoozed, .snoozeEnded, .note,
                .reopened, .resolved:
                false
            }
        }
    }

    package var at: Timestamp
    package var kind: Kind
    package var text: String
    /// A person's name; nil for Tocsin itself.
    package var by: String?

    package init(at: Timestamp, kind: Kind, text: String, by: String? = nil) {
        self.at = at
        self.kind = kind
        self.text = text
        self.by = by
    }
}
