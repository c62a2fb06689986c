import Foundation
import HTTPClient
import Incidents
import Model
import OnCall
import StateStore
import Synchronization
import Telemetry
import TestSupport
import Timekeeping

@testable import Paging

/// What tests of delivery share: a policy, alerts, and pages made by the real state machine.
enum Scene {
    /// A Tuesday at noon in UTC.
    static let start = Timestamp(year: 2026, month: 11, day: 24, hour: 12)

    static let team = """
        receivers:
          - {name: phone, webhook: {url: "http://phone.test/", secret_file: phone.secret}}
          - {name: mail, webhook: {url: "http://mail.test/"}}
          - {name: duty, pagerduty: {url: "http://duty.test/v2/enqueue", routing_key_file: duty.key}}
          - {name: chat, webhook: {url: "http://chat.test/", format: alertmanager}}
        people:
          - {name: ann, time_zone: UTC, contact: [phone, mail]}
          - {name: bob, time_zone: UTC, contact: [duty]}
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [ann]}]
        escalation:
          - name: default
            steps: [{notify: schedule/primary}, {after: 30m, notify: person/bob}]
            repeat: 1
        priorities:
          P1: {escalation: default}
          P2: {escalation: default}
          P3: {escalation: default}
          P4: {escalation: digest}
        routes: {receiver: chat}
        """

    static func policy(_ text: String = team) throws -> OnCallPolicy {
        try OnCallFile.load(Array(text.utf8), file: "oncall.yaml")
    }

    static func alert(
        _ change: AlertTransition.Change,
        _ priority: Priority = .p2,
        service: String = "api",
        summary: String? = nil,
        at: Timestamp = start,
        sequence: Int64 = 0
    ) -> AlertTransition {
        let labels: LabelSet = ["alertname": "P99Latency", "service": service]
        return AlertTransition(
            fingerprint: labels.fingerprintText,
            rule: "app/P99Latency",
            alertName: "P99Latency",
            labels: labels,
            annotations: ["team": "backend"],
            change: change,
            priority: priority,
            value: 612.5,
            unit: "ms",
            summary: summary ?? "P99Latency service=\(service): 612.5 ms > 500 ms for 2m",
            action: "Scale, investigate",
            runbook: "https://runbooks.test/latency",
            at: at,
            sequence: sequence
        )
    }

    /// The pages of a story: an incident that opens, gets worse, is acknowledged and ends.
    static func pages() throws -> [Page] {
        let policy = try policy()
        let opening = alert(.fired(.warn), .p3, at: start - .milliseconds(119_750))
        var (machine, actions) = IncidentStateMachine.open(
            IncidentID("INC-6ZK3T1Q7F2"),
            opening,
            to: policy.routes.destination(of: opening.labels, fingerprint: opening.fingerprint),
            policy: policy,
            at: start
        )
        actions += machine.advance(
            .alert(alert(.levelChanged(from: .warn, to: .crit), .p1)),
            at: start + .seconds(60)
        )
        actions += machine.advance(.acknowledge(by: "ann"), at: start + .seconds(120))
        actions += machine.advance(
            .alert(alert(.resolved, .p1, at: start + .milliseconds(300_500))),
            at: start + .seconds(301)
        )
        return actions.compactMap { if case .send(let page) = $0 { page } else { nil } }
    }

    /// A folder of its own, in memory where the system has that: these tests write often, and the disk's part
    /// is tested elsewhere.
    static func folder(_ name: String) -> String {
        let memory = "/dev/shm/"
        let base =
            FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        return base + "tocsin-\(name)-" + UUID().uuidString
    }

    static let links = PageLinks(externalURL: "https://tocsin.test/")

    /// `whsec_` and base64 of 32 bytes.
    static let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

    struct Secrets: SecretReading {
        var files = ["phone.secret": Scene.secret, "duty.key": "0123456789abcdef0123456789abcdef"]

        func secret(at path: String) throws(SecretFailure) -> String {
            guard let text = files[path] else {
                throw SecretFailure(path: path, reason: "is not there")
            }
            return text
        }
    }
}

/// Pagers that answer as told and keep what they got.
final class FakePagers: HTTPSending {
    /// What a receiver does with a request.
    enum Behaviour: Sendable {
        case answer(Int, headers: [(name: String, value: String)] = [])
        case silence
        case unreachable
        /// Takes the message, but its answer is lost.
        case takesAndBreaks
    }

    struct Request: Sendable {
        var host: String
        var id: String
        var body: [UInt8]
        var headers: [(name: String, value: String)]
        var wasTaken: Bool
    }

    private struct State {
        var behaviours: [String: Behaviour] = [:]
        var script: (@Sendable (String, Int) -> Behaviour)?
        var requests: [Request] = []
    }

