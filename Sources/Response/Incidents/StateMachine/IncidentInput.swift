package import Model
package import Timekeeping

/// What can happen to an incident.
package enum IncidentInput: Hashable, Sendable {
    /// An alert of the incident changed; one that is new to it fired.
    case alert(AlertTransition)
    case acknowledge(by: String)
    case resolve(by: String)
    case snooze(until: Timestamp, by: String)
    case note(String, by: String)
    /// Time has passed.
    case tick
    /// A page's receiver fails; the text says how.
    case receiverFails(Page, String)
}

/// What follows from it: the owner does it.
package enum IncidentAction: Hashable, Sendable {
    case record(TimelineEvent)
    case send(Page)
    /// Withdrawable pages that were never tried are not sent any more.
    case withdraw(reason: String)
}
