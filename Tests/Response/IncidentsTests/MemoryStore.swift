import Synchronization
import Timekeeping

@testable import Incidents

/// An incident store in memory that can be told to fail, and forgets nothing.
final class MemoryStore: IncidentStoring {
    struct Full: Error {}

    struct Content {
        var incidents: [IncidentID: Incident] = [:]
        var events: [IncidentID: [TimelineEvent]] = [:]
        var pages: [Page] = []
        var withdrawals: [IncidentChanges.Withdrawal] = []
        var cursors: [String: AlertCursor] = [:]
        var settledFallbacks: [String] = []
        var saves = 0
        var isFull = false
    }

    private let content = Mutex(Content())
    /// Signalled after each save.
    let saved = WakeSignal()

    var now: Content { content.withLock { $0 } }

    func fill(_ isFull: Bool) { content.withLock { $0.isFull = isFull } }

    func loadIncidents(
        resolvedFrom moment: Timestamp
    ) async throws -> (incidents: [Incident], cursors: [AlertCursor]) {
        content.withLock { content in
            let kept = content.incidents.values.filter {
                ($0.resolvedAt ?? .distantFuture) >= moment
            }
            return (Array(kept), Array(content.cursors.values))
        }
    }

    func saveIncidents(_ changes: IncidentChanges) async throws {
        // The disk takes its time: others get in between here if they can.
        await Task.yield()
        try content.withLock { content in
            guard !content.isFull else { throw Full() }
            content.saves += 1
            for incident in changes.opened {
                precondition(content.incidents[incident.id] == nil, "a name is given once")
                content.incidents[incident.id] = incident
            }
            for incident in changes.updated { content.incidents[incident.id] = incident }
            for (id, event) in changes.events { content.events[id, default: []].append(event) }
            content.pages += changes.pages
            content.withdrawals += changes.withdrawals
            for cursor in changes.cursors { content.cursors[cursor.fingerprint] = cursor }
            content.settledFallbacks += changes.settledFallbacks
        }
        saved.signal()
    }

    func incidents(_ filter: IncidentFilter) async throws -> [Incident] {
        Array(
            now.incidents.values.filter { filter.includesResolved || $0.state != .resolved }
                .sorted { $0.id > $1.id }.prefix(filter.limit)
        )
    }

    func incident(_ id: IncidentID) async throws -> Incident? { now.incidents[id] }

    func timeline(of id: IncidentID) async throws -> [TimelineEvent] { now.events[id] ?? [] }

    func pruneIncidents(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) async throws {
        content.withLock { content in
            content.incidents = content.incidents.filter {
                ($0.value.resolvedAt ?? .distantFuture) >= moment
            }
            content.cursors = content.cursors.filter { $0.value.at >= cursorsBefore }
        }
    }
}
