import Model
import OnCall
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Incidents

@Suite struct DispatcherTests {
    struct House {
        let store = MemoryStore()
        let clock = ManualClock(Story.start)
        let metrics = MetricsRegistry()
        let dispatcher: Dispatcher

        init(
            _ policy: String = Story.team,
            settings: DispatchSettings = DispatchSettings()
        ) throws {
            dispatcher = try House.dispatcher(policy, store, clock, metrics, settings)
        }

        static func dispatcher(
            _ policy: String,
            _ store: MemoryStore,
            _ clock: ManualClock,
            _ metrics: MetricsRegistry,
            _ settings: DispatchSettings = DispatchSettings()
        ) throws -> Dispatcher {
            Dispatcher(
                policy: try Story.policy(policy),
                store: store,
                clock: clock,
                ids: TimeSortedNames(random: SeededGenerator(seed: 1)),
                settings: settings,
                log: .silent,
                metrics: metrics
            )
        }

        func restarted(_ policy: String = Story.team) async throws -> Dispatcher {
            let dispatcher = try House.dispatcher(policy, store, clock, metrics)
            try await dispatcher.start()
            return dispatcher
        }

        var only: Incident? {
            store.now.incidents.count == 1 ? store.now.incidents.values.first : nil
        }

        func shows(_ line: String) -> Bool {
            metrics.exposition(.text).split(separator: "\n").contains { $0 == line }
        }
    }

