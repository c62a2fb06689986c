import Incidents
import StateStore
import Synchronization
import Timekeeping

@testable import Paging

/// The real store, which dies at one of its calls, before it or after it was written.
///
/// Nothing works afterwards.
final class CrashingStore: IncidentStoring, OutboxStoring {
    struct Crashed: Error {}

    private struct State {
        var callsLeft: Int?
        var diesAfterwards = false
        var isDead = false
    }

    private let store: StateStore
    private let state = Mutex(State())

    init(_ store: StateStore) { self.store = store }

    /// Dies at the call after so many others.
    func crash(afterCalls calls: Int, afterwards: Bool) {
        state.withLock {
            $0.callsLeft = calls
            $0.diesAfterwards = afterwards
        }
    }

    /// Lives on for good.
    func spare() { state.withLock { $0.callsLeft = nil } }

    var isDead: Bool { state.withLock { $0.isDead } }

    private func call<Value>(_ body: () async throws -> Value) async throws -> Value {
        let isLast = try state.withLock { state -> Bool in
            guard !state.isDead else { throw Crashed() }
            guard let left = state.callsLeft else { return false }
            state.callsLeft = left - 1
            guard left == 0 else { return false }
            state.isDead = true
            if !state.diesAfterwards { throw Crashed() }
            return true
        }
        let value = try await body()
        if isLast { throw Crashed() }
        return value
    }

    func loadIncidents(
        resolvedFrom moment: Timestamp
    ) async throws -> (incidents: [Incident], cursors: [AlertCursor]) {
        try await call { try await store.loadIncidents(resolvedFrom: moment) }
    }

    func saveIncidents(_ changes: IncidentChanges) async throws {
        try await call { try await store.saveIncidents(changes) }
    }

    func incidents(_ filter: IncidentFilter) async throws -> [Incident] {
        try await call { try await store.incidents(filter) }
    }

    func incident(_ id: IncidentID) async throws -> Incident? {
        try await call { try await store.incident(id) }
    }

    func timeline(of id: IncidentID) async throws -> [TimelineEvent] {
        try await call { try await store.timeline(of: id) }
    }

    func pruneIncidents(resolvedBefore moment: Timestamp, cursorsBefore: Timestamp) async throws {
        try await call {
            try await store.pruneIncidents(resolvedBefore: moment, cursorsBefore: cursorsBefore)
        }
    }

    func duePages(at moment: Timestamp, perReceiver: Int) async throws -> [OutboxEntry] {
        try await call { try await store.duePages(at: moment, perReceiver: perReceiver) }
    }

    func nextDue(
        limit: Int
    ) async throws -> (pages: [(lane: Lane, at: Timestamp)], fallback: Timestamp?) {
        try await call { try await store.nextDue(limit: limit) }
    }

    func failingPages(waitingSince moment: Timestamp) async throws -> [OutboxEntry] {
        try await call { try await store.failingPages(waitingSince: moment) }
    }

    func saveOutcome(_ outcome: DeliveryOutcome) async throws {
        try await call { try await store.saveOutcome(outcome) }
    }

    func deliveries(_ filter: DeliveryFilter) async throws -> [Delivery] {
        try await call { try await store.deliveries(filter) }
    }

    func replay(_ page: String, at moment: Timestamp) async throws -> Bool {
        try await call { try await store.replay(page, at: moment) }
    }

    func outboxCounts() async throws -> (pending: Int, dead: Int) {
        try await call { try await store.outboxCounts() }
    }

    func pruneOutbox(settledBefore moment: Timestamp) async throws {
        try await call { try await store.pruneOutbox(settledBefore: moment) }
    }
}
