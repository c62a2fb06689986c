import Incidents
import Synchronization
import Timekeeping

/// Incidents and messages of a rehearsal, in memory.
final class RehearsalStore: IncidentStoring {
    private struct Content {
        var incidents: [IncidentID: Incident] = [:]
        var events: [IncidentID: [TimelineEvent]] = [:]
        var pages: [Page] = []
    }

    private let content = Mutex(Content())

    /// In the order they opened.
    var incidents: [Incident] {
        content.withLock { $0.incidents.values.sorted { $0.id < $1.id } }
    }

    /// In the order they were made.
    var pages: [Page] { content.withLock { $0.pages } }

    func loadIncidents(
        resolvedFrom moment: Timestamp
    ) async throws -> (incidents: [Incident], cursors: [AlertCursor]) {
        ([], [])
    }

    func saveIncidents(_ changes: IncidentChanges) async throws {
        content.withLock { content in
            for incident in changes.opened + changes.updated {
                content.incidents[incident.id] = incident
            }
            for (id, event) in changes.events { content.events[id, default: []].append(event) }
            content.pages += changes.pages
        }
    }

    func incidents(_ filter: IncidentFilter) async throws -> [Incident] {
        let found = incidents.filter { incident in
            (filter.includesResolved || incident.state != .resolved)
                && (filter.priority == nil || filter.priority == incident.priority)
        }
        return Array(found.reversed().prefix(filter.limit))
    }

    func incident(_ id: IncidentID) async throws -> Incident? {
        content.withLock { $0.incidents[id] }
    }

    func timeline(of id: IncidentID) async throws -> [TimelineEvent] {
        content.withLock { $0.events[id] ?? [] }
    }

    /// Nothing is forgotten: a test may ask for what was resolved long ago.
    func pruneIncidents(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) async throws {}
}
