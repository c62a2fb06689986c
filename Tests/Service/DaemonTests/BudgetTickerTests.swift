import Incidents
import Model
import OnCall
import Rules
import SLO
import StateStore
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Daemon

@Suite struct BudgetTickerTests {
    /// Runs a step at each sleep, and ends the task after the last.
    private final class Steps: Sleeper {
        private let steps: Mutex<[@Sendable () -> Void]>

        init(_ steps: [@Sendable () -> Void]) { self.steps = Mutex(steps) }

        func sleep(for duration: Duration) async throws {
            let step = steps.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let step else { throw CancellationError() }
            step()
        }
    }

    /// The real store, whose disk may be full for a while.
    private final class FickleStore: IncidentStoring {
        struct Full: Error {}

        let inner: StateStore
        let isFull = Atomic(true)
        let refusals = Atomic(0)

        init(_ inner: StateStore) { self.inner = inner }

        func loadIncidents(
            resolvedFrom moment: Timestamp
        ) async throws -> (incidents: [Incident], cursors: [AlertCursor]) {
            try await inner.loadIncidents(resolvedFrom: moment)
        }

        func saveIncidents(_ changes: IncidentChanges) async throws {
            guard !isFull.load(ordering: .relaxed) else {
                refusals.add(1, ordering: .relaxed)
                throw Full()
            }
            try await inner.saveIncidents(changes)
        }

        func incidents(_ filter: IncidentFilter) async throws -> [Incident] {
            try await inner.incidents(filter)
        }

        func incident(_ id: IncidentID) async throws -> Incident? { try await inner.incident(id) }

        func timeline(of id: IncidentID) async throws -> [TimelineEvent] {
            try await inner.timeline(of: id)
        }

        func pruneIncidents(
            resolvedBefore moment: Timestamp,
            cursorsBefore: Timestamp
        ) async throws {
            try await inner.pruneIncidents(resolvedBefore: moment, cursorsBefore: cursorsBefore)
        }
    }

    @Test func ofEachAlertTheNewestTwoAreKept() {
        func transition(_ alert: String, _ sequence: Int64) -> AlertTransition {
            AlertTransition(
                fingerprint: alert,
                rule: "slo/\(alert)",
                alertName: alert,
                labels: LabelSet(),
                annotations: [:],
                change: sequence % 2 == 0 ? .resolved : .fired(.crit),
                priority: .p1,
                value: nil,
                unit: nil,
                summary: "",
                action: nil,
                runbook: nil,
                at: Timestamp(milliseconds: sequence),
                sequence: sequence
            )
        }
        let owed = [("a", 1), ("a", 2), ("b", 3), ("a", 5), ("c", 7), ("a", 8)]
            .map { transition($0.0, $0.1) }
        #expect(BudgetTicker.newest(owed).map(\.sequence) == [3, 5, 7, 8])
    }

    @Test func aBurnAlertIsHandedOnUntilItIsTaken() async throws {
        let house = try House()
        let clock = ManualClock()
        let state = try StateStore(path: house.folder + "/data/state.db")
        let place = SourceLocation(file: "slo.yaml", line: 1, column: 1)
        func count(_ text: String) -> SLODefinition.Count {
            .init(selectors: [RuleExpression(text: text, location: place)], kind: .delta)
        }
        func series(_ name: String, _ value: Double) -> SeriesSamples {
            SeriesSamples(
                labels: ["__name__": name],
                samples: (0..<60).map {
                    Sample(clock.now() - .seconds(60 * Int64(59 - $0)), value)
                }
            )
        }
        let tracker = SLOTracker(
            source: SeriesList([series("bad", 500), series("total", 1000)]),
            store: state,
            retention: .seconds(7200),
            log: .silent,
            metrics: MetricsRegistry()
        )
        try tracker.load(
            [
                SLODefinition(
                    name: "availability",
                    objective: 0.999,
                    window: .rolling(.seconds(30 * 86400)),
                    indicator: .badOverTotal(bad: count("bad"), total: count("total")),
                    location: place
                )
            ],
            at: clock.now()
        )
        let store = FickleStore(state)
        let dispatcher = Dispatcher(
            policy: try OnCallFile.load(Array(house.onCall().utf8), file: "oncall.yaml"),
            store: store,
            clock: clock,
            ids: TimeSortedNames(random: SeededGenerator(seed: 1)),
            log: .silent,
            metrics: MetricsRegistry()
        )
        let steps = Steps([
            {}, { store.isFull.store(false, ordering: .relaxed) }, {},
        ])
        await BudgetTicker(
            tracker: tracker,
            dispatcher: dispatcher,
            interval: .seconds(10),
            clock: clock,
            sleeper: steps,
            log: .silent
        ).run()
        #expect(store.refusals.load(ordering: .relaxed) == 2)
        let incidents = try await dispatcher.incidents(IncidentFilter())
        #expect(incidents.count == 1, "taken once, though it was offered again and again")
    }
}
