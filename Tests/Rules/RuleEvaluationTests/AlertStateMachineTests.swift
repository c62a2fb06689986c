import Foundation
import Model
import RuleEvaluation
import TestSupport
import Testing
import Timekeeping

/// `-` none, `p` pending, `f` firing, `i` resolved and remembered; one word an evaluation, a minute apart.
@Suite struct AlertStateMachineTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var hold = Duration.zero
        var keep = Duration.zero
        var timeline: String
        var states: String
        /// Comma-separated `slot:change`.
        var changes: String
    }

    static let cases = [
        Case(
            testDescription: "without for it fires at once and resolves when it goes",
            timeline: "_ 1 1 _ _",
            states: "- f f i i",
            changes: "1:fired crit,3:resolved"
        ),
        Case(
            testDescription: "for is counted from the slot that saw it first",
            hold: .seconds(120),
            timeline: "1 1 1 1 _",
            states: "p p f f i",
            changes: "2:fired crit,4:resolved"
        ),
        Case(
            testDescription: "a pending alert that misses one slot starts anew",
            hold: .seconds(120),
            timeline: "1 1 _ 1 1 1",
            states: "p p - p p f",
            changes: "5:fired crit"
        ),
        Case(
            testDescription: "flapping under for never fires",
            hold: .seconds(120),
            timeline: "1 _ 1 _ 1 _",
            states: "p - p - p -",
            changes: ""
        ),
        Case(
            testDescription: "NaN is a value to a Prometheus rule",
            timeline: "N N _",
            states: "f f i",
            changes: "0:fired crit,2:resolved"
        ),
        Case(
            testDescription: "keep_firing_for counts from the first miss",
            keep: .seconds(180),
            timeline: "1 _ _ _ _ _",
            states: "f f f f i i",
            changes: "0:fired crit,4:resolved"
        ),
        Case(
            testDescription: "seen again within keep_firing_for the stamp is cleared",
            keep: .seconds(180),
            timeline: "1 _ _ 1 _ _ _ _ _",
            states: "f f f f f f f i i",
            changes: "0:fired crit,7:resolved"
        ),
        Case(
            testDescription: "keep_firing_for does not keep a pending alert",
            hold: .seconds(120),
            keep: .seconds(180),
            timeline: "1 1 _",
            states: "p p -",
            changes: ""
        ),
        Case(
            testDescription: "a failed query freezes a pending alert, and its time counts",
            hold: .seconds(120),
            timeline: "1 x 1",
            states: "p p f",
            changes: "2:fired crit"
        ),
        Case(
            testDescription: "a failed query blinds a firing alert once and never resolves it",
            timeline: "1 x x x 1 x _",
            states: "f f f f f f i",
            changes: "0:fired crit,1:blind,4:sighted,5:blind,6:resolved"
        ),
        Case(
            testDescription: "unseen sources hold what they fired",
            timeline: "1 ? ? _",
            states: "f f f i",
            changes: "0:fired crit,1:blind,3:resolved"
        ),
        Case(
            testDescription: "unseen sources hold a pending alert silently",
            hold: .seconds(120),
            timeline: "1 ? ? 1",
            states: "p p p f",
            changes: "3:fired crit"
        ),
        Case(
            testDescription: "blind while kept firing is seen again by the next good evaluation",
            keep: .seconds(180),
            timeline: "1 _ x _ _ _",
            states: "f f f f i i",
            changes: "0:fired crit,2:blind,3:sighted,4:resolved"
        ),
        Case(
            testDescription: "a resolved alert is remembered for fifteen minutes, then forgotten",
            timeline: "1 _x17",
            states: "f ix16 -",
            changes: "0:fired crit,1:resolved"
        ),
        Case(
            testDescription: "a resolved alert that comes back is a new one",
            hold: .seconds(60),
            timeline: "1 1 _ 1 1",
            states: "p f i p f",
            changes: "1:fired crit,2:resolved,4:fired crit"
        ),
    ]

    @Test(arguments: cases) func timeline(_ test: Case) {
        let run = AlertRun(test, restartAt: nil)
        #expect(run.states == AlertRun.expand(test.states))
        #expect(run.changes == test.changes)
    }

    @Test(arguments: cases) func restartAnywhereChangesNothing(_ test: Case) throws {
        for split in 0...Timeline(test.timeline).outcomes.count {
            let run = AlertRun(test, restartAt: split)
            #expect(run.states == AlertRun.expand(test.states), "restarted before slot \(split)")
            #expect(run.changes == test.changes, "restarted before slot \(split)")
        }
    }

    @Test func twoResultsWithOneIdentityFreezeAndSaySo() {
        var machine = AlertStateMachine(policy: .init())
        let one = RuleObservation(labels: Timeline.labels, value: 1)
        _ = machine.advance(.results([one]), at: Timeline.slot(0))
        let step = machine.advance(.results([one, one]), at: Timeline.slot(1))
        #expect(
            step.error
                == "vector contains metrics with the same labelset after applying alert labels"
        )
        #expect(step.changes.map(\.change.brief) == ["blind"])
        #expect(machine.alerts[Timeline.labels]?.record.phase == .firing)
    }

    @Test func aLimitRefusesTheNewAndKeepsTheOld() {
        var machine = AlertStateMachine(policy: .init(activeMax: 2))
        func seen(_ names: [String]) -> RuleOutcome {
            .results(
                names.map { RuleObservation(labels: ["alertname": "A", "pod": $0], value: 1) }
            )
        }
        #expect(machine.advance(seen(["a", "b"]), at: Timeline.slot(0)).refused == 0)
        let over = machine.advance(seen(["a", "b", "c", "d"]), at: Timeline.slot(1))
        #expect(over.refused == 2)
        #expect(over.changes.isEmpty)
        #expect(machine.alerts.keys.map { $0["pod"] }.sorted() == ["a", "b"])
        let room = machine.advance(seen(["b", "c"]), at: Timeline.slot(2))
        #expect(room.refused == 1, "a is still active when c comes")
        #expect(machine.advance(seen(["b", "c"]), at: Timeline.slot(3)).refused == 0)
    }

    @Test(arguments: [
        (before: 0, after: 300, states: "f f f"), (before: 300, after: 60, states: "p p f"),
        (before: 60, after: 300, states: "p f f"),
    ])
    func aReloadWithAnotherForKeepsWhatFires(_ test: (before: Int, after: Int, states: String)) {
        var machine = AlertStateMachine(policy: .init(hold: .seconds(test.before)))
        var states: [String] = []
        for index in 0..<3 {
            if index == 2 { machine.policy.hold = .seconds(test.after) }
            _ = machine.advance(Timeline("1").outcomes[0], at: Timeline.slot(index))
            states.append(AlertRun.letter(machine.alerts[Timeline.labels]?.record.phase))
        }
        #expect(states.joined(separator: " ") == test.states)
    }

    @Test func awaitedSourcesHoldWhatWasRestoredWithoutAWord() {
        var record = AlertRecord(pendingSince: Timeline.slot(0))
        record.phase = .firing
        var machine = AlertStateMachine(policy: .init())
        machine.restore(Timeline.labels, record, value: 1)
        let other: LabelSet = ["alertname": "A", "job": "new"]
        let outcomes =
            Timeline("~ ~", labels: Timeline.labels).outcomes
            + Timeline("1 ~", labels: other).outcomes
        var changes: [String] = []
        for (index, outcome) in outcomes.enumerated() {
            changes += machine.advance(outcome, at: Timeline.slot(index + 1)).changes
                .map { "\(index):\($0.labels["job"]) \($0.change.brief)" }
        }
        #expect(changes == ["2:api resolved", "2:new fired crit", "3:new resolved"])
    }

    @Test func timeThatWasNotEvaluatedDoesNotCount() {
        let record = AlertRecord(pendingSince: Timeline.slot(0))
        var machine = AlertStateMachine(policy: .init(hold: .seconds(120)))
        machine.restore(Timeline.labels, record.skipping(.seconds(3600)), value: 1)
        let one = Timeline("1").outcomes[0]
        #expect(machine.advance(one, at: Timeline.slot(61)).changes.isEmpty)
        #expect(
            machine.advance(one, at: Timeline.slot(62)).changes.map(\.change.brief) == [
                "fired crit"
            ]
        )
    }

    @Test func aClockThatGoesBackStartsForAnew() {
        var machine = AlertStateMachine(policy: .init(hold: .seconds(120)))
        let one = Timeline("1").outcomes[0]
        _ = machine.advance(one, at: Timeline.slot(100))
        #expect(machine.advance(one, at: Timeline.slot(0)).changes.isEmpty)
        #expect(
            machine.advance(one, at: Timeline.slot(2)).changes.map(\.change.brief) == ["fired crit"]
        )
    }

    @Test func releaseResolvesOnlyWhatFires() {
        var machine = AlertStateMachine(policy: .init(hold: .seconds(60)))
        let one = Timeline("1").outcomes[0]
        _ = machine.advance(one, at: Timeline.slot(0))
        #expect(machine.release(Timeline.labels, at: Timeline.slot(0)) == nil)
        _ = machine.advance(one, at: Timeline.slot(1))
        _ = machine.advance(one, at: Timeline.slot(2))
        #expect(machine.release(Timeline.labels, at: Timeline.slot(2))?.change == .resolved)
        #expect(machine.alerts.isEmpty)
    }
}