    @Test func oneAlertIsOneIncidentForItsWholeLife() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.warn), .p3, sequence: 1))
        try await house.dispatcher.handle(
            Story.alert(.levelChanged(from: .warn, to: .crit), .p2, sequence: 2)
        )
        try await house.dispatcher.handle(Story.alert(.resolved, .p2, sequence: 3))
        #expect(house.only?.state == .resolved)
        #expect(house.store.now.pages.map(\.kind) == [.opened, .raised, .resolved])
        #expect(house.shows("tocsin_incident_transitions_total{outcome=\"applied\"} 3"))
    }

    @Test func aBatchIsOneTransaction() async throws {
        let house = try House()
        let batch = (0..<100).map {
            Story.alert(.fired(.crit), service: "\($0)", sequence: Int64($0 + 1))
        }
        try await house.dispatcher.handle(batch)
        #expect(house.store.now.saves == 1)
        #expect(house.store.now.incidents.count == 100)
        #expect(house.store.now.pages.count == 100)
        #expect(Set(house.store.now.pages.map(\.id)).count == 100)
    }

    /// The rules hand over again what they do not know to be taken.
    @Test(arguments: [true, false])
    func repetitionsChangeNothing(isRestarted: Bool) async throws {
        let house = try House()
        let batch = [
            Story.alert(.fired(.crit), sequence: 5),
            Story.alert(.resolved, at: Story.minutes(1), sequence: 6),
        ]
        try await house.dispatcher.handle(batch)
        let before = house.store.now
        let dispatcher = isRestarted ? try await house.restarted() : house.dispatcher
        try await dispatcher.handle(batch)
        try await dispatcher.handle([batch[0]])
        #expect(house.store.now.pages == before.pages)
        #expect(house.store.now.incidents == before.incidents)
        #expect(house.store.now.saves == before.saves)
    }

    @Test func withoutNumbersTheSameChangeAtTheSameTimeIsARepetition() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.warn)))
        try await house.dispatcher.handle(Story.alert(.fired(.warn)))
        try await house.dispatcher.handle(Story.alert(.blind("late")))
        try await house.dispatcher.handle(Story.alert(.resolved, at: Story.minutes(-1)))
        #expect(house.only?.state == .open)
        #expect(house.only?.blind == "late")
    }

    @Test func alertStatesThatBeganToCountAgainAreHeard() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.warn), sequence: 900))
        try await house.dispatcher.handle(
            Story.alert(.resolved, at: Story.minutes(1), sequence: 901)
        )
        house.clock.set(Story.minutes(60))
        try await house.dispatcher.handle(
            Story.alert(.fired(.crit), at: Story.minutes(60), sequence: 1)
        )
        #expect(house.store.now.incidents.count == 2)
    }

    @Test func aFullDiskChangesNothingAndTheSameCallWorksLater() async throws {
        let house = try House()
        house.store.fill(true)
        await #expect(throws: MemoryStore.Full.self) {
            try await house.dispatcher.handle(Story.alert(.fired(.crit), sequence: 1))
        }
        #expect(try await house.dispatcher.incidents().isEmpty)
        house.store.fill(false)
        try await house.dispatcher.handle(Story.alert(.fired(.crit), sequence: 1))
        #expect(try await house.dispatcher.incidents().count == 1)
        #expect(house.shows("tocsin_incident_store_errors_total 1"))
    }

    @Test func decisionsAreMadeOneAtATime() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.warn), .p2, sequence: 1))
        let id = try #require(house.only?.id)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                group.addTask {
                    try await house.dispatcher.note(id, "note \(index)", by: "ann")
                }
                group.addTask {
                    try await house.dispatcher.handle(
                        Story.alert(.fired(.warn), service: "\(index)", sequence: Int64(index + 2))
                    )
                }
            }
            try await group.waitForAll()
        }
        #expect(house.store.now.incidents.count == 51)
        #expect(house.store.now.incidents[id]?.eventCount == 52)
        #expect(house.store.now.events[id]?.count == 52)
    }

    @Test func deadlinesThatPassedWhileTheProcessWasDownCountOnce() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.crit), .p1, sequence: 1))
        house.clock.set(Story.minutes(600))
        let dispatcher = try await house.restarted()
        #expect(await dispatcher.nextDeadline() == Story.minutes(15))
        try await dispatcher.tick(at: house.clock.now())
        #expect(house.store.now.pages.map(\.kind) == [.opened, .escalated])
        try await dispatcher.tick(at: house.clock.now())
        #expect(house.store.now.pages.count == 2)
        // The next step comes a full wait later, not at once.
        #expect(await dispatcher.nextDeadline() == Story.minutes(630))
    }

    @Test func anotherRestartDoesNotTakeTheStepAgain() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.crit), .p1, sequence: 1))
        house.clock.set(Story.minutes(31))
        for _ in 0..<3 {
            let dispatcher = try await house.restarted()
            try await dispatcher.tick(at: house.clock.now())
        }
        #expect(house.store.now.pages.map(\.kind) == [.opened, .escalated])
    }

    @Test func afterTheReopeningTimeItIsANewIncident() async throws {
        let house = try House()
        for (minute, change, sequence) in [
            (0, AlertTransition.Change.fired(.warn), Int64(1)), (1, .resolved, 2),
            (11, .fired(.warn), 3), (12, .resolved, 4), (23, .fired(.warn), 5),
        ] {
            house.clock.set(Story.minutes(minute))
            try await house.dispatcher.handle(
                Story.alert(change, at: Story.minutes(minute), sequence: sequence)
            )
        }
        #expect(house.store.now.incidents.count == 2)
        #expect(
            house.store.now.pages.map(\.kind)
                == [.opened, .resolved, .reopened, .resolved, .opened]
        )
    }

    @Test func endsOfAlertsThatNobodyKnowsAreCountedNotOpened() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.resolved, sequence: 1))
        try await house.dispatcher.handle(Story.alert(.blind("x"), sequence: 2))
        #expect(house.store.now.incidents.isEmpty)
        #expect(house.shows("tocsin_incident_transitions_total{outcome=\"unknown_alert\"} 2"))
        // A level without a beginning is a beginning.
        try await house.dispatcher.handle(
            Story.alert(.levelChanged(from: .warn, to: .crit), sequence: 3)
        )
        #expect(house.only?.peakLevel == .crit)
    }

    @Test func tooManyIncidentsAreGatheredNotRefused() async throws {
        let house = try House(settings: DispatchSettings(openMax: 3))
        for index in 0..<10 {
            try await house.dispatcher.handle(
                Story.alert(
                    .fired(.crit),
                    index % 2 == 0 ? .p1 : .p2,
                    service: "\(index)",
                    sequence: Int64(index + 1)
                )
            )
        }
        let incidents = house.store.now.incidents.values
        #expect(incidents.count == 5)
        let gathered = incidents.filter { $0.dedupKey.hasPrefix("overflow/") }
        #expect(gathered.map(\.alerts.count).sorted() == [3, 4])
        #expect(house.shows("tocsin_incidents_overflowed_total 7"))
        // Alerts in it end as any other.
        for index in 0..<10 {
            try await house.dispatcher.handle(
                Story.alert(
                    .resolved,
                    service: "\(index)",
                    at: Story.minutes(1),
                    sequence: Int64(index + 11)
                )
            )
        }
        #expect(house.store.now.incidents.values.allSatisfy { $0.state == .resolved })
    }

    @Test func actionsAreRefusedWithReasons() async throws {
        let house = try House()
        let dispatcher = house.dispatcher
        try await dispatcher.handle(Story.alert(.fired(.crit), sequence: 1))
        let id = try #require(house.only?.id)
        let nowhere = IncidentID("INC-0")
        await #expect(throws: DispatchError.unknownIncident(nowhere)) {
            try await dispatcher.acknowledge(nowhere, by: "ann")
        }
        await #expect(throws: DispatchError.snoozeOutOfRange(seconds: 0, maxSeconds: 604800)) {
            try await dispatcher.snooze(id, for: .zero, by: "ann")
        }
        await #expect(throws: DispatchError.textEmpty("note")) {
            try await dispatcher.note(id, "", by: "ann")
        }
        await #expect(throws: DispatchError.textEmpty("name of who acts")) {
            try await dispatcher.acknowledge(id, by: "")
        }
        await #expect(throws: DispatchError.textTooLong(characters: 10001, limit: 10000)) {
            try await dispatcher.note(id, String(repeating: "x", count: 10001), by: "ann")
        }
        try await dispatcher.resolve(id, by: "ann")
        await #expect(throws: DispatchError.alreadyResolved(id)) {
            try await dispatcher.acknowledge(id, by: "bob")
        }
        try await dispatcher.note(id, "it was the cache", by: "ann")
        let found = try #require(try await dispatcher.incident(id))
        #expect(found.timeline.last?.text == "it was the cache")
        #expect(found.timeline.last?.by == "ann")
    }

    @Test func reloadedPoliciesHoldForOpenIncidents() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.crit), .p1, sequence: 1))
        let shorter = Story.team.replacing(
            "steps: [{notify: schedule/primary}, {after: 30m, notify: person/bob}]",
            with: "steps: [{notify: receiver/chat}]"
        )
        await house.dispatcher.reload(try Story.policy(shorter))
        house.clock.set(Story.minutes(31))
        try await house.dispatcher.tick(at: house.clock.now())
        let events = house.store.now.events.values.flatMap { $0 }
        #expect(
            events.last?.text
                == "step 2 of default is no longer in the on-call file, nobody to notify"
        )
        // The next round is the new file's.
        house.clock.set(Story.minutes(62))
        try await house.dispatcher.tick(at: house.clock.now())
        #expect(house.store.now.pages.last?.receiver == "chat")
    }

    @Test func metricsShowWhatIsOpen() async throws {
        let house = try House()
        try await house.dispatcher.handle(Story.alert(.fired(.crit), .p1, sequence: 1))
        let id = try #require(house.only?.id)
        #expect(house.shows("tocsin_incidents{priority=\"P1\",state=\"open\"} 1"))
        house.clock.advance(by: .seconds(240))
        try await house.dispatcher.acknowledge(id, by: "ann")
        #expect(house.shows("tocsin_incidents{priority=\"P1\",state=\"open\"} 0"))
        #expect(house.shows("tocsin_incidents{priority=\"P1\",state=\"acknowledged\"} 1"))
        #expect(house.shows("tocsin_incident_time_to_acknowledge_seconds_bucket{le=\"60\"} 0"))
        #expect(house.shows("tocsin_incident_time_to_acknowledge_seconds_bucket{le=\"300\"} 1"))
    }

    @Test func runTakesStepsAtTheirDeadlines() async throws {
        let house = try House()
        let sleeper = SteppingSleeper(clock: house.clock)
        try await house.dispatcher.start()
        try await house.dispatcher.handle(Story.alert(.fired(.crit), .p1, sequence: 1))
        let running = Task { await house.dispatcher.run(sleeper: sleeper) }
        while house.store.now.pages.count < 4 {
            await house.store.saved.wait(timeout: nil, sleeper: sleeper)
        }
        running.cancel()
        await running.value
        #expect(
            house.store.now.pages.prefix(4).map(\.createdAt) == [0, 30, 60, 90].map(Story.minutes)
        )
    }
}

/// Sleeps by moving the clock.
struct SteppingSleeper: Sleeper {
    let clock: ManualClock

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        clock.advance(by: duration)
    }
}
