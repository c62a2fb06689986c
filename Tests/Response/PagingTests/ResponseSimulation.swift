import Foundation
import Incidents
import Model
import OnCall
import StateStore
import Telemetry
import TestSupport
import Timekeeping

@testable import Paging

/// Alerts that come and go, people who answer or not, pagers that fail, and a process that dies anywhere:
/// the whole of Response over a real state file, in virtual time, from a seed.
struct ResponseSimulation {
    /// The rules' side: what fires, numbered, and kept until it was taken.
    private struct Rules {
        var levels: [Int: AlertLevel] = [:]
        var blind: Set<Int> = []
        var sequence: Int64 = 0
        var untaken: [AlertTransition] = []
        var taken: [AlertTransition] = []
    }

    static let alertCount = 6

    private var random: SeededGenerator
    private let folder: String
    private let policy: OnCallPolicy
    private let clock = ManualClock(Scene.start)
    let pagers = FakePagers()
    private var rules = Rules()
    private var store: CrashingStore
    private(set) var state: StateStore
    private var dispatcher: Dispatcher
    private var pipeline: PagePipeline
    private(set) var crashes = 0

    init(seed: UInt64) async throws {
        random = SeededGenerator(seed: seed)
        folder = Scene.folder("simulation")
        policy = try Scene.policy(
            Scene.team.replacing(
                "P3: {escalation: default}",
                with: "P3: {escalation: default, hours: waking}"
            )
            .replacing(
                "routes: {receiver: chat}",
                with: Bool.random(using: &random)
                    ? "routes: {receiver: chat, group_by: [alertname]}" : "routes: {receiver: chat}"
            )
        )
        (state, store, dispatcher, pipeline) = try ResponseSimulation.open(
            folder,
            policy,
            clock,
            pagers,
            seed
        )
        try await dispatcher.start()
    }

    func cleanUp() throws { try FileManager.default.removeItem(atPath: folder) }

