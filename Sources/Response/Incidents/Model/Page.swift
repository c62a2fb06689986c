package import Timekeeping

/// One message about an incident to one receiver: a row of the outbox.
///
/// Its content never changes, so that every try sends the same.
package struct Page: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case opened
        /// More urgent, or critical, after it was less.
        case raised
        /// Nobody answered; the next step of the escalation.
        case escalated
        /// It came back shortly after it was resolved.
        case reopened
        /// A snooze has ended.
        case reminded
        /// A minor incident told with the next business day.
        case digest
        /// Alerts came or went; nobody is disturbed.
        case updated
        case acknowledged
        case resolved

        /// True when somebody is to act on it.
        package var isCall: Bool {
            switch self {
            case .opened, .raised, .escalated, .reopened, .reminded, .digest: true
            case .updated, .acknowledged, .resolved: false
            }
        }
    }

    /// `INC-1TK4ZQ7B3N-3`: the same on every try.
    package var id: String
    /// From 1 within the incident.
    package var number: Int
    package var kind: Kind
    package var receiver: String
    /// Whom it is for; empty when the receiver stands for no person.
    package var people: [String]
    /// What the file names: `schedule/primary`; empty for a receiver that the route names.
    package var targets: [String]
    /// Receivers to try when this one fails, in order.
    package var fallbacks: [String]
    /// The page whose receiver failed; nil unless this is a second channel.
    package var secondChannelOf: String?
    package var createdAt: Timestamp
    /// The incident at that time, with at most `alertsMax` of its alerts.
    package var incident: Incident
    /// Alerts that are left out of `incident`.
    package var omittedAlerts: Int

    /// True when it is not sent any more once somebody has answered, unless it was tried by then.
    ///
    /// The first call of an incident is always sent, so that everything that opened is told.
    package var isWithdrawable: Bool {
        switch kind {
        case .opened, .digest: secondChannelOf != nil
        case .raised, .escalated, .reopened, .reminded: true
        case .updated, .acknowledged, .resolved: false
        }
    }

    /// Alerts that one message carries.
    package static let alertsMax = 100
}
