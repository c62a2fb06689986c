import Model
import TestSupport
import Testing
import Timekeeping

@testable import RuleEvaluation

@Suite struct TransitionBacklogTests {
    typealias Change = AlertTransition.Change

    private static func transition(
        _ sequence: Int64,
        _ change: Change,
        _ alert: String = "a"
    ) -> AlertTransition {
        AlertTransition(
            fingerprint: alert,
            rule: "g/A",
            alertName: "A",
            labels: [:],
            annotations: [:],
            change: change,
            priority: .p2,
            value: nil,
            unit: nil,
            summary: "",
            action: nil,
            runbook: nil,
            at: Timestamp(milliseconds: sequence),
            sequence: sequence
        )
    }

    private static func run(_ changes: [Change]) -> [AlertTransition] {
        changes.enumerated().map { transition(Int64($0.offset + 1), $0.element) }
    }

    @Test func nothingIsMergedBelowTheCapacity() {
        var backlog = TransitionBacklog(capacity: 4)
        let run = TransitionBacklogTests.run([.fired(.warn), .resolved, .fired(.crit), .resolved])
        #expect(backlog.append(run).isEmpty)
        #expect(backlog.waiting == run)
    }

    @Test func overTheCapacityOneAlertsRunIsMergedAndOthersAreNot() {
        var backlog = TransitionBacklog(capacity: 4)
        let other = TransitionBacklogTests.transition(0, .fired(.crit), "b")
        _ = backlog.append([other])
        let merge = backlog.append(
            TransitionBacklogTests.run([.fired(.warn), .resolved, .fired(.crit), .blind("x")])
        )
        #expect(merge.removed == [1, 2])
        #expect(backlog.waiting.map(\.sequence) == [0, 3, 4])
        #expect(backlog.mergedCount == 2)
    }

    @Test func whatIsWithTheReceiverIsLeftAlone() {
        var backlog = TransitionBacklog(capacity: 2)
        let run = TransitionBacklogTests.run([.fired(.warn), .levelChanged(from: .warn, to: .crit)])
        _ = backlog.append(run)
        #expect(backlog.lend(2) == run)
        let merge = backlog.append([TransitionBacklogTests.transition(3, .resolved)])
        #expect(merge.isEmpty)
        backlog.settle(taken: true)
        #expect(backlog.waiting.map(\.sequence) == [3])
    }

    @Test(arguments: 0..<300) func theNetEffectLeavesAReceiverInTheSameState(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var source = Receiver()
        // Bring the receiver into some state first.
        for _ in 0..<Int.random(in: 0...4, using: &random) { source.take(source.next(&random)) }
        let before = source
        var changes: [Change] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let change = source.next(&random)
            source.take(change)
            changes.append(change)
        }
        let net = TransitionBacklog.netEffect(TransitionBacklogTests.run(changes))
        var merged = before
        for one in net { merged.take(one.change) }
        #expect(merged == source, "\(changes.map(\.brief)) became \(net.map(\.change.brief))")
        #expect(net.count <= 2)
    }

    /// What a receiver knows of one alert.
    private struct Receiver: Equatable {
        var level: AlertLevel?
        var isBlind = false

        mutating func take(_ change: Change) {
            switch change {
            case .fired(let level):
                self.level = level
                isBlind = false
            case .levelChanged(_, let level): self.level = level
            case .resolved:
                level = nil
                isBlind = false
            case .blind: isBlind = true
            case .sighted: isBlind = false
            }
        }

        /// A change that the state machines could make from here.
        func next(_ random: inout SeededGenerator) -> Change {
            guard let level else { return .fired(Bool.random(using: &random) ? .warn : .crit) }
            guard !isBlind else { return Bool.random(using: &random) ? .sighted : .resolved }
            switch Int.random(in: 0..<3, using: &random) {
            case 0: return .levelChanged(from: level, to: level == .warn ? .crit : .warn)
            case 1: return .blind("x")
            default: return .resolved
            }
        }
    }
}