    private let state = Mutex(State())
    /// Signalled after each request.
    let received = WakeSignal()

    func set(_ host: String, _ behaviour: Behaviour) {
        state.withLock { $0.behaviours[host] = behaviour }
    }

    func script(_ script: @escaping @Sendable (String, Int) -> Behaviour) {
        state.withLock { $0.script = script }
    }

    var requests: [Request] { state.withLock { $0.requests } }

    func requests(to host: String) -> [Request] { requests.filter { $0.host == host } }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        await Task.yield()
        let host = URLComponents(string: request.url)?.host ?? ""
        let behaviour = state.withLock { state -> Behaviour in
            let behaviour =
                state.script?(host, state.requests.count) ?? state.behaviours[host] ?? .answer(200)
            var wasTaken = false
            switch behaviour {
            case .answer(let status, _): wasTaken = (200..<300).contains(status)
            case .takesAndBreaks: wasTaken = true
            case .silence, .unreachable: break
            }
            state.requests.append(
                Request(
                    host: host,
                    id: FakePagers.id(request),
                    body: request.body,
                    headers: request.headers,
                    wasTaken: wasTaken
                )
            )
            return behaviour
        }
        received.signal()
        switch behaviour {
        case .answer(let status, let headers):
            return HTTPClientReply(status: status, headers: headers, body: Array("so\nbe it".utf8))
        case .silence: throw .timeout(host: host, after: request.timeout)
        case .takesAndBreaks, .unreachable:
            throw .unreachable(host: host, reason: "connection refused")
        }
    }

    /// The message's id; PagerDuty's events have the dedup key and the action instead.
    private static func id(_ request: HTTPClientRequest) -> String {
        if let id = request.headers.first(where: { $0.name == "webhook-id" })?.value { return id }
        let event = try? JSONDecoder().decode(Event.self, from: Data(request.body))
        return event.map { "\($0.dedup_key) \($0.event_action)" } ?? ""
    }

    private struct Event: Decodable {
        var dedup_key: String
        var event_action: String
    }
}

/// The whole of Response over a real state file, that can be broken off and started again.
final class Office {
    let clock = ManualClock(Scene.start)
    let pagers = FakePagers()
    let metrics = MetricsRegistry()
    let folder: String
    private(set) var store: StateStore
    private(set) var dispatcher: Dispatcher
    private(set) var pipeline: PagePipeline
    private let policy: OnCallPolicy
    private let settings: PagingSettings
    private var starts: UInt64 = 0

    init(_ policy: String = Scene.team, settings: PagingSettings = PagingSettings()) async throws {
        folder = Scene.folder("paging")
        self.policy = try Scene.policy(policy)
        self.settings = settings
        (store, dispatcher, pipeline) = try Office.open(
            folder,
            self.policy,
            settings,
            clock,
            pagers,
            metrics,
            0
        )
        try await dispatcher.start()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static func open(
        _ folder: String,
        _ policy: OnCallPolicy,
        _ settings: PagingSettings,
        _ clock: ManualClock,
        _ pagers: FakePagers,
        _ metrics: MetricsRegistry,
        _ seed: UInt64
    ) throws -> (StateStore, Dispatcher, PagePipeline) {
        let store = try StateStore(path: folder + "/state.db")
        let dispatcher = Dispatcher(
            policy: policy,
            store: store,
            clock: clock,
            ids: TimeSortedNames(random: SeededGenerator(seed: seed)),
            log: .silent,
            metrics: metrics
        )
        let pipeline = PagePipeline(
            receivers: try ReceiverSet(policy, links: Scene.links, secrets: Scene.Secrets()),
            store: store,
            http: pagers,
            secondChannel: dispatcher,
            wake: dispatcher.pagesAdded,
            clock: clock,
            sleeper: SteppingSleeper(clock: clock),
            random: SeededGenerator(seed: seed),
            settings: settings,
            log: .silent,
            metrics: metrics
        )
        return (store, dispatcher, pipeline)
    }

    /// Forgets everything but the file, as a crash does.
    func restart() async throws {
        starts += 1
        (store, dispatcher, pipeline) = try Office.open(
            folder,
            policy,
            settings,
            clock,
            pagers,
            metrics,
            starts
        )
        try await dispatcher.start()
    }

    /// Lets time pass in steps, doing what is due.
    func pass(_ duration: Duration, step: Duration = .milliseconds(500)) async throws {
        let end = clock.now() + duration
        while clock.now() < end {
            clock.advance(by: step)
            try await dispatcher.tick(at: clock.now())
            try await pipeline.deliverDue(at: clock.now())
        }
    }

    func shows(_ line: String) -> Bool {
        metrics.exposition(.text).split(separator: "\n").contains { $0 == line }
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
