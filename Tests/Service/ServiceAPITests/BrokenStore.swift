import Incidents
import Model
import Paging
import Timekeeping

/// A state store whose disk is full.
struct BrokenStore: IncidentStoring, OutboxStoring {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "the disk is full" }
    }

    func loadIncidents(
        resolvedFrom moment: Timestamp
    ) throws -> (incidents: [Incident], cursors: [AlertCursor]) { throw Failure() }

    func saveIncidents(_ changes: IncidentChanges) throws { throw Failure() }

    func incidents(_ filter: IncidentFilter) throws -> [Incident] { throw Failure() }

    func incident(_ id: IncidentID) throws -> Incident? { throw Failure() }

    func timeline(of id: IncidentID) throws -> [TimelineEvent] { throw Failure() }

    func pruneIncidents(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) throws {
        throw Failure()
    }

    func duePages(at moment: Timestamp, perReceiver: Int) throws -> [OutboxEntry] {
        throw Failure()
    }

    func nextDue(
        limit: Int
    ) throws -> (pages: [(lane: Lane, at: Timestamp)], fallback: Timestamp?) { throw Failure() }

    func failingPages(waitingSince moment: Timestamp) throws -> [OutboxEntry] { throw Failure() }

    func saveOutcome(_ outcome: DeliveryOutcome) throws { throw Failure() }

    func deliveries(_ filter: DeliveryFilter) throws -> [Delivery] { throw Failure() }

    func replay(_ page: String, at moment: Timestamp) throws -> Bool { throw Failure() }

    func outboxCounts() throws -> (pending: Int, dead: Int) { throw Failure() }

    func pruneOutbox(settledBefore moment: Timestamp) throws { throw Failure() }
}
