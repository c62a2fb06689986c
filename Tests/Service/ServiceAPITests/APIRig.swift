import Foundation
import HTTPClient
import HTTPServer
import Incidents
import Ingest
import LogStore
import MetricStore
import Model
import OnCall
import Paging
import PromQL
import RuleEvaluation
import Rules
import SLO
import StateStore
import Synchronization
import Telemetry
import TestSupport
import Timekeeping

@testable import ServiceAPI

/// The parts behind the API as the service assembles them, in virtual time and in a folder of their own.
final class APIRig: Sendable {
    /// 2023-11-14T22:13:20Z.
    static let now = Timestamp(milliseconds: 1_700_000_000_000)

    let folder: String
    let clock = ManualClock(APIRig.now)
    let metrics = MetricsRegistry()
    let store: MetricStore
    let state: StateStore
    let sources: SourceRegistry
    let tracker: SLOTracker
    let engine: RuleEngine
    let dispatcher: Dispatcher
    let pages: PagePipeline
    let pager = StubPager()
    let readiness = ServiceReadiness()

    static let onCall = """
        receivers:
          - {name: phone, webhook: {url: "http://phone.test/"}}
        people: [{name: ann, time_zone: UTC, contact: [phone]}]
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
        escalation: [{name: default, steps: [{notify: schedule/primary}], repeat: 1}]
        priorities:
          P1: {escalation: default, hours: always}
          P2: {respond_within: 30m, escalation: default, hours: always}
          P3: {escalation: default, hours: always}
          P4: {escalation: default, hours: always}
        """

    init() throws {
        let memory = "/dev/shm/"
        let base =
            FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        folder = base + "tocsin-api-" + UUID().uuidString
        state = try StateStore(path: folder + "/state.db")
        store = MetricStore(
            settings: MetricStoreSettings(shards: 2),
            clock: clock,
            metrics: metrics
        )
        store.start()
        sources = SourceRegistry(clock: clock, metrics: metrics)
        tracker = SLOTracker(
            source: store,
            store: state,
            retention: .seconds(6 * 3600),
            log: .silent,
            metrics: metrics
        )
        let policy = try OnCallFile.load(Array(APIRig.onCall.utf8), file: "oncall.yaml")
        dispatcher = Dispatcher(
            policy: policy,
            store: state,
            clock: clock,
            ids: CountedNames(),
            log: .silent,
            metrics: metrics
        )
        pages = PagePipeline(
            receivers: try ReceiverSet(policy, links: PageLinks(externalURL: "http://tocsin.test")),
            store: state,
            http: pager,
            secondChannel: dispatcher,
            wake: dispatcher.pagesAdded,
            clock: clock,
            sleeper: SystemSleeper(),
            random: SeededGenerator(seed: 1),
            log: .silent,
            metrics: metrics
        )
        engine = try RuleEngine(
            evaluator: QueryEngine(source: store),
            appender: store,
            store: state,
            sink: Sink(dispatcher: dispatcher),
            clock: clock,
            log: .silent,
            metrics: metrics
        )
    }

    deinit {
        store.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: Routes

    var rules: RuleRoutes {
        let engine = engine
        return RuleRoutes { engine.snapshot }
    }

    var sourceRoutes: SourceRoutes {
        let sources = sources
        return SourceRoutes(statuses: { sources.statuses }, clock: clock)
    }

    var incidents: IncidentRoutes {
        let engine = engine
        return IncidentRoutes(dispatcher: dispatcher, pages: pages) { fingerprint in
            _ = engine.release(fingerprint: fingerprint)
        }
    }

    var calls: RouteCall {
        let budgets = BudgetRoutes(tracker: tracker, clock: clock)
        let pages = PageRoutes(
            incidents: incidents,
            budgets: budgets,
            rules: rules,
            sources: sourceRoutes,
            clock: clock
        )
        let queries = QueryRoutes(source: store, clock: clock, metrics: metrics)
        return RouteCall(
            routes: queries.routes + SeriesRoutes(store: store, clock: clock).routes + rules.routes
                + budgets.routes + sourceRoutes.routes + incidents.routes + pages.routes
        )
    }

    // MARK: Data

    /// Puts values into the rings, the last one now and the others a minute apart before it.
    func put(_ labels: LabelSet, _ values: [Double]) {
        let last = values.count - 1
        var batch = SampleBatch()
        batch.append(
            labels,
            samples: values.enumerated().map { index, value in
                Sample(APIRig.now - .seconds(60 * Int64(last - index)), value)
            }
        )
        _ = store.append(batch)
    }

    /// Hands an alert's change to the incidents.
    func alert(
        _ change: AlertTransition.Change,
        labels: LabelSet = ["alertname": "P99Latency", "service": "api"],
        priority: Priority = .p2,
        summary: String = "P99Latency service=api: 612 ms > 500 ms for 2m"
    ) async throws {
        try await dispatcher.handle(
            AlertTransition(
                fingerprint: labels.fingerprintText,
                rule: "app/P99Latency",
                alertName: labels["alertname"],
                labels: labels,
                annotations: [:],
                change: change,
                priority: priority,
                value: 612,
                unit: "ms",
                summary: summary,
                action: "Scale, investigate",
                runbook: "runbooks/latency.md",
                at: clock.now()
            )
        )
    }

    private struct Sink: AlertTransitionSink {
        let dispatcher: Dispatcher

        func take(_ transitions: [AlertTransition]) async throws {
            try await dispatcher.handle(transitions)
        }
    }
}

/// Names that a test can foretell.
final class CountedNames: IncidentNaming {
    private let count = Atomic(0)

    func next(at moment: Timestamp) -> IncidentID {
        IncidentID("INC-\(count.add(1, ordering: .relaxed).newValue)")
    }
}

/// A pager that answers every message with one status.
final class StubPager: HTTPSending {
    let status = Atomic(503)

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        HTTPClientReply(status: status.load(ordering: .relaxed))
    }
}
