import Foundation
import HTTPClient
import Incidents
import Model
import StateStore
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import Paging

@Suite(.timeLimit(.minutes(1))) struct ClaimRaceTests {
    /// Lets nobody through until it is opened, and tells who has come.
    private final class Gate: Sendable {
        private struct State {
            var isOpen = false
            var waiting: [CheckedContinuation<Void, Never>] = []
        }

        private let state = Mutex(State())
        private let arrivals: (stream: AsyncStream<Void>, yield: AsyncStream<Void>.Continuation)

        init() {
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            arrivals = (stream, continuation)
        }

        func pass() async {
            arrivals.yield.yield()
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        /// Returns when somebody has come.
        func arrival() async {
            var iterator = arrivals.stream.makeAsyncIterator()
            _ = await iterator.next()
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for one in waiting { one.resume() }
        }
    }

    /// The outbox; a second reading of it has its answer, and is held up on the way back.
    private final class SlowOutbox: OutboxStoring {
        let inner: StateStore
        let gate = Gate()
        private let readings = Atomic(0)

        init(_ inner: StateStore) { self.inner = inner }

        func duePages(at moment: Timestamp, perReceiver: Int) async throws -> [OutboxEntry] {
            let due = try await inner.duePages(at: moment, perReceiver: perReceiver)
            if readings.add(1, ordering: .relaxed).newValue == 2 { await gate.pass() }
            return due
        }

        func nextDue(
            limit: Int
        ) async throws -> (pages: [(lane: Lane, at: Timestamp)], fallback: Timestamp?) {
            try await inner.nextDue(limit: limit)
        }

        func failingPages(waitingSince moment: Timestamp) async throws -> [OutboxEntry] {
            try await inner.failingPages(waitingSince: moment)
        }

        func saveOutcome(_ outcome: DeliveryOutcome) async throws {
            try await inner.saveOutcome(outcome)
        }

        func deliveries(_ filter: DeliveryFilter) async throws -> [Delivery] {
            try await inner.deliveries(filter)
        }

        func replay(_ page: String, at moment: Timestamp) async throws -> Bool {
            try await inner.replay(page, at: moment)
        }

        func outboxCounts() async throws -> (pending: Int, dead: Int) {
            try await inner.outboxCounts()
        }

        func pruneOutbox(settledBefore moment: Timestamp) async throws {
            try await inner.pruneOutbox(settledBefore: moment)
        }
    }

    /// A pager that takes its time.
    private final class SlowPager: HTTPSending {
        let gate = Gate()
        let messages = Atomic(0)

        func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
            messages.add(1, ordering: .relaxed)
            await gate.pass()
            return HTTPClientReply(status: 204)
        }
    }

    @Test func whatIsDeliveredWhileTheOutboxIsReadIsNotSentAgain() async throws {
        let folder = Scene.folder("claim")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = ManualClock(Scene.start)
        let state = try StateStore(path: folder + "/state.db")
        let policy = try Scene.policy(
            """
            receivers: [{name: phone, webhook: {url: "http://phone.test/"}}]
            people: [{name: ann, time_zone: UTC, contact: [phone]}]
            escalation: [{name: default, steps: [{notify: person/ann}], repeat: 1}]
            priorities:
              P1: {escalation: default}
              P2: {escalation: default}
              P3: {escalation: default}
              P4: {escalation: digest}
            """
        )
        let dispatcher = Dispatcher(
            policy: policy,
            store: state,
            clock: clock,
            ids: TimeSortedNames(random: SeededGenerator(seed: 1)),
            log: .silent,
            metrics: MetricsRegistry()
        )
        try await dispatcher.start()
        try await dispatcher.handle(Scene.alert(.fired(.crit)))
        let outbox = SlowOutbox(state)
        let pager = SlowPager()
        let pipeline = PagePipeline(
            receivers: try ReceiverSet(policy, links: Scene.links),
            store: outbox,
            http: pager,
            secondChannel: dispatcher,
            wake: dispatcher.pagesAdded,
            clock: clock,
            sleeper: SystemSleeper(),
            random: SeededGenerator(seed: 1),
            log: .silent,
            metrics: MetricsRegistry()
        )
        let now = clock.now()
        let first = Task { try await pipeline.deliverDue(at: now) }
        await pager.gate.arrival()
        let second = Task { try await pipeline.deliverDue(at: now) }
        await outbox.gate.arrival()
        pager.gate.open()
        #expect(try await first.value == 1)
        outbox.gate.open()
        #expect(try await second.value == 0)
        #expect(pager.messages.load(ordering: .relaxed) == 1)
    }
}