    private static func open(
        _ folder: String,
        _ policy: OnCallPolicy,
        _ clock: ManualClock,
        _ pagers: FakePagers,
        _ seed: UInt64
    ) throws -> (StateStore, CrashingStore, Dispatcher, PagePipeline) {
        let state = try StateStore(path: folder + "/state.db")
        let store = CrashingStore(state)
        let metrics = MetricsRegistry()
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
            sleeper: MortalSleeper(store: store),
            random: SeededGenerator(seed: seed),
            log: .silent,
            metrics: metrics
        )
        return (state, store, dispatcher, pipeline)
    }

    /// Sleeps no time; the dead do not sleep.
    private struct MortalSleeper: Sleeper {
        let store: CrashingStore

        func sleep(for duration: Duration) async throws {
            if store.isDead { throw CancellationError() }
            await Task.yield()
        }
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    // MARK: One step

    mutating func step() async throws {
        clock.advance(by: .milliseconds(Int64.random(in: 100...90_000, using: &random)))
        if chance(10) { clock.advance(by: .seconds(3600)) }
        changePagers()
        changeAlerts()
        if chance(25) {
            store.crash(
                afterCalls: Int.random(in: 0...6, using: &random),
                afterwards: chance(50)
            )
        }
        do {
            try await work()
        } catch is CrashingStore.Crashed {
            // The next line starts anew.
        }
        if store.isDead { try await restart() }
    }

    private mutating func work() async throws {
        try await handOver()
        if chance(30) { try await answer() }
        try await dispatcher.tick(at: clock.now())
        try await pipeline.deliverDue(at: clock.now())
    }

    private mutating func restart() async throws {
        crashes += 1
        (state, store, dispatcher, pipeline) = try ResponseSimulation.open(
            folder,
            policy,
            clock,
            pagers,
            UInt64(crashes) &* 7919
        )
        try await dispatcher.start()
        // The rules do not know what was taken last, and hand over some of it again.
        let again = Int.random(in: 0...min(5, rules.taken.count), using: &random)
        rules.untaken = rules.taken.suffix(again) + rules.untaken
    }

    private mutating func changePagers() {
        for host in ["phone.test", "mail.test", "duty.test", "chat.test"] where chance(30) {
            let behaviours: [FakePagers.Behaviour] = [
                .answer(200), .answer(202), .answer(500), .answer(503),
                .answer(429, headers: [(name: "retry-after", value: "5")]), .silence, .unreachable,
                .takesAndBreaks,
            ]
            pagers.set(host, behaviours[Int.random(in: 0..<behaviours.count, using: &random)])
        }
    }

    private mutating func changeAlerts() {
        for index in 0..<ResponseSimulation.alertCount where chance(20) {
            switch rules.levels[index] {
            case nil: emit(.fired(chance(50) ? .crit : .warn), index)
            case let level?:
                switch Int.random(in: 0...3, using: &random) {
                case 0: emit(.resolved, index)
                case 1: emit(.levelChanged(from: level, to: level == .crit ? .warn : .crit), index)
                case 2 where !rules.blind.contains(index): emit(.blind("late"), index)
                default:
                    if rules.blind.contains(index) { emit(.sighted, index) }
                }
            }
        }
    }

    private mutating func emit(_ change: AlertTransition.Change, _ index: Int) {
        switch change {
        case .fired(let level), .levelChanged(_, let level): rules.levels[index] = level
        case .resolved:
            rules.levels[index] = nil
            rules.blind.remove(index)
        case .blind: rules.blind.insert(index)
        case .sighted: rules.blind.remove(index)
        }
        rules.sequence += 1
        let isCritical = rules.levels[index] == .crit
        let priority: Priority =
            index < 2 ? (isCritical ? .p1 : .p2) : index < 4 ? (isCritical ? .p2 : .p3) : .p4
        rules.untaken.append(
            Scene.alert(
                change,
                priority,
                service: "\(index)",
                at: clock.now(),
                sequence: rules.sequence
            )
        )
    }

    private mutating func handOver() async throws {
        while !rules.untaken.isEmpty {
            let batch = Array(rules.untaken.prefix(Int.random(in: 1...4, using: &random)))
            try await dispatcher.handle(batch)
            rules.untaken.removeFirst(batch.count)
            rules.taken += batch
        }
    }

    private mutating func answer() async throws {
        let open = try await dispatcher.incidents().sorted { $0.id < $1.id }
        guard !open.isEmpty else { return }
        let id = open[Int.random(in: 0..<open.count, using: &random)].id
        switch Int.random(in: 0...5, using: &random) {
        case 0: try await dispatcher.resolve(id, by: "ann")
        case 1: try await dispatcher.snooze(id, for: .seconds(1200), by: "ann")
        case 2: try await dispatcher.note(id, "looking", by: "ann")
        default: try await dispatcher.acknowledge(id, by: "ann")
        }
    }

    // MARK: The end

    /// Every alert ends, every pager works, and time passes until all is quiet.
    mutating func finish() async throws {
        store.spare()
        for index in 0..<ResponseSimulation.alertCount where rules.levels[index] != nil {
            emit(.resolved, index)
        }
        for host in ["phone.test", "mail.test", "duty.test", "chat.test"] {
            pagers.set(host, .answer(200))
        }
        try await handOver()
        for _ in 0..<200 {
            clock.advance(by: .seconds(61))
            try await dispatcher.tick(at: clock.now())
            while try await pipeline.deliverDue(at: clock.now()) > 0 {}
        }
    }

    /// What is wrong after `finish`; empty when every promise was kept.
    func brokenPromises() async throws -> [String] {
        var broken: [String] = []
        let incidents = try await state.incidents(
            IncidentFilter(includesResolved: true, limit: .max)
        )
        let deliveries = try await state.deliveries(DeliveryFilter(limit: .max))
        for incident in incidents {
            let id = incident.id
            if incident.state != .resolved {
                broken.append("\(id) is \(incident.state) at the end")
            }
            let timeline = try await state.timeline(of: id)
            let pages = deliveries.filter { $0.page.incident.id == id }
            let opened = pages.filter { $0.page.kind == .opened && $0.page.secondChannelOf == nil }
            for page in opened where page.state != .delivered {
                broken.append("\(page.page.id) (opened) is \(page.state)")
            }
            if opened.isEmpty { broken.append("\(id) was opened and nobody was told") }
            broken += doubled(id, timeline, pages)
        }
        for delivery in deliveries where delivery.state == .pending || delivery.state == .dead {
            broken.append("\(delivery.page.id) is \(delivery.state): \(delivery.reason ?? "")")
        }
        return broken + brokenOrder(deliveries)
    }

    /// No step of an escalation is taken twice, and each decision to page is one page a receiver.
    private func doubled(
        _ id: IncidentID,
        _ timeline: [TimelineEvent],
        _ pages: [Delivery]
    ) -> [String] {
        var broken: [String] = []
        var steps: Set<String> = []
        for event in timeline {
            switch event.kind {
            case .paged: steps = [event.text]
            case .escalated where !steps.insert(event.text).inserted:
                broken.append("\(id) took a step twice: \(event.text)")
            default: break
            }
        }
        func count(_ kind: TimelineEvent.Kind) -> Int { timeline.count { $0.kind == kind } }
        for (kind, decisions) in [
            (Page.Kind.opened, 1), (.raised, count(.raised)), (.reopened, count(.reopened)),
            (.escalated, count(.escalated)), (.reminded, count(.snoozeEnded)),
        ] {
            for receiver in ["phone", "mail", "duty", "chat"] {
                let sent = pages.count {
                    $0.page.kind == kind && $0.page.receiver == receiver
                        && $0.page.secondChannelOf == nil
                }
                if sent > decisions {
                    broken.append(
                        "\(id): \(sent) \(kind) pages to \(receiver), \(decisions) decisions"
                    )
                }
            }
        }
        return broken
    }

    /// What receivers saw: one body for each id, each lane in order, PagerDuty's ends after their beginnings.
    private func brokenOrder(_ deliveries: [Delivery]) -> [String] {
        var broken: [String] = []
        var bodies: [String: [UInt8]] = [:]
        var numbers: [String: Int] = [:]
        var triggered: Set<Substring> = []
        for request in pagers.requests {
            if request.host == "duty.test" {
                let words = request.id.split(separator: " ")
                if words[1] == "trigger" {
                    if request.wasTaken { triggered.insert(words[0]) }
                } else if !triggered.contains(words[0]) {
                    broken.append("\(request.id) before its trigger was taken")
                }
                continue
            }
            if let body = bodies[request.id], body != request.body {
                broken.append("\(request.id) has two bodies")
            }
            bodies[request.id] = request.body
            let parts = request.id.split(separator: "-")
            let lane = "\(request.host) \(parts[1])"
            let number = Int(parts[2]) ?? 0
            if number < numbers[lane] ?? 0 {
                broken.append("\(request.id) comes late to \(request.host)")
            }
            numbers[lane] = number
        }
        return broken
    }

    /// Alerts that fire and that no open incident has, though nobody closed it; and the reverse.
    func forgottenAlerts() async throws -> [String] {
        guard rules.untaken.isEmpty else { return [] }
        let incidents = try await state.incidents(
            IncidentFilter(includesResolved: true, limit: .max)
        )
        let open = incidents.filter { $0.state != .resolved }
        return (0..<ResponseSimulation.alertCount).compactMap { index in
            let fingerprint = Scene.alert(.sighted, service: "\(index)").fingerprint
            func firing(_ list: [Incident]) -> Bool {
                list.contains { incident in
                    incident.alerts.contains { $0.fingerprint == fingerprint && $0.isFiring }
                }
            }
            let isFiring = rules.levels[index] != nil
            if isFiring, !firing(incidents) { return "alert \(index) fires and no incident has it" }
            if !isFiring, firing(open) {
                return "alert \(index) is over and an incident still has it"
            }
            return nil
        }
    }
}
