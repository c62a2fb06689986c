package import Model
import Timekeeping

/// All that the on-call file says, checked: every name is known and every escalation reaches somebody.
package struct OnCallPolicy: Sendable {
    /// When an alert that comes back belongs to the incident it had.
    package struct Flapping: Hashable, Sendable {
        /// An alert that fires again within this time after its incident was resolved reopens it.
        package var reopenWithin: Duration
        /// From this reopening on, the incident resolves only after `reopenWithin` of quiet.
        package var holdAfter: Int

        package init(reopenWithin: Duration = .seconds(600), holdAfter: Int = 3) {
            self.reopenWithin = reopenWithin
            self.holdAfter = holdAfter
        }
    }

    package var file: String
    package var receivers: [String: Receiver]
    package var people: [String: Person]
    package var schedules: [String: Schedule]
    package var escalations: [String: Escalation]
    /// One for each of P1 to P4.
    package var priorities: [Priority: PriorityPolicy]
    package var businessHours: BusinessHours
    package var flapping: Flapping
    package var routes: Route
    /// What is legal but worth a look, such as a priority without a second channel.
    package var notes: [Diagnostic]

    init(
        file: String,
        receivers: [Receiver],
        people: [Person],
        schedules: [Schedule],
        escalations: [Escalation],
        priorities: [PriorityPolicy],
        businessHours: BusinessHours,
        flapping: Flapping,
        routes: Route
    ) {
        func table<Value>(_ values: [Value], _ name: (Value) -> String) -> [String: Value] {
            Dictionary(values.map { (name($0), $0) }) { first, _ in first }
        }
        self.file = file
        self.receivers = table(receivers, \.name)
        self.people = table(people, \.name)
        self.schedules = table(schedules, \.name)
        self.escalations = table(escalations, \.name)
        self.priorities = Dictionary(priorities.map { ($0.priority, $0) }) { first, _ in first }
        self.businessHours = businessHours
        self.flapping = flapping
        self.routes = routes
        notes = []
    }

    /// The policy of a priority; the loader has checked that there is one for each.
    package func policy(_ priority: Priority) -> PriorityPolicy {
        guard let policy = priorities[priority] else {
            preconditionFailure("\(file) has no policy for \(priority)")
        }
        return policy
    }
}
