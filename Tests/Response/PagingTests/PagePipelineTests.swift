import Foundation
import HTTPClient
import Incidents
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Paging

@Suite struct PagePipelineTests {
    private func open(_ office: Office, _ priority: Priority = .p2) async throws -> IncidentID {
        try await office.dispatcher.handle(Scene.alert(.fired(.crit), priority, sequence: 1))
        return try #require(try await office.dispatcher.incidents().first?.id)
    }

    @Test func whatIsOpenedIsDeliveredAtOnce() async throws {
        let office = try await Office()
        let id = try await open(office)
        #expect(try await office.pipeline.deliverDue(at: office.clock.now()) == 2)
        #expect(office.pagers.requests.map(\.host).sorted() == ["chat.test", "phone.test"])
        #expect(office.pagers.requests(to: "phone.test").map(\.id) == ["\(id)-1"])
        #expect(try await office.pipeline.deliverDue(at: office.clock.now()) == 0)
        let deliveries = try await office.pipeline.deliveries(DeliveryFilter(incident: id))
        #expect(deliveries.map(\.state) == [.delivered, .delivered])
        #expect(deliveries.allSatisfy { $0.tries.map(\.status) == [200] })
        #expect(office.shows("tocsin_pages_total{receiver=\"phone\",state=\"delivered\"} 1"))
    }

