import Model
import Spelling
import Timekeeping
import YAML

/// Proves who is reached: every name is known, every escalation ends at receivers.
struct OnCallChecker {
    let policy: OnCallPolicy
    let problems: DiagnosticCollector

    func checkNames(_ named: [(kind: String, name: String, location: SourceLocation)]) {
        var seen: [String: SourceLocation] = [:]
        for (kind, name, location) in named {
            if let first = seen[name] {
                problems.report(
                    location,
                    "\(kind) \"\(name)\" is already defined at line \(first.line); rename one of them"
                )
            } else {
                seen[name] = location
            }
        }
    }

    private func check(
        _ name: String,
        _ kind: String,
        among known: some Collection<String>,
        at location: SourceLocation,
        _ user: String
    ) {
        guard !known.contains(name) else { return }
        let advice =
            if let near = NearMiss.nearest(to: name, in: known) {
                "did you mean \"\(near)\"?"
            } else if known.isEmpty {
                "none is defined; add one"
            } else {
                "known: \(known.sorted().joined(separator: ", "))"
            }
        problems.report(location, "\(user) names unknown \(kind) \"\(name)\"; \(advice)")
    }

    func checkReferences() {
        for person in policy.people.values {
            for name in person.contact {
                check(
                    name,
                    "receiver",
                    among: policy.receivers.keys,
                    at: person.location,
                    "person \"\(person.name)\""
                )
            }
        }
        for schedule in policy.schedules.values {
            for name in schedule.members + schedule.overrides.map(\.person) {
                check(
                    name,
                    "person",
                    among: policy.people.keys,
                    at: schedule.location,
                    "schedule \"\(schedule.name)\""
                )
            }
        }
        for escalation in policy.escalations.values {
            for (index, step) in escalation.steps.enumerated() {
                let user = "step \(index + 1) of escalation \"\(escalation.name)\""
                for target in step.targets { check(target, at: step.location, user) }
            }
        }
        for policy in policy.priorities.values {
            // A missing "default" is reported where the priority has no escalation at all.
            guard case .escalation(let name) = policy.plan, name != "default" else { continue }
            check(
                name,
                "escalation",
                among: self.policy.escalations.keys,
                at: policy.location,
                "\(policy.priority)"
            )
        }
        for route in [policy.routes] + policy.routes.routes {
            if let name = route.receiver {
                check(
                    name,
                    "receiver",
                    among: policy.receivers.keys,
                    at: route.location,
                    "a route"
                )
            }
            if let name = route.escalation {
                check(
                    name,
                    "escalation",
                    among: policy.escalations.keys,
                    at: route.location,
                    "a route"
                )
            }
        }
    }

    private func check(_ target: Escalation.Target, at location: SourceLocation, _ user: String) {
        switch target {
        case .schedule(let name):
            check(name, "schedule", among: policy.schedules.keys, at: location, user)
        case .person(let name):
            check(name, "person", among: policy.people.keys, at: location, user)
        case .receiver(let name):
            check(name, "receiver", among: policy.receivers.keys, at: location, user)
        }
    }

    /// Every person that a step may come to has a contact, so that no step ever reaches nobody.
    func checkReach() {
        for escalation in policy.escalations.values {
            for (index, step) in escalation.steps.enumerated() {
                for target in step.targets {
                    for name in people(behind: target)
                    where policy.people[name]?.contact.isEmpty == true {
                        problems.report(
                            step.location,
                            "step \(index + 1) of escalation \"\(escalation.name)\" notifies "
                                + "\(target), but person \"\(name)\" has no contact and would not "
                                + "be reached; add contact: [RECEIVER] to the person"
                        )
                    }
                }
            }
        }
        let plans = policy.priorities.values.map(\.plan)
        if plans.allSatisfy({ $0 == .digest }) {
            problems.report(
                SourceLocation(file: policy.file, line: 1, column: 1),
                "every priority waits for the digest, so nobody is ever paged; give P1 an escalation"
            )
        }
    }

    private func people(behind target: Escalation.Target) -> [String] {
        switch target {
        case .receiver: return []
        case .person(let name): return [name]
        case .schedule(let name):
            guard let schedule = policy.schedules[name] else { return [] }
            var names: [String] = []
            for person in schedule.members + schedule.overrides.map(\.person)
            where !names.contains(person) {
                names.append(person)
            }
            return names
        }
    }

