package import Model
package import Timekeeping

/// One notification of an escalation that nobody acknowledges.
package struct ReachedStep: Hashable, Sendable {
    package var at: Timestamp
    package var position: Escalation.Position
    package var contacts: [Contact]
}

extension OnCallPolicy {
    /// Who would be notified when, if an incident opened at a moment and nobody acknowledged it.
    ///
    /// - Parameters:
    ///   - priority: The incident's.
    ///   - routed: The escalation that its route names.
    ///   - openedAt: When it opens.
    /// - Returns: In order of time. For a digest its one message.
    package func simulate(
        _ priority: Priority,
        routed: String? = nil,
        openedAt: Timestamp
    ) -> [ReachedStep] {
        let hours = policy(priority).hours
        var at = openedAt
        var plan = escalation(for: priority, routed: routed)
        let isDigest = plan == nil
        if plan == nil {
            plan = digestEscalation
            at = businessHours.nextOpening(after: openedAt)
        }
        guard let escalation = plan else { return [] }
        var position: Escalation.Position? = .first
        var reached: [ReachedStep] = []
        while let current = position {
            at = firstAllowed(escalation, step: current.step, hours: hours, from: at)
            reached.append(
                ReachedStep(
                    at: at,
                    position: current,
                    contacts: contacts(escalation, step: current.step, hours: hours, at: at)
                )
            )
            guard !isDigest, let next = escalation.next(after: current) else { break }
            position = next.position
            at = at + next.wait
        }
        return reached
    }

    /// Whose first step gets the digest: the escalation of the least urgent priority that has one.
    package var digestEscalation: Escalation? {
        for priority in Priority.allCases.reversed() {
            if case .escalation(let name) = policy(priority).plan { return escalations[name] }
        }
        return nil
    }
}
