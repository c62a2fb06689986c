import Incidents
import Model
import OnCall
import Paging
import SQLite
import Testing
import Timekeeping

@testable import StateStore

@Suite struct OutboxTests {
    private static let start = Timestamp(year: 2026, month: 11, day: 24, hour: 12)

    private static let file = """
        receivers:
          - {name: phone, webhook: {url: "http://127.0.0.1:1/"}}
          - {name: mail, webhook: {url: "http://127.0.0.1:2/"}}
        people: [{name: ann, time_zone: UTC, contact: [phone, mail]}]
        escalation: [{name: default, steps: [{notify: person/ann}]}]
        """

    private static func changes(
        _ id: String,
        _ priority: Priority
    ) throws -> (IncidentChanges, Incident) {
        let policy = try OnCallFile.load(Array(file.utf8), file: "oncall.yaml")
        let transition = AlertTransition(
            fingerprint: id,
            rule: "app/A",
            alertName: "A",
            labels: ["alertname": "A"],
            annotations: [:],
            change: .fired(.crit),
            priority: priority,
            value: .infinity,
            unit: nil,
            summary: "s",
            action: nil,
            runbook: nil,
            at: start,
            sequence: 1
        )
        let (machine, actions) = IncidentStateMachine.open(
            IncidentID(id),
            transition,
            to: policy.routes.destination(of: transition.labels, fingerprint: id),
            policy: policy,
            at: start
        )
        var changes = IncidentChanges()
        changes.opened = [machine.incident]
        for action in actions {
            switch action {
            case .record(let event): changes.events.append((machine.incident.id, event))
            case .send(let page): changes.pages.append(page)
            case .withdraw: break
            }
        }
        changes.cursors = [
            AlertCursor(
                fingerprint: id,
                sequence: 1,
                at: start,
                change: .fired(.crit)
            )
        ]
        return (changes, machine.incident)
    }

    private func outcome(
        _ page: String,
        _ result: DeliveryOutcome.Result,
        isFailing: Bool = false
    ) -> DeliveryOutcome {
        DeliveryOutcome(
            page: page,
            attempt: DeliveryTry(
                at: Self.start,
                status: 500,
                outcome: "answered 500",
                milliseconds: 3
            ),
            result: result,
            reason: "answered 500",
            isFailing: isFailing,
            at: Self.start
        )
    }

    @Test func aDecisionIsThereAsAWholeAfterReopening() async throws {
        let file = TemporaryStore()
        let (changes, incident) = try Self.changes("INC-1", .p1)
        do { try await file.open().saveIncidents(changes) }
        let store = try file.open()
        let loaded = try await store.loadIncidents(resolvedFrom: Self.start)
        #expect(loaded.incidents == [incident])
        #expect(loaded.cursors == changes.cursors)
        #expect(try await store.timeline(of: incident.id) == changes.events.map(\.event))
        let due = try await store.duePages(at: Self.start, perReceiver: 4)
        #expect(due.map(\.page) == changes.pages)
        #expect(due.map(\.receiverKnows) == [false])
    }

    @Test func aDecisionThatBreaksARuleLeavesNothing() async throws {
        let store = try TemporaryStore().open()
        let (first, _) = try Self.changes("INC-1", .p1)
        try await store.saveIncidents(first)
        var (second, _) = try Self.changes("INC-2", .p1)
        // The same id for another page.
        second.pages[0].id = first.pages[0].id
        await #expect(throws: (any Error).self) { try await store.saveIncidents(second) }
        #expect(try await store.incident(IncidentID("INC-2")) == nil)
        #expect(try await store.loadIncidents(resolvedFrom: Self.start).cursors.count == 1)
    }

    @Test func aPageWithdrawnWhileUnderWayStaysSoUnlessItArrives() async throws {
        for (result, state) in [
            (DeliveryOutcome.Result.retry(at: Self.start), DeliveryState.withdrawn),
            (.dead, .withdrawn), (.delivered, .delivered),
        ] {
            let store = try TemporaryStore().open()
            var (changes, incident) = try Self.changes("INC-1", .p1)
            changes.pages[0].kind = .raised
            try await store.saveIncidents(changes)
            var answer = IncidentChanges()
            answer.withdrawals = [
                .init(incident: incident.id, reason: "acknowledged", at: Self.start)
            ]
            try await store.saveIncidents(answer)
            try await store.saveOutcome(outcome(changes.pages[0].id, result, isFailing: true))
            let deliveries = try await store.deliveries(DeliveryFilter())
            #expect(deliveries.map(\.state) == [state])
            #expect(deliveries.map(\.tries.count) == [1])
            #expect(try await store.failingPages(waitingSince: Self.start).isEmpty)
        }
    }