    // MARK: Notes

    /// What is legal but may surprise at night; call it only when there are no problems.
    func notes() -> [Diagnostic] {
        var notes: [Diagnostic] = []
        for priority in Priority.allCases {
            let policy = policy.policy(priority)
            guard let escalation = self.policy.escalation(for: priority, routed: nil) else {
                continue
            }
            if priority <= .p2, receivers(of: escalation).count == 1 {
                notes.append(
                    Diagnostic(
                        policy.location,
                        "\(priority) has one receiver and no second channel when it fails; give "
                            + "its people a second contact"
                    )
                )
            }
            if case .within(let response) = policy.response, escalation.steps.count > 1,
                escalation.steps[1].after > response
            {
                notes.append(
                    Diagnostic(
                        policy.location,
                        "\(priority) is to be answered within \(response.prometheusText), but "
                            + "escalation \"\(escalation.name)\" asks the next only after "
                            + "\(escalation.steps[1].after.prometheusText)"
                    )
                )
            }
        }
        return notes + repeatedPagerDuty() + unused()
    }

    /// Later steps that reach only a PagerDuty which has the incident already: it does not call again for it.
    private func repeatedPagerDuty() -> [Diagnostic] {
        var notes: [Diagnostic] = []
        for escalation in policy.escalations.values {
            var reached: Set<String> = []
            for (index, step) in escalation.steps.enumerated() {
                let first = Set(step.targets.flatMap(firstReceivers))
                if index > 0, first.isSubset(of: reached), first.allSatisfy(isPagerDuty) {
                    notes.append(
                        Diagnostic(
                            step.location,
                            "step \(index + 1) of escalation \"\(escalation.name)\" reaches "
                                + "\(first.sorted().joined(separator: ", ")) again, and PagerDuty does "
                                + "not call twice for one incident; let PagerDuty escalate, or name "
                                + "another receiver here"
                        )
                    )
                }
                reached.formUnion(first)
            }
        }
        return notes.sorted { $0.location.line < $1.location.line }
    }

    private func isPagerDuty(_ name: String) -> Bool {
        switch policy.receivers[name]?.kind {
        case .pagerduty: true
        case .webhook, nil: false
        }
    }

    /// Where a target's messages may go first.
    private func firstReceivers(_ target: Escalation.Target) -> [String] {
        switch target {
        case .receiver(let name): [name]
        case .person, .schedule:
            people(behind: target).compactMap { policy.people[$0]?.contact.first }
        }
    }

    private func receivers(of escalation: Escalation) -> Set<String> {
        var names: Set<String> = []
        for target in escalation.steps.flatMap(\.targets) {
            if case .receiver(let name) = target { names.insert(name) }
            for person in people(behind: target) {
                names.formUnion(policy.people[person]?.contact ?? [])
            }
        }
        return names
    }

    private func unused() -> [Diagnostic] {
        let routes = [policy.routes] + policy.routes.routes
        var escalations = Set(routes.compactMap(\.escalation))
        for case .escalation(let name) in policy.priorities.values.map(\.plan) {
            escalations.insert(name)
        }
        let used = policy.escalations.values.filter { escalations.contains($0.name) }
        let targets = Set(used.flatMap(\.steps).flatMap(\.targets))
        let people = Set(targets.flatMap(people(behind:)))
        var receivers = Set(routes.compactMap(\.receiver))
        for escalation in used { receivers.formUnion(self.receivers(of: escalation)) }
        var notes: [Diagnostic] = []
        func note(_ kind: String, _ name: String, _ location: SourceLocation) {
            notes.append(Diagnostic(location, "\(kind) \"\(name)\" is never used"))
        }
        for one in policy.escalations.values where !escalations.contains(one.name) {
            note("escalation", one.name, one.location)
        }
        for one in policy.schedules.values where !targets.contains(.schedule(one.name)) {
            note("schedule", one.name, one.location)
        }
        for one in policy.people.values where !people.contains(one.name) {
            note("person", one.name, one.location)
        }
        for one in policy.receivers.values where !receivers.contains(one.name) {
            note("receiver", one.name, one.location)
        }
        return notes.sorted {
            ($0.location.line, $0.location.column) < ($1.location.line, $1.location.column)
        }
    }
}
