package import Model
package import Timekeeping

/// One receiver that a step of an escalation notifies, with the people it stands for.
package struct Contact: Hashable, Sendable, Codable {
    /// What the file names: `schedule/primary`.
    package var targets: [String]
    /// Empty for a receiver that is notified without a person.
    package var people: [String]
    /// The receiver to send to first.
    package var receiver: String
    /// Receivers to try when that one fails, in order.
    package var fallbacks: [String]

    package init(targets: [String], people: [String], receiver: String, fallbacks: [String]) {
        self.targets = targets
        self.people = people
        self.receiver = receiver
        self.fallbacks = fallbacks
    }
}

extension OnCallPolicy {
    /// The escalation of an incident.
    ///
    /// - Parameters:
    ///   - priority: The incident's.
    ///   - routed: The escalation that the route names; it holds unless the file has dropped it since.
    /// - Returns: Nil when the incident waits for the digest.
    package func escalation(for priority: Priority, routed: String?) -> Escalation? {
        if let routed, let escalation = escalations[routed] { return escalation }
        switch policy(priority).plan {
        case .digest: return nil
        case .escalation(let name): return escalations[name]
        }
    }

    /// By when somebody must have acknowledged an incident that opened at a moment.
    package func respondBy(_ priority: Priority, openedAt: Timestamp) -> Timestamp {
        switch policy(priority).response {
        case .within(let duration): openedAt + duration
        case .nextBusinessDay: businessHours.endOfNextDay(after: openedAt)
        }
    }

    /// Whom a step of an escalation notifies at a moment, each receiver once.
    ///
    /// With `hours: waking` those who sleep are left out, unless that would leave nobody. The way round a
    /// failing receiver leads first over the person's other contacts, then over those of the following steps.
    package func contacts(
        _ escalation: Escalation,
        step: Int,
        hours: PriorityPolicy.Hours,
        at moment: Timestamp
    ) -> [Contact] {
        guard escalation.steps.indices.contains(step) else { return [] }
        let all = escalation.steps[step].targets.map { reached($0, at: moment) }
        let awake = all.filter { reached in
            hours == .always
                || reached.person.flatMap { people[$0] }?.waking.contains(moment) ?? true
        }
        let later = escalation.steps[(step + 1)...].flatMap { step in
            step.targets.flatMap { reached($0, at: moment).receivers }
        }
        var contacts: [Contact] = []
        for (target, person, receivers) in awake.isEmpty ? all : awake {
            guard let receiver = receivers.first else { continue }
            let index =
                contacts.firstIndex { $0.receiver == receiver } ?? contacts.endIndex
            if index == contacts.endIndex {
                contacts.append(
                    Contact(targets: [], people: [], receiver: receiver, fallbacks: [])
                )
            }
            contacts[index].targets.append(target.description)
            if let person, !contacts[index].people.contains(person) {
                contacts[index].people.append(person)
            }
            for candidate in receivers.dropFirst()
            where candidate != receiver && !contacts[index].fallbacks.contains(candidate) {
                contacts[index].fallbacks.append(candidate)
            }
        }
        for index in contacts.indices {
            for candidate in later
            where candidate != contacts[index].receiver
                && !contacts[index].fallbacks.contains(candidate)
            {
                contacts[index].fallbacks.append(candidate)
            }
        }
        return contacts
    }

    /// The first moment from `moment` on at which the hours let a step notify somebody.
    ///
    /// Receivers without a person may be notified at any time. With people, it is the first moment at which
    /// whoever is on call then is awake.
    package func firstAllowed(
        _ escalation: Escalation,
        step: Int,
        hours: PriorityPolicy.Hours,
        from moment: Timestamp
    ) -> Timestamp {
        guard hours == .waking, escalation.steps.indices.contains(step) else { return moment }
        return escalation.steps[step].targets.map { firstAwake($0, from: moment) }.min() ?? moment
    }

    /// Who is on call on a schedule; nil for an unknown schedule.
    package func onCall(_ schedule: String, at moment: Timestamp) -> Schedule.Shift? {
        schedules[schedule]?.shift(at: moment)
    }

    private typealias Reached = (target: Escalation.Target, person: String?, receivers: [String])

    private func reached(_ target: Escalation.Target, at moment: Timestamp) -> Reached {
        switch target {
        case .receiver(let name): return (target, nil, [name])
        case .person(let name): return (target, name, people[name]?.contact ?? [])
        case .schedule(let name):
            let person = schedules[name]?.shift(at: moment).person
            return (target, person, person.flatMap { people[$0]?.contact } ?? [])
        }
    }

    /// Handoffs that are looked at for somebody who is awake.
    private static let handoffsMax = 100

    private func firstAwake(_ target: Escalation.Target, from moment: Timestamp) -> Timestamp {
        switch target {
        case .receiver: return moment
        case .person(let name): return people[name]?.waking.next(from: moment) ?? moment
        case .schedule(let name):
            guard let schedule = schedules[name] else { return moment }
            var candidate = moment
            for _ in 0..<OnCallPolicy.handoffsMax {
                let shift = schedule.shift(at: candidate)
                guard let person = people[shift.person] else { return candidate }
                let awake = person.waking.next(from: candidate)
                if awake < shift.to { return awake }
                candidate = shift.to
            }
            return candidate
        }
    }
}
