package import Model
package import OnCall
package import Telemetry
package import Timekeeping

/// Turns alert transitions into incidents and messages for the outbox.
///
/// Decides on a copy of what it knows, writes the decision in one transaction, and only then holds it true: an
/// error leaves everything as it was, and the same call may be made again. Decisions are made one at a time.
package actor Dispatcher {
    private var policy: OnCallPolicy
    private let store: any IncidentStoring
    private let clock: any WallClock
    private let names: any IncidentNaming
    private let settings: DispatchSettings
    private let log: Log
    private let metrics: IncidentMetrics
    private var book = IncidentBook()
    private var isLoaded = false
    private var lastPruning: Timestamp?
    /// Signalled when messages were added to the outbox.
    package nonisolated let pagesAdded = WakeSignal()
    private let deadlineMoved = WakeSignal()

    private var isDeciding = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(
        policy: OnCallPolicy,
        store: any IncidentStoring,
        clock: any WallClock,
        ids names: any IncidentNaming,
        settings: DispatchSettings = DispatchSettings(),
        log: Log,
        metrics: MetricsRegistry
    ) {
        self.policy = policy
        self.store = store
        self.clock = clock
        self.names = names
        self.settings = settings
        self.log = log
        self.metrics = IncidentMetrics(metrics)
    }

    /// Reads what was saved; every other call does so first when this was not called.
    package func start() async throws { try await exclusively {} }

    private func load() async throws {
        let kept = clock.now() - policy.flapping.reopenWithin
        let stored = try await store.loadIncidents(resolvedFrom: kept)
        book = IncidentBook(incidents: stored.incidents, cursors: stored.cursors)
        metrics.saved(IncidentChanges(), book: book)
        if !stored.incidents.isEmpty {
            log.info(
                "incidents are back from disk",
                ["open": "\(book.unresolvedCount)"]
            )
        }
        isLoaded = true
    }

    /// Uses another policy from now on; open incidents go on under it.
    package func reload(_ policy: OnCallPolicy) { self.policy = policy }

    // MARK: Alerts

    /// Takes one transition over; it is on disk when this returns.
    package func handle(_ transition: AlertTransition) async throws {
        try await handle([transition])
    }

    /// Takes transitions over in one transaction, in order.
    ///
    /// - Parameter transitions: As the rules gave them; those taken over before are passed by.
    /// - Throws: When they cannot be written; nothing is changed then, and all may be handed over again.
    package func handle(_ transitions: [AlertTransition]) async throws {
        guard !transitions.isEmpty else { return }
        try await exclusively {
            var decision = Decision(book: book, now: clock.now())
            for transition in transitions { take(transition, into: &decision) }
            try await commit(decision)
        }
    }

    private func take(_ transition: AlertTransition, into decision: inout Decision) {
        if let cursor = decision.book.cursors[transition.fingerprint], cursor.covers(transition) {
            metrics.repeated.add()
            return
        }
        decision.put(AlertCursor(transition))
        let known = decision.book.incident(ofAlert: transition.fingerprint)
        if let known, accepts(known, transition, at: decision.now) {
            metrics.applied.add()
            decision.advance(known, .alert(transition), policy: policy)
            return
        }
        guard transition.change.firingLevel != nil else {
            // Its incident is long over, or the alert fired before there was a store.
            metrics.unknown.add()
            return
        }
        metrics.applied.add()
        var destination = policy.routes.destination(
            of: transition.labels,
            fingerprint: transition.fingerprint
        )
        if let sharing = decision.book.incident(ofKey: destination.dedupKey),
            accepts(sharing, transition, at: decision.now)
        {
            decision.advance(sharing, .alert(transition), policy: policy)
            return
        }
        if decision.book.unresolvedCount >= settings.openMax {
            metrics.overflowed.add()
            destination = overflow(destination, transition.priority)
            if let collecting = decision.book.incident(ofKey: destination.dedupKey),
                collecting.state != .resolved
            {
                decision.advance(collecting, .alert(transition), policy: policy)
                return
            }
        }
        let (machine, actions) = IncidentStateMachine.open(
            names.next(at: decision.now),
            transition,
            to: destination,
            policy: policy,
            at: decision.now
        )
        decision.open(machine.incident, actions)
    }

    /// Whether a transition belongs to an incident: always while it is open; afterwards for a while, and as
    /// long as it is no new outbreak.
    private func accepts(
        _ incident: Incident,
        _ transition: AlertTransition,
        at now: Timestamp
    ) -> Bool {
        guard let resolvedAt = incident.resolvedAt, incident.state == .resolved,
            transition.change.firingLevel != nil
        else { return true }
        return now - resolvedAt <= policy.flapping.reopenWithin
    }

    private func overflow(
        _ destination: Route.Destination,
        _ priority: Priority
    ) -> Route.Destination {
        let labels: LabelSet = ["priority": "\(priority)"]
        return Route.Destination(
            dedupKey: "overflow/\(priority)",
            groupKey: "{}/overflow:\(labels)",
            groupLabels: labels,
            receivers: destination.receivers,
            escalation: nil
        )
    }

    // MARK: People

    /// Somebody takes an incident; its escalation stops.
    package func acknowledge(_ id: IncidentID, by person: String) async throws {
        try await act(on: id, .acknowledge(by: named(person)))
    }

    /// Somebody closes an incident.
    package func resolve(_ id: IncidentID, by person: String) async throws {
        try await act(on: id, .resolve(by: named(person)))
    }

    /// Nobody is notified for a while; then the escalation starts again.
    package func snooze(
        _ id: IncidentID,
        for duration: Duration,
        by person: String
    ) async throws {
        guard duration >= .seconds(1), duration <= settings.snoozeMax else {
            throw DispatchError.snoozeOutOfRange(
                seconds: duration.milliseconds / 1000,
                maxSeconds: settings.snoozeMax.milliseconds / 1000
            )
        }
        try await act(on: id, .snooze(until: clock.now() + duration, by: named(person)))
    }

    /// Writes into an incident's timeline; resolved ones take notes too.
    package func note(_ id: IncidentID, _ text: String, by person: String) async throws {
        guard text.count <= settings.noteCharactersMax else {
            throw DispatchError.textTooLong(
                characters: text.count,
                limit: settings.noteCharactersMax
            )
        }
        guard !text.isEmpty else { throw DispatchError.textEmpty("note") }
        try await act(on: id, .note(text, by: named(person)), takesResolved: true)
    }

    private func named(_ person: String) throws -> String {
        guard !person.isEmpty else { throw DispatchError.textEmpty("name of who acts") }
        guard person.count <= settings.nameCharactersMax else {
            throw DispatchError.textTooLong(
                characters: person.count,
                limit: settings.nameCharactersMax
            )
        }
        return person
    }

    private func act(
        on id: IncidentID,
        _ input: IncidentInput,
        takesResolved: Bool = false
    ) async throws {
        try await exclusively {
            var found = book.incidents[id]
            if found == nil { found = try await store.incident(id) }
            guard let incident = found else { throw DispatchError.unknownIncident(id) }
            guard takesResolved || incident.state != .resolved else {
                throw DispatchError.alreadyResolved(id)
            }
            var decision = Decision(book: book, now: clock.now())
            decision.advance(incident, input, policy: policy)
            try await commit(decision)
        }
    }

    // MARK: Delivery

    /// A page's receiver fails, or refuses it for good: the second channel is started when there is one.
    ///
    /// - Parameters:
    ///   - page: The page.
    ///   - reason: How it fails, in words that follow the receiver's name.
    /// - Throws: When the decision cannot be written; the page stays marked as failing.
    package func receiverFails(_ page: Page, reason: String) async throws {
        try await exclusively {
            var decision = Decision(book: book, now: clock.now())
            if let incident = book.incidents[page.incident.id] {
                decision.advance(incident, .receiverFails(page, reason), policy: policy)
            }
            decision.changes.settledFallbacks.append(page.id)
            try await commit(decision)
        }
    }

    // MARK: Time

    /// Does everything that is due: escalations, ends of snoozes, quiet times.
    ///
    /// A deadline that passed while nobody looked, however long ago, counts once.
    package func tick(at now: Timestamp) async throws {
        try await exclusively {
            var decision = Decision(book: book, now: now)
            let due = book.incidents.values.filter { ($0.deadline ?? .distantFuture) <= now }
            for incident in due.sorted(by: { ($0.priority, $0.id) < ($1.priority, $1.id) }) {
                decision.advance(incident, .tick, policy: policy)
            }
            try await commit(decision)
            try await prune(at: now)
        }
    }

    /// When `tick` has something to do next.
    package func nextDeadline() -> Timestamp? { book.incidents.values.compactMap(\.deadline).min() }

    /// Ticks at every deadline until the task is cancelled.
    package func run(sleeper: any Sleeper) async {
        while !Task.isCancelled {
            do {
                try await tick(at: clock.now())
            } catch {
                // What was due stays due and is tried again.
                log.error("deadlines could not be handled", ["error": "\(error)"])
                await deadlineMoved.wait(timeout: Dispatcher.retryAfter, sleeper: sleeper)
                continue
            }
            let now = clock.now()
            let wait = nextDeadline().map { max(.milliseconds(1), $0 - now) }
            await deadlineMoved.wait(
                timeout: min(wait ?? Dispatcher.idleWait, Dispatcher.idleWait),
                sleeper: sleeper
            )
        }
    }

    /// The wait before the next try when the store fails.
    private static let retryAfter = Duration.seconds(1)
    /// The clock may be set while waiting; it is looked at this often.
    private static let idleWait = Duration.seconds(30)
    private static let pruneEvery = Duration.seconds(3600)

    private func prune(at now: Timestamp) async throws {
        if let lastPruning, now - lastPruning < Dispatcher.pruneEvery { return }
        try await store.pruneIncidents(
            resolvedBefore: now - settings.keepResolved,
            cursorsBefore: now - settings.keepCursors
        )
        book.forget(
            resolvedBefore: now - policy.flapping.reopenWithin,
            cursorsBefore: now - settings.keepCursors
        )
        lastPruning = now
    }

    // MARK: Reading

    /// Incidents, the newest first.
    package func incidents(_ filter: IncidentFilter = IncidentFilter()) async throws -> [Incident] {
        guard !filter.includesResolved else { return try await store.incidents(filter) }
        if !isLoaded { try await start() }
        let open = book.incidents.values.filter {
            $0.state != .resolved && (filter.priority == nil || $0.priority == filter.priority)
        }
        return Array(open.sorted { $0.id > $1.id }.prefix(filter.limit))
    }

    /// One incident with its timeline, oldest event first; nil when there is none of that name.
    package func incident(
        _ id: IncidentID
    ) async throws -> (incident: Incident, timeline: [TimelineEvent])? {
        guard let incident = try await store.incident(id) else { return nil }
        return (incident, try await store.timeline(of: id))
    }

    // MARK: Deciding

    /// What is to become true, once it is written.
    private struct Decision {
        var book: IncidentBook
        let now: Timestamp
        var changes = IncidentChanges()
        private var touched: [IncidentID] = []
        private var opened: Set<IncidentID> = []

        init(book: IncidentBook, now: Timestamp) {
            self.book = book
            self.now = now
        }

        mutating func put(_ cursor: AlertCursor) {
            book.put(cursor)
            changes.cursors.append(cursor)
        }

        mutating func open(_ incident: Incident, _ actions: [IncidentAction]) {
            opened.insert(incident.id)
            touched.append(incident.id)
            perform(actions, of: incident)
        }

        mutating func advance(_ incident: Incident, _ input: IncidentInput, policy: OnCallPolicy) {
            var machine = IncidentStateMachine(incident, policy: policy)
            let actions = machine.advance(input, at: now)
            guard machine.incident != incident || !actions.isEmpty else { return }
            if !touched.contains(incident.id) { touched.append(incident.id) }
            perform(actions, of: machine.incident)
        }

        private mutating func perform(_ actions: [IncidentAction], of incident: Incident) {
            book.put(incident)
            for action in actions {
                switch action {
                case .record(let event): changes.events.append((incident.id, event))
                case .send(let page): changes.pages.append(page)
                case .withdraw(let reason):
                    // What this very decision has added is withdrawn here, what is on disk there.
                    changes.pages.removeAll {
                        $0.incident.id == incident.id && $0.isWithdrawable
                    }
                    changes.withdrawals.append(
                        .init(incident: incident.id, reason: reason, at: now)
                    )
                }
            }
        }

        /// The changes with the last state of every incident that was touched.
        func finished() -> IncidentChanges {
            var changes = changes
            for id in touched {
                guard let incident = book.incidents[id] else { continue }
                if opened.contains(id) {
                    changes.opened.append(incident)
                } else {
                    changes.updated.append(incident)
                }
            }
            return changes
        }
    }

    private func commit(_ decision: Decision) async throws {
        let changes = decision.finished()
        guard !changes.isEmpty else { return }
        do {
            try await store.saveIncidents(changes)
        } catch {
            metrics.storeErrors.add()
            throw error
        }
        book = decision.book
        metrics.saved(changes, book: book)
        write(changes)
        if !changes.pages.isEmpty { pagesAdded.signal() }
        deadlineMoved.signal()
    }

    private func write(_ changes: IncidentChanges) {
        for (id, event) in changes.events {
            switch event.kind {
            case .exhausted, .overdue, .undelivered:
                log.error(event.text, ["incident": id.text, "event": event.kind.rawValue])
            default:
                log.info(
                    event.text,
                    ["incident": id.text, "event": event.kind.rawValue, "by": event.by ?? "tocsin"]
                )
            }
        }
    }

    /// Runs decisions one after another, in the order they were asked for: an actor alone would let another
    /// in while the first waits for the disk.
    private func exclusively(_ body: () async throws -> Void) async throws {
        if isDeciding {
            await withCheckedContinuation { waiting.append($0) }
        }
        isDeciding = true
        defer {
            if waiting.isEmpty { isDeciding = false } else { waiting.removeFirst().resume() }
        }
        if !isLoaded { try await load() }
        try await body()
    }
}
