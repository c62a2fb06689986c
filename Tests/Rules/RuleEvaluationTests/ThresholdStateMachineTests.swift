import Foundation
import Model
import RuleEvaluation
import Rules
import TestSupport
import Testing
import Timekeeping

/// Histories a minute apart: `-` none, `p` pending, `w` warn (over 3), `c` crit (over 5).
@Suite struct ThresholdStateMachineTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var policy = ThresholdPolicy.levels()
        var timeline: String
        var states: String
        var changes: String
        var reference: Double?
    }

    static let cases = [
        Case(
            testDescription: "without for each level is there at once",
            timeline: "1 4 6 4 1",
            states: "- w c w -",
            changes: "1:fired warn,2:warn>crit,3:crit>warn,4:resolved"
        ),
        Case(
            testDescription: "crit at once is one alert, not two",
            timeline: "6 6 1",
            states: "c c -",
            changes: "0:fired crit,2:resolved"
        ),
        Case(
            testDescription: "for counts for each level, and over crit counts for warn",
            policy: .levels(hold: 120),
            timeline: "4 6 6 6 1",
            states: "p p w c -",
            changes: "2:fired warn,3:warn>crit,4:resolved"
        ),
        Case(
            testDescription: "over crit throughout for fires as crit",
            policy: .levels(hold: 120),
            timeline: "6 6 6 1",
            states: "p p c -",
            changes: "2:fired crit,3:resolved"
        ),
        Case(
            testDescription: "a swing around crit never reaches crit under for",
            policy: .levels(hold: 120),
            timeline: "6 4 6 4 6 4",
            states: "p p w w w w",
            changes: "2:fired warn"
        ),
        Case(
            testDescription: "a swing around crit does not leave crit under for",
            policy: .levels(hold: 120),
            timeline: "6 6 6 4 6 4 6 4 4 4",
            states: "p p c c c c c c c w",
            changes: "2:fired crit,9:crit>warn"
        ),
        Case(
            testDescription: "a swing around warn under for never fires",
            policy: .levels(hold: 120),
            timeline: "4 1 4 4 1 4",
            states: "p - p p - p",
            changes: ""
        ),
        Case(
            testDescription: "clear keeps firing between clear and warn",
            policy: .levels(clear: 2),
            timeline: "4 2.5 4 2.5 1 2.5",
            states: "w w w w - -",
            changes: "0:fired warn,4:resolved"
        ),
        Case(
            testDescription: "between clear and warn a crit alert steps down, then waits for clear",
            policy: .levels(clear: 2),
            timeline: "6 2.5 2.5 1",
            states: "c w w -",
            changes: "0:fired crit,1:crit>warn,3:resolved"
        ),
        Case(
            testDescription: "a rule with crit alone stays crit until clear",
            policy: .levels(warn: nil, clear: 2),
            timeline: "4 6 4 2.5 1",
            states: "- c c c -",
            changes: "1:fired crit,4:resolved"
        ),
        Case(
            testDescription: "a rule with warn alone never gets to crit",
            policy: .levels(crit: nil),
            timeline: "6 60 1",
            states: "w w -",
            changes: "0:fired warn,2:resolved"
        ),
        Case(
            testDescription: "three of five evaluations over warn fire",
            policy: .levels(datapoints: (3, 5)),
            timeline: "4 1 4 1 4 1 1 1",
            states: "- - - - w - - -",
            changes: "4:fired warn,5:resolved"
        ),
        Case(
            testDescription: "datapoints count for each level",
            policy: .levels(datapoints: (2, 3)),
            timeline: "6 4 6 1 4 1 1",
            states: "- w c w w - -",
            changes: "1:fired warn,2:warn>crit,3:crit>warn,5:resolved"
        ),
        Case(
            testDescription: "hold does not enter missing data into the datapoints",
            policy: .levels(datapoints: (2, 3)),
            timeline: "4 _ _ 4 1 1",
            states: "- - - w w -",
            changes: "3:fired warn,5:resolved"
        ),
        Case(
            testDescription: "ok enters missing data as good datapoints",
            policy: .levels(datapoints: (2, 3), missing: .ok),
            timeline: "4 _ _ 4 4",
            states: "- - - - w",
            changes: "4:fired warn"
        ),
        Case(
            testDescription: "breach enters missing data as bad datapoints",
            policy: .levels(datapoints: (2, 3), missing: .breach),
            timeline: "1 _ _ 1 1",
            states: "- - c c -",
            changes: "2:fired crit,4:resolved"
        ),
        Case(
            testDescription: "hold blinds a firing alert once and keeps it",
            timeline: "6 _ _ 6 _ 1",
            states: "c c c c c -",
            changes: "0:fired crit,1:blind,3:sighted,4:blind,5:resolved"
        ),
        Case(
            testDescription: "NaN is no data, not an all clear",
            timeline: "6 N N 1 N",
            states: "c c c - -",
            changes: "0:fired crit,1:blind,3:resolved"
        ),
        Case(
            testDescription: "a pending alert waits for data and fires with the next that is over",
            policy: .levels(hold: 120),
            timeline: "4 _ _ 4 1",
            states: "p p p w -",
            changes: "3:fired warn,4:resolved"
        ),
        Case(
            testDescription: "a pending alert whose data stays away is forgotten",
            policy: .levels(hold: 120),
            timeline: "4 _x16",
            states: "p px15 -",
            changes: ""
        ),
        Case(
            testDescription: "a firing alert whose data stays away is held",
            timeline: "4 _x40",
            states: "w wx40",
            changes: "0:fired warn,1:blind"
        ),
        Case(
            testDescription: "ok resolves when data goes",
            policy: .levels(missing: .ok),
            timeline: "6 _ _",
            states: "c - -",
            changes: "0:fired crit,1:resolved"
        ),
        Case(
            testDescription: "ok drops a pending alert when data goes",
            policy: .levels(hold: 120, missing: .ok),
            timeline: "4 4 _ 4",
            states: "p p - p",
            changes: ""
        ),
        Case(
            testDescription: "breach fires at the worst level when known data goes",
            policy: .levels(missing: .breach),
            timeline: "1 _ _ 1",
            states: "- c c -",
            changes: "1:fired crit,3:resolved"
        ),
        Case(
            testDescription: "breach without crit fires as warn",
            policy: .levels(crit: nil, missing: .breach),
            timeline: "1 _",
            states: "- w",
            changes: "1:fired warn"
        ),
        Case(
            testDescription: "breach escalates in place",
            policy: .levels(missing: .breach),
            timeline: "4 _ 4",
            states: "w c w",
            changes: "0:fired warn,1:warn>crit,2:crit>warn"
        ),
        Case(
            testDescription: "unseen sources are no breach",
            policy: .levels(missing: .breach),
            timeline: "1 ? ? 1",
            states: "- - - -",
            changes: ""
        ),
        Case(
            testDescription: "unseen sources are no ok",
            policy: .levels(missing: .ok),
            timeline: "6 ? ? _",
            states: "c c c -",
            changes: "0:fired crit,1:blind,3:resolved"
        ),
        Case(
            testDescription: "a failed query freezes whatever the policy",
            policy: .levels(missing: .ok),
            timeline: "6 x x 4 1",
            states: "c c c w -",
            changes: "0:fired crit,1:blind,3:sighted,3:crit>warn,4:resolved"
        ),
        Case(
            testDescription: "a failed query freezes a pending alert",
            policy: .levels(hold: 120),
            timeline: "4 x x 4",
            states: "p p p w",
            changes: "3:fired warn"
        ),
        Case(
            testDescription: "relative: half as much again is over warn",
            policy: .levels(warn: 0.5, crit: 1, relative: true),
            timeline: "149 151 201 120",
            states: "- w c -",
            changes: "1:fired warn,2:warn>crit,3:resolved",
            reference: 100
        ),
        Case(
            testDescription: "relative: a missing reference is no data",
            policy: .levels(warn: 0.5, crit: 1, relative: true),
            timeline: "151 201",
            states: "- -",
            changes: "",
            reference: nil
        ),
        Case(
            testDescription: "relative: a NaN reference is no data",
            policy: .levels(warn: 0.5, crit: 1, relative: true),
            timeline: "151 201",
            states: "- -",
            changes: "",
            reference: .nan
        ),
        Case(
            testDescription:
                "relative: nothing over nothing is no data, something over nothing is over",
            policy: .levels(warn: 0.5, crit: 1, relative: true),
            timeline: "0 1",
            states: "- c",
            changes: "1:fired crit",
            reference: 0
        ),
    ]

    @Test(arguments: cases) func timeline(_ test: Case) {
        let run = ThresholdRun(test, restartAt: nil)
        #expect(run.states == AlertRun.expand(test.states))
        #expect(run.changes == test.changes)
    }

    @Test(arguments: cases) func restartAnywhereChangesNothing(_ test: Case) {
        for split in 0...Timeline(test.timeline).outcomes.count {
            let run = ThresholdRun(test, restartAt: split)
            #expect(run.states == AlertRun.expand(test.states), "restarted before slot \(split)")
            #expect(run.changes == test.changes, "restarted before slot \(split)")
        }
    }

    @Test func breachJudgesAResultThatWasEmptyFromTheStart() {
        var machine = ThresholdStateMachine(
            policy: .levels(missing: .breach),
            bareLabels: ["alertname": "A"]
        )
        let gone = machine.advance(.results([]), at: Timeline.slot(0))
        #expect(gone.changes.map(\.labels) == [["alertname": "A"]])
        #expect(gone.changes.map(\.change.brief) == ["fired crit"])
        let back = machine.advance(Timeline("1").outcomes[0], at: Timeline.slot(1))
        #expect(back.changes.map(\.change.brief) == ["resolved"])
        #expect(machine.alerts.keys.map { $0 } == [Timeline.labels])
        let one = machine.advance(.results([]), at: Timeline.slot(2))
        #expect(one.changes.map(\.labels) == [Timeline.labels])
    }

    @Test func limitsRefuseTheNewAndKeepTheOld() {
        func seen(_ pods: [String], _ value: Double) -> RuleOutcome {
            .results(
                pods.map { RuleObservation(labels: ["alertname": "A", "pod": $0], value: value) }
            )
        }
        var active = ThresholdStateMachine(
            policy: .levels(activeMax: 1),
            bareLabels: ["alertname": "A"]
        )
        #expect(active.advance(seen(["a"], 6), at: Timeline.slot(0)).refused == 0)
        #expect(active.advance(seen(["a", "b", "c"], 6), at: Timeline.slot(1)).refused == 2)
        #expect(active.alerts.count == 1)
        #expect(active.advance(seen(["a"], 1), at: Timeline.slot(2)).changes.count == 1)
        #expect(active.advance(seen(["b"], 6), at: Timeline.slot(3)).changes.count == 1)

        var known = ThresholdStateMachine(
            policy: .levels(missing: .breach, knownMax: 2),
            bareLabels: ["alertname": "A"]
        )
        #expect(known.advance(seen(["a", "b", "c"], 1), at: Timeline.slot(0)).refused == 1)
        #expect(known.alerts.count == 2)
    }

    @Test func twoResultsWithOneIdentityFreezeAndSaySo() {
        var machine = ThresholdStateMachine(policy: .levels(), bareLabels: [:])
        let one = RuleObservation(labels: Timeline.labels, value: 6)
        _ = machine.advance(.results([one]), at: Timeline.slot(0))
        let step = machine.advance(.results([one, one]), at: Timeline.slot(1))
        #expect(step.error != nil)
        #expect(machine.alerts[Timeline.labels]?.record.level == .crit)
    }

    @Test func aReloadTakesTheNewThresholdsToTheOldAlert() {
        var machine = ThresholdStateMachine(policy: .levels(), bareLabels: [:])
        let four = Timeline("4").outcomes[0]
        #expect(
            machine.advance(four, at: Timeline.slot(0)).changes.map(\.change.brief) == [
                "fired warn"
            ]
        )
        machine.policy = .levels(warn: 1, crit: 3.5)
        #expect(
            machine.advance(four, at: Timeline.slot(1)).changes.map(\.change.brief) == ["warn>crit"]
        )
        machine.policy = .levels(warn: 10, crit: 20, hold: 600)
        #expect(
            machine.advance(four, at: Timeline.slot(2)).changes.map(\.change.brief) == ["resolved"]
        )
    }

    @Test(arguments: MissingPolicy.allCases)
    func awaitedSourcesHoldWhatWasRestoredWithoutAWord(_ missing: MissingPolicy) {
        var record = ThresholdRecord()
        record.level = .crit
        var machine = ThresholdStateMachine(
            policy: .levels(missing: missing),
            bareLabels: ["alertname": "A"]
        )
        machine.restore(Timeline.labels, record, value: 6, at: Timeline.slot(0))
        var changes: [String] = []
        for (index, outcome) in Timeline("~ ~ 6 ~").outcomes.enumerated() {
            changes += machine.advance(outcome, at: Timeline.slot(index)).changes
                .map { "\(index):\($0.change.brief)" }
        }
        #expect(
            changes == [MissingPolicy.hold: ["3:blind"], .ok: ["3:resolved"], .breach: []][missing]
        )
    }

    @Test func breachWaitsForTheSourcesAfterAStart() {
        var machine = ThresholdStateMachine(
            policy: .levels(missing: .breach),
            bareLabels: ["alertname": "A"]
        )
        let changes = Timeline("~ ~ _").outcomes.enumerated().map { index, outcome in
            machine.advance(outcome, at: Timeline.slot(index)).changes.count
        }
        #expect(changes == [0, 0, 1])
    }

    @Test func timeThatWasNotEvaluatedDoesNotCount() {
        var machine = ThresholdStateMachine(policy: .levels(hold: 120), bareLabels: [:])
        let over = Timeline("6").outcomes[0]
        _ = machine.advance(over, at: Timeline.slot(0))
        let record = machine.alerts[Timeline.labels]?.record ?? ThresholdRecord()
        #expect(record.hasRunningTimer)
        var later = ThresholdStateMachine(policy: .levels(hold: 120), bareLabels: [:])
        later.restore(
            Timeline.labels,
            record.skipping(.seconds(3600)),
            value: 6,
            at: Timeline.slot(60)
        )
        #expect(later.advance(over, at: Timeline.slot(61)).changes.isEmpty)
        #expect(
            later.advance(over, at: Timeline.slot(62)).changes.map(\.change.brief) == ["fired crit"]
        )
    }
}

