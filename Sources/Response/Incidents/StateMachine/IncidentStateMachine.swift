package import Model
package import OnCall
package import Timekeeping

/// The life of one incident: open, escalated, acknowledged, resolved, and back again.
///
/// Reads no clock and does nothing by itself. The rules:
/// - One incident is one story. It pages when it opens, when it gets more urgent or critical than ever before,
///   when the escalation moves on, when it comes back after it was resolved, and when a snooze ends; never
///   twice for the same of these.
/// - An alert that cannot be seen holds the incident: nothing is resolved by not looking.
/// - Coming back within `flapping.reopenWithin` reopens the incident and pages again, for everybody was told
///   that it was over. After `flapping.holdAfter` such times it is only resolved after as long a quiet.
/// - Resolved by a person while alerts still fire, it opens again when one of them gets worse.
package struct IncidentStateMachine: Sendable {
    package private(set) var incident: Incident
    private let policy: OnCallPolicy
    private var actions: [IncidentAction] = []

    /// Events of one timeline; beyond it only what matters is recorded.
    package static let eventsMax = 1000

    package init(_ incident: Incident, policy: OnCallPolicy) {
        self.incident = incident
        self.policy = policy
    }

    /// A new incident for an alert that fires.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - transition: The alert; it says that it fires.
    ///   - destination: Where the routes send it.
    ///   - policy: Who is on call.
    ///   - now: Wall time.
    /// - Returns: The machine, and what follows from the opening.
    package static func open(
        _ id: IncidentID,
        _ transition: AlertTransition,
        to destination: Route.Destination,
        policy: OnCallPolicy,
        at now: Timestamp
    ) -> (machine: IncidentStateMachine, actions: [IncidentAction]) {
        let level = transition.change.firingLevel ?? .crit
        let incident = Incident(
            id: id,
            dedupKey: destination.dedupKey,
            groupKey: destination.groupKey,
            groupLabels: destination.groupLabels,
            state: .open,
            priority: transition.priority,
            peakLevel: level,
            alerts: [IncidentAlert(transition, level: level)],
            openedAt: now,
            updatedAt: now,
            respondBy: policy.respondBy(transition.priority, openedAt: now),
            isOverdue: false,
            reopenings: 0,
            routedEscalation: destination.escalation,
            routeReceivers: destination.receivers,
            told: [],
            pageCount: 0,
            eventCount: 0
        )
        var machine = IncidentStateMachine(incident, policy: policy)
        machine.record(.opened, transition.summary, at: now)
        machine.call(.opened, at: now)
        let actions = machine.taken()
        return (machine, actions)
    }

    /// Takes in what happened and returns what is to be done, in order.
    package mutating func advance(_ input: IncidentInput, at now: Timestamp) -> [IncidentAction] {
        switch input {
        case .alert(let transition): take(transition, at: now)
        case .acknowledge(let person): acknowledge(person, at: now)
        case .resolve(let person): resolve(by: person, at: now)
        case .snooze(let end, let person): snooze(until: end, by: person, at: now)
        case .note(let text, let person): record(.note, text, by: person, at: now)
        case .tick: tick(at: now)
        case .receiverFails(let page, let reason): receiverFails(page, reason, at: now)
        }
        if !actions.isEmpty { incident.updatedAt = now }
        return taken()
    }

    private mutating func taken() -> [IncidentAction] {
        defer { actions = [] }
        return actions
    }

    // MARK: Alerts

    private mutating func take(_ transition: AlertTransition, at now: Timestamp) {
        let index = incident.alerts.firstIndex { $0.fingerprint == transition.fingerprint }
        switch transition.change {
        case .fired(let level), .levelChanged(_, let level):
            if incident.state == .resolved {
                reopen(transition, level: level, knownAt: index, at: now)
            } else {
                fire(transition, level: level, knownAt: index, at: now)
            }
        case .resolved:
            guard let index, incident.alerts[index].isFiring else { return }
            incident.alerts[index].resolvedAt = transition.at
            incident.alerts[index].updatedAt = transition.at
            incident.alerts[index].blind = nil
            alertResolved(incident.alerts[index], at: now)
        case .blind(let reason):
            guard let index, incident.alerts[index].isFiring,
                incident.alerts[index].blind != reason
            else { return }
            incident.alerts[index].blind = reason
            let name = incident.alerts[index].alertName
            record(.blind, "\(name) cannot be seen, its state is held: \(reason)", at: now)
        case .sighted:
            guard let index, incident.alerts[index].blind != nil else { return }
            incident.alerts[index].blind = nil
            record(.sighted, "\(incident.alerts[index].alertName) can be seen again", at: now)
        }
    }

    private mutating func fire(
        _ transition: AlertTransition,
        level: AlertLevel,
        knownAt index: Int?,
        at now: Timestamp
    ) {
        let isSettling = incident.quietUntil != nil
        incident.quietUntil = nil
        var text = transition.summary
        var kind = TimelineEvent.Kind.alertAdded
        if let index, incident.alerts[index].isFiring {
            let before = incident.alerts[index].level
            incident.alerts[index].update(transition, level: level)
            if before == level, !isMoreUrgent(transition.priority, level) { return }
            kind = .levelChanged
            text = "\(before.rawValue) to \(level.rawValue): \(transition.summary)"
        } else if let index {
            incident.alerts[index] = IncidentAlert(transition, level: level)
        } else {
            incident.alerts.append(IncidentAlert(transition, level: level))
        }
        guard isMoreUrgent(transition.priority, level) else {
            record(kind, text, at: now)
            if kind == .alertAdded, !isSettling { tell(.updated, at: now) }
            return
        }
        raise(to: transition.priority, level, transition.summary, at: now)
        call(.raised, at: now)
    }

    private func isMoreUrgent(_ priority: Priority, _ level: AlertLevel) -> Bool {
        priority < incident.priority || level > incident.peakLevel
    }

    private mutating func raise(
        to priority: Priority,
        _ level: AlertLevel,
        _ summary: String,
        at now: Timestamp
    ) {
        let before = incident.priority
        incident.priority = min(incident.priority, priority)
        incident.peakLevel = max(incident.peakLevel, level)
        forgetAnswer()
        incident.respondBy = policy.respondBy(incident.priority, openedAt: now)
        incident.isOverdue = false
        let change = before == incident.priority ? "\(before)" : "\(before) to \(incident.priority)"
        record(.raised, "\(change), \(level.rawValue): \(summary)", at: now)
    }

    /// Whoever took the incident took a lesser one, or one that was over.
    private mutating func forgetAnswer() {
        incident.state = .open
        incident.acknowledgedAt = nil
        incident.acknowledgedBy = nil
        incident.snoozedUntil = nil
    }

    private mutating func reopen(
        _ transition: AlertTransition,
        level: AlertLevel,
        knownAt index: Int?,
        at now: Timestamp
    ) {
        let wasFiring = index.map { incident.alerts[$0].isFiring } ?? false
        let isWorse = index.map { incident.alerts[$0].level < level } ?? true
        if wasFiring, let index {
            incident.alerts[index].update(transition, level: level)
            // A person closed it knowing that the alert fires; only worse news opens it again.
            guard isWorse || isMoreUrgent(transition.priority, level) else { return }
        } else if let index {
            incident.alerts[index] = IncidentAlert(transition, level: level)
        } else {
            incident.alerts.append(IncidentAlert(transition, level: level))
        }
        incident.alerts.removeAll { !$0.isFiring }
        incident.resolvedAt = nil
        incident.resolvedBy = nil
        incident.reopenings += 1
        incident.priority = min(incident.priority, transition.priority)
        incident.peakLevel = max(incident.peakLevel, level)
        forgetAnswer()
        incident.respondBy = policy.respondBy(incident.priority, openedAt: now)
        incident.isOverdue = false
        record(.reopened, "came back: \(transition.summary)", at: now)
        call(.reopened, at: now)
    }

    private mutating func alertResolved(_ alert: IncidentAlert, at now: Timestamp) {
        guard incident.state != .resolved else {
            record(.alertResolved, "\(alert.summary) is over", at: now)
            return
        }
        guard incident.alerts.allSatisfy({ !$0.isFiring }) else {
            record(.alertResolved, "\(alert.summary) is over, others still fire", at: now)
            tell(.updated, at: now)
            return
        }
        guard incident.reopenings < policy.flapping.holdAfter else {
            let end = now + policy.flapping.reopenWithin
            incident.quietUntil = end
            record(
                .flapping,
                "all alerts are over, but they came back \(incident.reopenings) times: "
                    + "resolved only when it stays quiet until \(end.rfc3339)",
                at: now
            )
            return
        }
        resolve(by: nil, at: now)
    }

    // MARK: People

    private mutating func acknowledge(_ person: String, at now: Timestamp) {
        guard incident.state != .acknowledged || incident.snoozedUntil != nil else {
            record(.acknowledged, "acknowledged once more", by: person, at: now)
            return
        }
        let wasUnanswered = incident.isUnanswered
        incident.state = .acknowledged
        incident.acknowledgedAt = now
        incident.acknowledgedBy = person
        incident.snoozedUntil = nil
        incident.progress = nil
        record(.acknowledged, "acknowledged", by: person, at: now)
        if wasUnanswered { answered("acknowledged by \(person)", at: now) }
    }

    private mutating func snooze(until end: Timestamp, by person: String, at now: Timestamp) {
        let wasUnanswered = incident.isUnanswered
        incident.state = .acknowledged
        incident.acknowledgedAt = now
        incident.acknowledgedBy = person
        incident.snoozedUntil = end
        incident.progress = nil
        record(.snoozed, "quiet until \(end.rfc3339)", by: person, at: now)
        if wasUnanswered { answered("snoozed by \(person)", at: now) }
    }

    private mutating func answered(_ reason: String, at now: Timestamp) {
        withdrawCalls(reason)
        tell(.acknowledged, at: now)
    }

    private mutating func resolve(by person: String?, at now: Timestamp) {
        let firing = incident.alerts.count { $0.isFiring }
        incident.state = .resolved
        incident.resolvedAt = now
        incident.resolvedBy = person
        incident.snoozedUntil = nil
        incident.quietUntil = nil
        incident.progress = nil
        var text = "resolved"
        if firing > 0 { text += " while \(firing) of its alerts still fire" }
        record(.resolved, text, by: person, at: now)
        withdrawCalls(person.map { "resolved by \($0)" } ?? "resolved")
        tell(.resolved, at: now)
    }

    private mutating func withdrawCalls(_ reason: String) {
        actions.append(.withdraw(reason: "the incident was \(reason)"))
    }

    // MARK: Time

    private mutating func tick(at now: Timestamp) {
        if let end = incident.snoozedUntil, end <= now {
            forgetAnswer()
            incident.respondBy = policy.respondBy(incident.priority, openedAt: now)
            incident.isOverdue = false
            record(.snoozeEnded, "the snooze has ended", at: now)
            call(.reminded, at: now)
        }
        if let end = incident.quietUntil, end <= now { resolve(by: nil, at: now) }
        guard incident.isUnanswered else { return }
        if !incident.isOverdue, incident.respondBy <= now {
            incident.isOverdue = true
            record(
                .overdue,
                "nobody has acknowledged by \(incident.respondBy.rfc3339)",
                at: now
            )
        }
        guard let progress = incident.progress, progress.at <= now else { return }
        guard let position = progress.position else {
            incident.progress = nil
            record(.exhausted, "every step was taken and nobody has acknowledged", at: now)
            return
        }
        takeStep(position, kind: progress.kind, at: now)
    }

    // MARK: Calling

    /// Tells the route's receivers and starts the escalation from its first step.
    private mutating func call(_ kind: Page.Kind, at now: Timestamp) {
        incident.progress = nil
        guard
            let escalation = policy.escalation(
                for: incident.priority,
                routed: incident.routedEscalation
            )
        else {
            let opening = policy.businessHours.nextOpening(after: now)
            tellRoute(kind, except: [], at: now)
            incident.progress = .init(position: .first, at: opening, kind: .digest)
            record(.deferred, "told with the digest at \(opening.rfc3339)", at: now)
            return
        }
        let hours = policy.policy(incident.priority).hours
        let allowed = policy.firstAllowed(escalation, step: 0, hours: hours, from: now)
        guard allowed <= now else {
            tellRoute(kind, except: [], at: now)
            incident.progress = .init(position: .first, at: allowed, kind: kind)
            record(
                .deferred,
                "\(incident.priority) is told in waking hours, at \(allowed.rfc3339)",
                at: now
            )
            return
        }
        let called = takeStep(.first, kind: kind, at: now)
        tellRoute(kind, except: called, at: now)
    }

    /// Notifies whom a step names and returns their receivers.
    @discardableResult
    private mutating func takeStep(
        _ position: Escalation.Position,
        kind: Page.Kind,
        at now: Timestamp
    ) -> [String] {
        let routed = policy.escalation(for: incident.priority, routed: incident.routedEscalation)
        let isDigest = routed == nil
        guard let escalation = routed ?? policy.digestEscalation else {
            incident.progress = nil
            return []
        }
        let hours = policy.policy(incident.priority).hours
        let contacts = policy.contacts(escalation, step: position.step, hours: hours, at: now)
        if position > .first { incident.state = .escalated }
        incident.progress = isDigest ? nil : next(escalation, after: position, hours, from: now)
        let names = contacts.map { contact in
            (contact.people.isEmpty ? contact.targets : contact.people).joined(separator: " and ")
                + " by \(contact.receiver)"
        }
        let step = "step \(position.step + 1) of \(escalation.name)"
        let round = position.round > 0 ? ", round \(position.round + 1)" : ""
        record(
            position > .first ? .escalated : .paged,
            contacts.isEmpty
                ? "\(step)\(round) is no longer in the on-call file, nobody to notify"
                : "\(step)\(round): \(names.joined(separator: ", "))",
            at: now
        )
        for contact in contacts {
            send(
                kind,
                to: contact.receiver,
                people: contact.people,
                targets: contact.targets,
                fallbacks: contact.fallbacks,
                at: now
            )
        }
        return contacts.map(\.receiver)
    }

    private func next(
        _ escalation: Escalation,
        after position: Escalation.Position,
        _ hours: PriorityPolicy.Hours,
        from now: Timestamp
    ) -> Incident.Progress {
        guard let next = escalation.next(after: position) else {
            return .init(position: nil, at: now + escalation.repeatAfter, kind: .escalated)
        }
        let allowed = policy.firstAllowed(
            escalation,
            step: next.position.step,
            hours: hours,
            from: now + next.wait
        )
        return .init(position: next.position, at: allowed, kind: .escalated)
    }

    private mutating func tellRoute(
        _ kind: Page.Kind,
        except called: [String],
        at now: Timestamp
    ) {
        for receiver in incident.routeReceivers
        where !called.contains(receiver) && policy.receivers[receiver] != nil {
            send(kind, to: receiver, people: [], targets: [], fallbacks: [], at: now)
        }
    }

    /// Tells every receiver that knows of the incident.
    private mutating func tell(_ kind: Page.Kind, at now: Timestamp) {
        for receiver in incident.told {
            send(kind, to: receiver, people: [], targets: [], fallbacks: [], at: now)
        }
    }

    private mutating func receiverFails(_ page: Page, _ reason: String, at now: Timestamp) {
        guard incident.isUnanswered, page.kind.isCall else { return }
        let known = page.fallbacks.filter { policy.receivers[$0] != nil }
        guard let receiver = known.first else {
            record(.undelivered, "\(page.receiver) \(reason); there is no second channel", at: now)
            return
        }
        record(.secondChannel, "\(page.receiver) \(reason); trying \(receiver)", at: now)
        send(
            page.kind,
            to: receiver,
            people: page.people,
            targets: page.targets,
            fallbacks: Array(known.dropFirst()),
            secondChannelOf: page.id,
            at: now
        )
    }

    private mutating func send(
        _ kind: Page.Kind,
        to receiver: String,
        people: [String],
        targets: [String],
        fallbacks: [String],
        secondChannelOf: String? = nil,
        at now: Timestamp
    ) {
        incident.pageCount += 1
        if !incident.told.contains(receiver) { incident.told.append(receiver) }
        incident.updatedAt = now
        var snapshot = incident
        snapshot.alerts = Array(snapshot.alerts.prefix(Page.alertsMax))
        actions.append(
            .send(
                Page(
                    id: "\(incident.id)-\(incident.pageCount)",
                    number: incident.pageCount,
                    kind: kind,
                    receiver: receiver,
                    people: people,
                    targets: targets,
                    fallbacks: fallbacks,
                    secondChannelOf: secondChannelOf,
                    createdAt: now,
                    incident: snapshot,
                    omittedAlerts: incident.alerts.count - snapshot.alerts.count
                )
            )
        )
    }

    private mutating func record(
        _ kind: TimelineEvent.Kind,
        _ text: String,
        by person: String? = nil,
        at now: Timestamp
    ) {
        guard incident.eventCount < IncidentStateMachine.eventsMax || !kind.isDetail else { return }
        incident.eventCount += 1
        actions.append(.record(TimelineEvent(at: now, kind: kind, text: text, by: person)))
    }
}

extension AlertTransition.Change {
    /// The level at which the alert fires after the change; nil when it does not say.
    var firingLevel: AlertLevel? {
        switch self {
        case .fired(let level), .levelChanged(_, let level): level
        case .resolved, .blind, .sighted: nil
        }
    }
}