/// One run of a table row, restarted once when asked to.
struct AlertRun {
    var states: String
    var changes: String

    init(_ test: AlertStateMachineTests.Case, restartAt split: Int?) {
        let policy = AlertStateMachine.Policy(hold: test.hold, keepFiringFor: test.keep)
        var machine = AlertStateMachine(policy: policy)
        var letters: [String] = []
        var changes: [String] = []
        for (index, outcome) in Timeline(test.timeline).outcomes.enumerated() {
            if index == split { machine = AlertRun.restarted(machine) }
            let step = machine.advance(outcome, at: Timeline.slot(index))
            changes += step.changes.map { "\(index):\($0.change.brief)" }
            letters.append(AlertRun.letter(machine.alerts[Timeline.labels]?.record.phase))
        }
        states = letters.joined(separator: " ")
        self.changes = changes.joined(separator: ",")
    }

    /// The same machine by way of JSON, as a store keeps it.
    private static func restarted(_ machine: AlertStateMachine) -> AlertStateMachine {
        var fresh = AlertStateMachine(policy: machine.policy)
        for (labels, alert) in machine.alerts {
            let data = try? JSONEncoder().encode(alert.record)
            let record = data.flatMap { try? JSONDecoder().decode(AlertRecord.self, from: $0) }
            if let record { fresh.restore(labels, record, value: alert.value) }
        }
        return fresh
    }

    static func letter(_ phase: AlertRecord.Phase?) -> String {
        switch phase {
        case nil: "-"
        case .inactive: "i"
        case .pending: "p"
        case .firing: "f"
        }
    }

    /// `ix3` to `i i i`.
    static func expand(_ states: String) -> String {
        states.split(separator: " ").flatMap { word -> [String] in
            let parts = word.split(separator: "x")
            return Array(
                repeating: String(parts[0]),
                count: parts.count == 2 ? Int(parts[1]) ?? 1 : 1
            )
        }.joined(separator: " ")
    }
}