extension ThresholdPolicy {
    static func levels(
        warn: Double? = 3,
        crit: Double? = 5,
        clear: Double? = nil,
        hold: Int = 0,
        datapoints: (Int, Int)? = nil,
        missing: MissingPolicy = .hold,
        relative: Bool = false,
        activeMax: Int = 100,
        knownMax: Int = 100
    ) -> ThresholdPolicy {
        func condition(
            _ comparison: ThresholdCondition.Comparison,
            _ value: Double?
        )
            -> ThresholdCondition?
        {
            value.map {
                ThresholdCondition(
                    comparison: comparison,
                    value: $0,
                    text: "\(comparison.rawValue) \($0)"
                )
            }
        }
        return ThresholdPolicy(
            warn: condition(.greater, warn),
            crit: condition(.greater, crit),
            clear: condition(.less, clear),
            hold: .seconds(hold),
            datapoints: datapoints.map { .init(needed: $0.0, of: $0.1) },
            missing: missing,
            isRelative: relative,
            activeMax: activeMax,
            knownMax: knownMax
        )
    }
}

/// One run of a table row, restarted once when asked to.
struct ThresholdRun {
    var states: String
    var changes: String

    init(_ test: ThresholdStateMachineTests.Case, restartAt split: Int?) {
        var machine = ThresholdStateMachine(policy: test.policy, bareLabels: ["alertname": "A"])
        var letters: [String] = []
        var changes: [String] = []
        let outcomes = Timeline(test.timeline, reference: test.reference).outcomes
        for (index, outcome) in outcomes.enumerated() {
            if index == split {
                machine = ThresholdRun.restarted(machine, at: Timeline.slot(index - 1))
            }
            let step = machine.advance(outcome, at: Timeline.slot(index))
            changes += step.changes.map { "\(index):\($0.change.brief)" }
            letters.append(ThresholdRun.letter(machine.alerts[Timeline.labels]))
        }
        states = letters.joined(separator: " ")
        self.changes = changes.joined(separator: ",")
    }

    static func restarted(
        _ machine: ThresholdStateMachine,
        at moment: Timestamp
    ) -> ThresholdStateMachine {
        var fresh = ThresholdStateMachine(policy: machine.policy, bareLabels: machine.bareLabels)
        for (labels, alert) in machine.alerts {
            let data = try? JSONEncoder().encode(alert.record)
            let record = data.flatMap { try? JSONDecoder().decode(ThresholdRecord.self, from: $0) }
            if let record { fresh.restore(labels, record, value: alert.value, at: alert.seenAt) }
        }
        return fresh
    }

    static func letter(_ alert: ThresholdAlert?) -> String {
        switch alert?.record.level {
        case .warn: "w"
        case .crit: "c"
        case nil: alert?.isActive ?? false ? "p" : "-"
        }
    }
}