    struct Failure: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var behaviour: FakePagers.Behaviour
        var reason: String
    }

    @Test(arguments: [
        Failure(
            testDescription: "500",
            behaviour: .answer(500),
            reason: "answered 500: so be it"
        ),
        Failure(
            testDescription: "429",
            behaviour: .answer(429),
            reason: "answered 429: so be it"
        ),
        Failure(
            testDescription: "nothing",
            behaviour: .silence,
            reason: "failed: no answer from phone.test within 5.0 seconds"
        ),
        Failure(
            testDescription: "refused connection",
            behaviour: .unreachable,
            reason: "failed: cannot reach phone.test: connection refused"
        ),
    ])
    func aFailingPagerIsTriedAgainUnderOneIdUntilItTakesIt(failure: Failure) async throws {
        let office = try await Office()
        office.pagers.set("phone.test", failure.behaviour)
        let id = try await open(office, .p3)
        try await office.pass(.seconds(120))
        let tries = office.pagers.requests(to: "phone.test")
        // 1, 2, 4, 8, 15, 30, 60 s at most: never fewer than this in two minutes.
        #expect(tries.count >= 8)
        #expect(Set(tries.map(\.id)) == ["\(id)-1"])
        #expect(Set(tries.map(\.body)).count == 1)
        let waiting = try await office.pipeline.deliveries(DeliveryFilter(state: .pending))
        #expect(waiting.map(\.reason) == [failure.reason])
        office.pagers.set("phone.test", .answer(200))
        try await office.pass(.seconds(61))
        let delivered = try await office.pipeline.deliveries(DeliveryFilter(incident: id))
        #expect(delivered.allSatisfy { $0.state == .delivered })
        #expect(delivered.last?.tries.count == office.pagers.requests(to: "phone.test").count)
        // P3 has no second channel.
        #expect(office.pagers.requests(to: "mail.test").isEmpty)
    }

    @Test func retryAfterHoldsTheNextTry() async throws {
        let office = try await Office()
        office.pagers.set(
            "phone.test",
            .answer(429, headers: [(name: "retry-after", value: "15")])
        )
        _ = try await open(office, .p3)
        try await office.pass(.milliseconds(500))
        #expect(office.pagers.requests(to: "phone.test").count == 1)
        try await office.pass(.seconds(14))
        #expect(office.pagers.requests(to: "phone.test").count == 1)
        try await office.pass(.seconds(2))
        #expect(office.pagers.requests(to: "phone.test").count == 2)
    }

    @Test func theSecondChannelStartsAfterThreeFailuresAndTheFirstGoesOn() async throws {
        let office = try await Office()
        office.pagers.set("phone.test", .answer(503))
        let id = try await open(office, .p1)
        try await office.pass(.seconds(10))
        #expect(office.pagers.requests(to: "mail.test").map(\.id) == ["\(id)-3"])
        let found = try #require(try await office.dispatcher.incident(id))
        #expect(
            found.timeline.filter { $0.kind == .secondChannel }.map(\.text)
                == ["phone answered 503: so be it; trying mail"]
        )
        let before = office.pagers.requests(to: "phone.test").count
        #expect(before >= 3)
        try await office.pass(.seconds(60))
        #expect(office.pagers.requests(to: "phone.test").count > before)
        #expect(office.pagers.requests(to: "mail.test").count == 1)
        // Whoever was reached by it hears the end too.
        try await office.dispatcher.handle(Scene.alert(.resolved, .p1, sequence: 2))
        try await office.pass(.seconds(1))
        #expect(office.pagers.requests(to: "mail.test").count == 2)
    }

    @Test func theSecondChannelStartsAfterTwentySecondsOfSilence() async throws {
        // One try takes longer than all this.
        let office = try await Office(
            settings: PagingSettings(retries: RetrySchedule(waits: [.seconds(3600)]))
        )
        office.pagers.set("phone.test", .silence)
        _ = try await open(office, .p2)
        try await office.pass(.seconds(19))
        #expect(office.pagers.requests(to: "mail.test").isEmpty)
        try await office.pass(.seconds(2))
        #expect(office.pagers.requests(to: "mail.test").count == 1)
        #expect(office.pagers.requests(to: "phone.test").count == 1)
    }

    @Test func theSecondChannelOfAFailingSecondChannelIsTheNextStep() async throws {
        let office = try await Office()
        office.pagers.set("phone.test", .answer(503))
        office.pagers.set("mail.test", .answer(503))
        let id = try await open(office, .p1)
        try await office.pass(.seconds(60))
        #expect(office.pagers.requests(to: "duty.test").map(\.id) == ["\(id) trigger"])
    }

    @Test func afterARestartTheReceiverIsTriedBeforeItsSecondChannel() async throws {
        let office = try await Office()
        _ = try await open(office, .p1)
        office.clock.advance(by: .seconds(3600))
        try await office.restart()
        try await office.pass(.seconds(1))
        #expect(office.pagers.requests(to: "phone.test").count == 1)
        #expect(office.pagers.requests(to: "mail.test").isEmpty)
    }

    @Test func nobodyIsCalledAfterAnAnswer() async throws {
        let office = try await Office()
        office.pagers.set("phone.test", .answer(503))
        let id = try await open(office, .p1)
        try await office.pipeline.deliverDue(at: office.clock.now())
        try await office.dispatcher.acknowledge(id, by: "ann")
        try await office.pass(.seconds(60))
        #expect(office.pagers.requests(to: "mail.test").isEmpty)
        // The first call was under way, so it goes on until it is settled, and then its answer follows.
        office.pagers.set("phone.test", .answer(200))
        try await office.pass(.seconds(61))
        #expect(
            office.pagers.requests(to: "phone.test").suffix(2).map(\.id) == ["\(id)-1", "\(id)-3"]
        )
    }

    @Test func callsThatWereNeverTriedAreWithdrawnByAnAnswer() async throws {
        let office = try await Office()
        let id = try await open(office, .p1)
        try await office.pipeline.deliverDue(at: office.clock.now())
        office.clock.advance(by: .seconds(1800))
        try await office.dispatcher.tick(at: office.clock.now())
        try await office.dispatcher.acknowledge(id, by: "ann")
        try await office.pass(.seconds(5))
        #expect(office.pagers.requests(to: "duty.test").isEmpty)
        let withdrawn = try await office.pipeline.deliveries(DeliveryFilter(state: .withdrawn))
        #expect(
            withdrawn.map { "\($0.page.receiver) \($0.page.kind): \($0.reason ?? "")" }.sorted()
                == [
                    "chat acknowledged: chat has no use for acknowledged",
                    "duty acknowledged: duty does not know of the incident",
                    "duty escalated: the incident was acknowledged by ann",
                ]
        )
    }

    @Test func whatIsRefusedForGoodIsDeadAndItsSecondChannelStartsAtOnce() async throws {
        let office = try await Office()
        office.pagers.set("phone.test", .answer(410))
        let id = try await open(office, .p3)
        try await office.pass(.seconds(1))
        #expect(office.pagers.requests(to: "phone.test").count == 1)
        #expect(office.pagers.requests(to: "mail.test").count == 1)
        let dead = try await office.pipeline.deadLetters()
        #expect(dead.map(\.page.id) == ["\(id)-1"])
        #expect(dead.first?.reason == "answered 410: so be it")
        #expect(office.shows("tocsin_outbox_pages{state=\"dead\"} 1"))
    }

    @Test func aDeadPageIsReplayedUnderItsOldId() async throws {
        let office = try await Office()
        office.pagers.set("phone.test", .answer(404))
        let id = try await open(office, .p3)
        try await office.pass(.seconds(1))
        office.pagers.set("phone.test", .answer(200))
        #expect(try await office.pipeline.replay("\(id)-1"))
        #expect(try await !office.pipeline.replay("\(id)-1"))
        #expect(try await !office.pipeline.replay("nothing"))
        try await office.pass(.seconds(1))
        #expect(office.pagers.requests(to: "phone.test").map(\.id) == ["\(id)-1", "\(id)-1"])
        #expect(try await office.pipeline.deadLetters().isEmpty)
    }

    @Test func afterADayAPageIsGivenUp() async throws {
        let office = try await Office(settings: PagingSettings(giveUpAfter: .seconds(90)))
        office.pagers.set("phone.test", .answer(500))
        _ = try await open(office, .p3)
        try await office.pass(.seconds(200))
        let dead = try await office.pipeline.deadLetters()
        #expect(dead.map(\.reason) == ["answered 500: so be it; given up after 1m30s"])
    }

    @Test func aReceiverThatLeftTheFileIsADeadLetterWithAReason() async throws {
        let office = try await Office()
        await office.pipeline.reload(ReceiverSet(providers: [:]))
        _ = try await open(office, .p3)
        try await office.pass(.seconds(1))
        let dead = try await office.pipeline.deadLetters()
        #expect(!dead.isEmpty)
        #expect(
            dead.allSatisfy {
                $0.reason == "is no longer in the on-call file; replay it once it is"
            }
        )
    }

    /// PagerDuty drops what it gets before the trigger.
    @Test func theEndWaitsUntilTheBeginningWasTaken() async throws {
        let office = try await Office(
            Scene.team.replacing("contact: [phone, mail]", with: "contact: [duty]")
        )
        office.pagers.set("duty.test", .answer(500))
        let id = try await open(office, .p2)
        try await office.pass(.seconds(2))
        try await office.dispatcher.acknowledge(id, by: "ann")
        try await office.dispatcher.handle(Scene.alert(.resolved, sequence: 2))
        try await office.pass(.seconds(30))
        #expect(
            office.pagers.requests(to: "duty.test").allSatisfy { $0.id == "\(id) trigger" }
        )
        office.pagers.set("duty.test", .answer(202))
        try await office.pass(.seconds(61))
        #expect(
            office.pagers.requests(to: "duty.test").filter(\.wasTaken).map(\.id)
                == ["\(id) trigger", "\(id) acknowledge", "\(id) resolve"]
        )
    }

    @Test func aSlowReceiverKeepsNobodyElseWaiting() async throws {
        let office = try await Office(
            settings: PagingSettings(concurrentMax: 6, concurrentPerReceiverMax: 2)
        )
        let gate = Gate()
        let http = GatedPagers(inner: office.pagers, gate: gate, host: "chat.test")
        let pipeline = PagePipeline(
            receivers: try ReceiverSet(
                Scene.policy(),
                links: Scene.links,
                secrets: Scene.Secrets()
            ),
            store: office.store,
            http: http,
            secondChannel: office.dispatcher,
            wake: office.dispatcher.pagesAdded,
            clock: office.clock,
            sleeper: SteppingSleeper(clock: ManualClock()),
            random: SeededGenerator(seed: 1),
            settings: PagingSettings(concurrentMax: 6, concurrentPerReceiverMax: 2),
            log: .silent,
            metrics: office.metrics
        )
        try await office.dispatcher.handle(
            (0..<20).map {
                Scene.alert(.fired(.crit), service: "\($0)", sequence: Int64($0 + 1))
            }
        )
        let running = Task { await pipeline.run() }
        while office.pagers.requests(to: "phone.test").count < 20 {
            await office.pagers.received.wait(timeout: nil, sleeper: SystemSleeper())
        }
        #expect(office.pagers.requests(to: "chat.test").isEmpty)
        gate.open()
        while office.pagers.requests(to: "chat.test").count < 20 {
            await office.pagers.received.wait(timeout: nil, sleeper: SystemSleeper())
        }
        running.cancel()
        await running.value
        #expect(gate.most <= 2)
    }

    @Test func theMostUrgentGoesFirst() async throws {
        let office = try await Office(
            settings: PagingSettings(concurrentMax: 1, concurrentPerReceiverMax: 1)
        )
        for (index, priority) in [Priority.p3, .p2, .p1, .p3].enumerated() {
            try await office.dispatcher.handle(
                Scene.alert(
                    .fired(.crit),
                    priority,
                    service: "\(index)",
                    sequence: Int64(index + 1)
                )
            )
        }
        while try await office.pipeline.deliverDue(at: office.clock.now()) > 0 {}
        let services = office.pagers.requests(to: "phone.test").compactMap { request in
            String(decoding: request.body, as: UTF8.self).firstMatch(of: /service=(\d)/)?.1
        }
        #expect(services == ["2", "1", "0", "3"])
    }

    @Test func oldPagesAreForgotten() async throws {
        let office = try await Office()
        let id = try await open(office, .p3)
        try await office.pass(.seconds(1))
        try await office.dispatcher.handle(Scene.alert(.resolved, sequence: 2))
        try await office.pass(.seconds(1))
        office.clock.advance(by: .seconds(31 * 86400))
        try await office.pass(.seconds(1))
        #expect(try await office.pipeline.deliveries(DeliveryFilter(incident: id)).isEmpty)
    }
}

/// Holds requests until it is opened, and counts how many it holds.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var most = 0
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                state.most = max(state.most, state.waiting.count)
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    var most: Int { state.withLock { $0.most } }
}

struct GatedPagers: HTTPSending {
    let inner: FakePagers
    let gate: Gate
    let host: String

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        if request.url.contains(host) { await gate.pass() }
        return try await inner.send(request)
    }
}