    @Test(arguments: [
        (Page.Kind.opened, false, DeliveryState.pending), (.opened, true, .withdrawn),
        (.escalated, false, .withdrawn), (.digest, false, .pending), (.resolved, false, .pending),
    ])
    func anAnswerWithdrawsCallsButTheFirst(
        kind: Page.Kind,
        isSecondChannel: Bool,
        state: DeliveryState
    ) async throws {
        let store = try TemporaryStore().open()
        var (changes, incident) = try Self.changes("INC-1", .p1)
        changes.pages[0].kind = kind
        changes.pages[0].secondChannelOf = isSecondChannel ? "INC-1-0" : nil
        try await store.saveIncidents(changes)
        var answer = IncidentChanges()
        answer.withdrawals = [.init(incident: incident.id, reason: "x", at: Self.start)]
        try await store.saveIncidents(answer)
        #expect(try await store.deliveries(DeliveryFilter()).map(\.state) == [state])
    }

    @Test func secondChannelsAreDueByAgeOrByFailureAndOnce() async throws {
        let store = try TemporaryStore().open()
        let (urgent, _) = try Self.changes("INC-1", .p2)
        let (minor, _) = try Self.changes("INC-2", .p3)
        try await store.saveIncidents(urgent)
        try await store.saveIncidents(minor)
        #expect(try await store.nextDue(limit: 9).fallback == Self.start)
        #expect(
            try await store.failingPages(waitingSince: Self.start - .milliseconds(1)).isEmpty
        )
        #expect(
            try await store.failingPages(waitingSince: Self.start).map(\.page.id) == ["INC-1-1"]
        )
        // Dead pages of any priority; retries only of those that have a second channel by age.
        try await store.saveOutcome(
            outcome("INC-1-1", .retry(at: Self.start), isFailing: true)
        )
        try await store.saveOutcome(outcome("INC-2-1", .dead, isFailing: true))
        let failing = try await store.failingPages(waitingSince: PagePipeline.alreadyFailed)
        #expect(failing.map(\.page.id) == ["INC-1-1", "INC-2-1"])
        var started = IncidentChanges()
        started.settledFallbacks = ["INC-1-1", "INC-2-1"]
        try await store.saveIncidents(started)
        try await store.saveOutcome(
            outcome("INC-1-1", .retry(at: Self.start), isFailing: true)
        )
        #expect(try await store.failingPages(waitingSince: Self.start).isEmpty)
        #expect(try await store.outboxCounts() == (pending: 1, dead: 1))
    }

    @Test func onlyTheNewestUpdateWaits() async throws {
        let store = try TemporaryStore().open()
        let (changes, _) = try Self.changes("INC-1", .p1)
        try await store.saveIncidents(changes)
        for number in 2...4 {
            var update = IncidentChanges()
            var page = changes.pages[0]
            page.kind = .updated
            page.number = number
            page.id = "INC-1-\(number)"
            update.pages = [page]
            try await store.saveIncidents(update)
        }
        let waiting = try await store.deliveries(DeliveryFilter(state: .pending))
        #expect(waiting.map(\.page.id) == ["INC-1-4", "INC-1-1"])
    }

    @Test func pruningTakesEverythingThatBelongsToAnIncident() async throws {
        let store = try TemporaryStore().open()
        var (changes, incident) = try Self.changes("INC-1", .p1)
        let (other, _) = try Self.changes("INC-2", .p1)
        try await store.saveIncidents(changes)
        try await store.saveIncidents(other)
        try await store.saveOutcome(outcome("INC-1-1", .delivered))
        incident.state = .resolved
        incident.resolvedAt = Self.start
        changes = IncidentChanges()
        changes.updated = [incident]
        try await store.saveIncidents(changes)
        let later = Self.start + .seconds(1)
        try await store.pruneIncidents(resolvedBefore: later, cursorsBefore: Self.start)
        #expect(
            try await store.incidents(IncidentFilter(includesResolved: true)).map(\.id.text)
                == ["INC-2"]
        )
        #expect(try await store.timeline(of: incident.id).isEmpty)
        #expect(
            try await store.deliveries(DeliveryFilter()).map(\.page.incident.id.text) == ["INC-2"]
        )
        let tries = try store.database.read { connection in
            try connection.first("SELECT count(*) FROM delivery_tries") {
                try $0.column(0, as: Int.self)
            }
        }
        #expect(tries == 0)
        #expect(try await store.loadIncidents(resolvedFrom: Self.start).cursors.count == 2)
    }

    @Test func listsAreFilteredAndNewestFirst() async throws {
        let store = try TemporaryStore().open()
        for (index, priority) in [Priority.p1, .p2, .p1].enumerated() {
            try await store.saveIncidents(Self.changes("INC-\(index)", priority).0)
        }
        #expect(
            try await store.incidents(IncidentFilter()).map(\.id.text) == [
                "INC-2", "INC-1", "INC-0",
            ]
        )
        #expect(
            try await store.incidents(IncidentFilter(priority: .p1, limit: 1)).map(\.id.text)
                == ["INC-2"]
        )
        #expect(
            try await store.deliveries(DeliveryFilter(incident: IncidentID("INC-1"))).count == 1
        )
    }
}
