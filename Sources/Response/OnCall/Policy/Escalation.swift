package import Model

/// Whom to notify, and whom next when nobody acknowledges.
package struct Escalation: Hashable, Sendable {
    package enum Target: Hashable, Sendable, CustomStringConvertible {
        /// Whoever is on call at the time.
        case schedule(String)
        case person(String)
        case receiver(String)

        package var description: String {
            switch self {
            case .schedule(let name): "schedule/\(name)"
            case .person(let name): "person/\(name)"
            case .receiver(let name): "receiver/\(name)"
            }
        }
    }

    package struct Step: Hashable, Sendable {
        /// How long after the step before; zero for the first.
        package var after: Duration
        /// Not empty.
        package var targets: [Target]
        package var location: SourceLocation

        package init(after: Duration, targets: [Target], location: SourceLocation) {
            self.after = after
            self.targets = targets
            self.location = location
        }
    }

    package var name: String
    /// Not empty.
    package var steps: [Step]
    /// How many times the steps are gone through again after the first time.
    package var repeatCount: Int
    /// How long after the last step the first comes again.
    package var repeatAfter: Duration
    package var location: SourceLocation

    /// The pause before a repetition when no step says how long to wait.
    package static let defaultRepeatAfter = Duration.seconds(30 * 60)

    package init(
        name: String,
        steps: [Step],
        repeatCount: Int,
        repeatAfter: Duration,
        location: SourceLocation
    ) {
        precondition(!steps.isEmpty, "an escalation has steps")
        self.name = name
        self.steps = steps
        self.repeatCount = repeatCount
        self.repeatAfter = repeatAfter
        self.location = location
    }

    /// Where the escalation stands: a step of a round, both from 0.
    package struct Position: Hashable, Comparable, Sendable, Codable {
        package var round: Int
        package var step: Int

        package init(round: Int, step: Int) {
            self.round = round
            self.step = step
        }

        package static let first = Position(round: 0, step: 0)

        package static func < (left: Position, right: Position) -> Bool {
            (left.round, left.step) < (right.round, right.step)
        }
    }

    /// The position after another and how long to wait for it; nil after the last.
    package func next(after position: Position) -> (position: Position, wait: Duration)? {
        if position.step + 1 < steps.count {
            let step = position.step + 1
            return (Position(round: position.round, step: step), steps[step].after)
        }
        guard position.round < repeatCount else { return nil }
        return (Position(round: position.round + 1, step: 0), repeatAfter)
    }
}
