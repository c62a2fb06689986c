package import Model

/// What happens to incidents of one priority.
package struct PriorityPolicy: Hashable, Sendable {
    package enum Response: Hashable, Sendable {
        case within(Duration)
        /// By the end of the next business day.
        case nextBusinessDay
    }

    package enum Plan: Hashable, Sendable {
        /// The escalation of this name.
        case escalation(String)
        /// Nobody is disturbed; told once, when the next business day begins, if it is still open then.
        case digest
    }

    package enum Hours: String, Hashable, Sendable, CaseIterable {
        case always
        /// People are notified in their waking hours; receivers without a person at any time.
        case waking
    }

    package var priority: Priority
    package var response: Response
    package var plan: Plan
    package var hours: Hours
    package var location: SourceLocation

    package init(
        priority: Priority,
        response: Response,
        plan: Plan,
        hours: Hours,
        location: SourceLocation
    ) {
        self.priority = priority
        self.response = response
        self.plan = plan
        self.hours = hours
        self.location = location
    }
}
