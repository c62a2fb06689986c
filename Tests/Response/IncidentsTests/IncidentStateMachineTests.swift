import Model
import OnCall
import Testing
import Timekeeping

@testable import Incidents

@Suite struct IncidentStateMachineTests {
    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var policy = Story.team
        var priority = Priority.p2
        var level = AlertLevel.warn
        var start = Story.start
        /// Minutes after the opening and what happens then; deadlines in between are kept.
        var inputs: [(Int, IncidentInput)]
        /// Watches until then.
        var until: Int
        var transcript: [String]

        init(
            _ description: String,
            policy: String = Story.team,
            priority: Priority = .p2,
            level: AlertLevel = .warn,
            start: Timestamp = Story.start,
            _ inputs: [(Int, IncidentInput)],
            until: Int,
            _ transcript: [String]
        ) {
            testDescription = description
            self.policy = policy
            self.priority = priority
            self.level = level
            self.start = start
            self.inputs = inputs
            self.until = until
            self.transcript = transcript
        }
    }

    private static func fired(_ level: AlertLevel, _ priority: Priority) -> IncidentInput {
        .alert(Story.alert(.fired(level), priority))
    }

    private static let resolved = IncidentInput.alert(Story.alert(.resolved))

    @Test(arguments: [
        Case(
            "nobody answers: every step, every round, then the end is told",
            [],
            until: 240,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "30 overdue: nobody has acknowledged by 2026-11-24T12:30:00Z",
                "30 escalated: step 2 of default: bob by mail",
                "30 -> mail escalated for bob",
                "60 escalated: step 1 of default, round 2: ann by phone",
                "60 -> phone escalated for ann, else mail",
                "90 escalated: step 2 of default, round 2: bob by mail",
                "90 -> mail escalated for bob",
                "120 exhausted: every step was taken and nobody has acknowledged",
            ]
        ),
        Case(
            "an acknowledgement stops the escalation and is told to those who know",
            [(31, .acknowledge(by: "bob")), (32, .acknowledge(by: "ann"))],
            until: 240,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "30 overdue: nobody has acknowledged by 2026-11-24T12:30:00Z",
                "30 escalated: step 2 of default: bob by mail",
                "30 -> mail escalated for bob",
                "31 acknowledged: acknowledged (bob)",
                "31 withdraw: the incident was acknowledged by bob",
                "31 -> phone acknowledged",
                "31 -> mail acknowledged",
                "32 acknowledged: acknowledged once more (ann)",
            ]
        ),
        Case(
            "warn to crit raises the priority and pages again; back and forth pages no more",
            priority: .p3,
            [
                (5, .acknowledge(by: "ann")),
                (10, .alert(Story.alert(.levelChanged(from: .warn, to: .crit), .p2))),
                (15, .alert(Story.alert(.levelChanged(from: .crit, to: .warn), .p3))),
                (20, .alert(Story.alert(.levelChanged(from: .warn, to: .crit), .p2))),
                (25, resolved),
            ],
            until: 240,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "5 acknowledged: acknowledged (ann)",
                "5 withdraw: the incident was acknowledged by ann",
                "5 -> phone acknowledged",
                "10 raised: P3 to P2, crit: Latency service=api",
                "10 paged: step 1 of default: ann by phone",
                "10 -> phone raised for ann, else mail",
                "15 level_changed: crit to warn: Latency service=api",
                "20 level_changed: warn to crit: Latency service=api",
                "25 resolved: resolved",
                "25 withdraw: the incident was resolved",
                "25 -> phone resolved",
            ]
        ),
        Case(
            "the same state again changes nothing",
            [
                (1, fired(.warn, .p2)), (2, fired(.warn, .p2)),
                (3, .alert(Story.alert(.levelChanged(from: .crit, to: .warn), .p2))),
            ],
            until: 5,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
            ]
        ),
        Case(
            "what cannot be seen is held and noted, once for each reason",
            [
                (1, .alert(Story.alert(.blind("CloudWatch throttles")))),
                (2, .alert(Story.alert(.blind("CloudWatch throttles")))),
                (3, .alert(Story.alert(.sighted))), (4, .alert(Story.alert(.sighted))),
                (5, resolved), (6, .alert(Story.alert(.blind("late")))),
            ],
            until: 10,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "1 blind: Latency cannot be seen, its state is held: CloudWatch throttles",
                "3 sighted: Latency can be seen again",
                "5 resolved: resolved",
                "5 withdraw: the incident was resolved",
                "5 -> phone resolved",
            ]
        ),
        Case(
            "a snooze is an answer for a while",
            [(10, .snooze(until: Story.minutes(70), by: "ann")), (80, .acknowledge(by: "ann"))],
            until: 240,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "10 snoozed: quiet until 2026-11-24T13:10:00Z (ann)",
                "10 withdraw: the incident was snoozed by ann",
                "10 -> phone acknowledged",
                "70 snooze_ended: the snooze has ended",
                "70 paged: step 1 of default: ann by phone",
                "70 -> phone reminded for ann, else mail",
                "80 acknowledged: acknowledged (ann)",
                "80 withdraw: the incident was acknowledged by ann",
                "80 -> phone acknowledged",
            ]
        ),
        Case(
            "it comes back within ten minutes: the same incident, told again",
            [
                (5, .acknowledge(by: "ann")), (10, resolved), (15, fired(.warn, .p2)),
            ],
            until: 16,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "5 acknowledged: acknowledged (ann)",
                "5 withdraw: the incident was acknowledged by ann",
                "5 -> phone acknowledged",
                "10 resolved: resolved",
                "10 withdraw: the incident was resolved",
                "10 -> phone resolved",
                "15 reopened: came back: Latency service=api",
                "15 paged: step 1 of default: ann by phone",
                "15 -> phone reopened for ann, else mail",
            ]
        ),
        Case(
            "from the third return on it is resolved only after a quiet",
            policy: Story.team + "\nflapping: {reopen_within: 10m, hold_after: 2}\n",
            [
                (1, resolved), (2, fired(.warn, .p2)), (3, resolved), (4, fired(.warn, .p2)),
                (5, resolved), (6, fired(.warn, .p2)), (7, resolved),
            ],
            until: 60,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "1 resolved: resolved",
                "1 withdraw: the incident was resolved",
                "1 -> phone resolved",
                "2 reopened: came back: Latency service=api",
                "2 paged: step 1 of default: ann by phone",
                "2 -> phone reopened for ann, else mail",
                "3 resolved: resolved",
                "3 withdraw: the incident was resolved",
                "3 -> phone resolved",
                "4 reopened: came back: Latency service=api",
                "4 paged: step 1 of default: ann by phone",
                "4 -> phone reopened for ann, else mail",
                "5 flapping: all alerts are over, but they came back 2 times: resolved only when it "
                    + "stays quiet until 2026-11-24T12:15:00Z",
                "6 alert_added: Latency service=api",
                "7 flapping: all alerts are over, but they came back 2 times: resolved only when it "
                    + "stays quiet until 2026-11-24T12:17:00Z",
                "17 resolved: resolved",
                "17 withdraw: the incident was resolved",
                "17 -> phone resolved",
            ]
        ),
        Case(
            "closed by a person while it fires: only worse news opens it again",
            [
                (5, .resolve(by: "ann")),
                (6, .alert(Story.alert(.levelChanged(from: .crit, to: .warn)))),
                (7, .alert(Story.alert(.levelChanged(from: .warn, to: .crit), .p1))),
            ],
            until: 8,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "5 resolved: resolved while 1 of its alerts still fire (ann)",
                "5 withdraw: the incident was resolved by ann",
                "5 -> phone resolved",
                "7 reopened: came back: Latency service=api",
                "7 paged: step 1 of default: ann by phone",
                "7 -> phone reopened for ann, else mail",
            ]
        ),
        Case(
            "closed by a person, then the alert ends: noted, nobody is told twice",
            [(5, .resolve(by: "ann")), (6, resolved)],
            until: 8,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "5 resolved: resolved while 1 of its alerts still fire (ann)",
                "5 withdraw: the incident was resolved by ann",
                "5 -> phone resolved",
                "6 alert_resolved: Latency service=api is over",
            ]
        ),
        Case(
            "at night a P3 waits for waking hours",
            priority: .p3,
            start: Timestamp(year: 2026, month: 11, day: 24, hour: 3),
            [],
            until: 331,
            [
                "0 opened: Latency service=api",
                "0 deferred: P3 is told in waking hours, at 2026-11-24T08:00:00Z",
                "240 overdue: nobody has acknowledged by 2026-11-24T07:00:00Z",
                "300 paged: step 1 of default: ann by phone",
                "300 -> phone opened for ann, else mail",
                "330 escalated: step 2 of default: bob by mail",
                "330 -> mail escalated for bob",
            ]
        ),
        Case(
            "a P3 that is over by the morning wakes nobody",
            priority: .p3,
            start: Timestamp(year: 2026, month: 11, day: 24, hour: 3),
            [(60, resolved)],
            until: 600,
            [
                "0 opened: Latency service=api",
                "0 deferred: P3 is told in waking hours, at 2026-11-24T08:00:00Z",
                "60 resolved: resolved",
                "60 withdraw: the incident was resolved",
            ]
        ),
        Case(
            "a P3 at night that turns P1 does not wait",
            priority: .p3,
            start: Timestamp(year: 2026, month: 11, day: 24, hour: 3),
            [(20, .alert(Story.alert(.levelChanged(from: .warn, to: .crit), .p1)))],
            until: 36,
            [
                "0 opened: Latency service=api",
                "0 deferred: P3 is told in waking hours, at 2026-11-24T08:00:00Z",
                "20 raised: P3 to P1, crit: Latency service=api",
                "20 paged: step 1 of default: ann by phone",
                "20 -> phone raised for ann, else mail",
                "35 overdue: nobody has acknowledged by 2026-11-24T03:35:00Z",
            ]
        ),
        Case(
            "a P4 waits for the next business day and is told once",
            priority: .p4,
            start: Timestamp(year: 2026, month: 11, day: 24, hour: 3),
            [],
            until: 24 * 60,
            [
                "0 opened: Latency service=api",
                "0 deferred: told with the digest at 2026-11-24T09:00:00Z",
                "360 paged: step 1 of default: ann by phone",
                "360 -> phone digest for ann, else mail",
                "840 overdue: nobody has acknowledged by 2026-11-24T17:00:00Z",
            ]
        ),
        Case(
            "alerts of one group share the incident; route receivers are told of everything",
            policy: Story.grouped,
            [
                (1, .alert(Story.alert(.fired(.warn), service: "web"))),
                (2, .alert(Story.alert(.fired(.warn), .p1, service: "pay"))),
                (3, .alert(Story.alert(.resolved, service: "web"))),
                (4, .alert(Story.alert(.resolved, service: "pay"))),
                (5, resolved),
            ],
            until: 10,
            [
                "0 opened: Latency service=api",
                "0 paged: step 1 of default: ann by phone",
                "0 -> phone opened for ann, else mail",
                "0 -> chat opened",
                "1 alert_added: Latency service=web",
                "1 -> phone updated",
                "1 -> chat updated",
                "2 raised: P2 to P1, warn: Latency service=pay",
                "2 paged: step 1 of default: ann by phone",
                "2 -> phone raised for ann, else mail",
                "2 -> chat raised",
                "3 alert_resolved: Latency service=web is over, others still fire",
                "3 -> phone updated",
                "3 -> chat updated",
                "4 alert_resolved: Latency service=pay is over, others still fire",
                "4 -> phone updated",
                "4 -> chat updated",
                "5 resolved: resolved",
                "5 withdraw: the incident was resolved",
                "5 -> phone resolved",
                "5 -> chat resolved",
            ]
        ),
        Case(
            "a night's wait tells route receivers at once",
            policy: Story.grouped,
            priority: .p3,
            start: Timestamp(year: 2026, month: 11, day: 24, hour: 7),
            [],
            until: 61,
            [
                "0 opened: Latency service=api",
                "0 -> chat opened",
                "0 deferred: P3 is told in waking hours, at 2026-11-24T08:00:00Z",
                "60 paged: step 1 of default: ann by phone",
                "60 -> phone opened for ann, else mail",
            ]
        ),
    ])
    func stories(example: Case) throws {
        let policy = try Story.policy(example.policy)
        var opening = Story.alert(.fired(example.level), example.priority)
        opening.at = example.start
        let destination = policy.routes.destination(
            of: opening.labels,
            fingerprint: opening.fingerprint
        )
        var (machine, actions) = IncidentStateMachine.open(
            IncidentID("INC-1"),
            opening,
            to: destination,
            policy: policy,
            at: example.start
        )
        var transcript = actions.map { "0 \($0.line)" }
        func watch(until end: Timestamp) {
            while let deadline = machine.incident.deadline, deadline <= end {
                let minute = Int((deadline - example.start).inSeconds) / 60
                transcript += machine.advance(.tick, at: deadline).map { "\(minute) \($0.line)" }
            }
        }
        for (minute, input) in example.inputs {
            let moment = example.start + .seconds(minute * 60)
            watch(until: moment)
            transcript += machine.advance(input, at: moment).map { "\(minute) \($0.line)" }
        }
        watch(until: example.start + .seconds(example.until * 60))
        #expect(transcript == example.transcript)
    }

    @Test func pagesAreNumberedAndKeepTheStateOfTheirTime() throws {
        let policy = try Story.policy()
        let opening = Story.alert(.fired(.warn), .p3)
        var (machine, actions) = IncidentStateMachine.open(
            IncidentID("INC-1"),
            opening,
            to: policy.routes.destination(of: opening.labels, fingerprint: opening.fingerprint),
            policy: policy,
            at: Story.start
        )
        actions += machine.advance(
            .alert(Story.alert(.levelChanged(from: .warn, to: .crit), .p1)),
            at: Story.minutes(1)
        )
        actions += machine.advance(.acknowledge(by: "ann"), at: Story.minutes(2))
        let pages = actions.compactMap { action in
            if case .send(let page) = action { page } else { nil }
        }
        #expect(pages.map(\.id) == ["INC-1-1", "INC-1-2", "INC-1-3"])
        #expect(pages.map(\.incident.priority) == [.p3, .p1, .p1])
        #expect(pages.map(\.incident.state) == [.open, .open, .acknowledged])
        #expect(pages.map(\.createdAt) == [0, 1, 2].map(Story.minutes))
    }

    @Test func aFailingReceiverIsPassedByInOrder() throws {
        let policy = try Story.policy()
        let opening = Story.alert(.fired(.crit), .p1)
        var (machine, actions) = IncidentStateMachine.open(
            IncidentID("INC-1"),
            opening,
            to: policy.routes.destination(of: opening.labels, fingerprint: opening.fingerprint),
            policy: policy,
            at: Story.start
        )
        let first = try #require(
            actions.compactMap { if case .send(let page) = $0 { page } else { nil } }.first
        )
        actions = machine.advance(
            .receiverFails(first, "answered 503"),
            at: Story.start + .seconds(20)
        )
        #expect(
            actions.map(\.line) == [
                "second_channel: phone answered 503; trying mail", "-> mail opened for ann",
            ]
        )
        let second = try #require(
            actions.compactMap { if case .send(let page) = $0 { page } else { nil } }.first
        )
        #expect(second.secondChannelOf == first.id)
        #expect(
            machine.advance(.receiverFails(second, "answered 500"), at: Story.start + .seconds(40))
                .map(\.line) == ["undelivered: mail answered 500; there is no second channel"]
        )
        // Somebody has it: nobody else is woken.
        _ = machine.advance(.acknowledge(by: "ann"), at: Story.minutes(1))
        #expect(machine.advance(.receiverFails(first, "x"), at: Story.minutes(2)).isEmpty)
        #expect(machine.incident.told == ["phone", "mail"])
    }

    @Test func aLongTimelineLosesDetailNotDecisions() throws {
        let policy = try Story.policy()
        let opening = Story.alert(.fired(.crit), .p1)
        var (machine, _) = IncidentStateMachine.open(
            IncidentID("INC-1"),
            opening,
            to: policy.routes.destination(of: opening.labels, fingerprint: opening.fingerprint),
            policy: policy,
            at: Story.start
        )
        for index in 0..<2000 {
            let change: AlertTransition.Change = index % 2 == 0 ? .blind("\(index)") : .sighted
            _ = machine.advance(.alert(Story.alert(change)), at: Story.start)
        }
        #expect(machine.incident.eventCount == IncidentStateMachine.eventsMax)
        let actions = machine.advance(.acknowledge(by: "ann"), at: Story.start)
        #expect(actions.first?.line == "acknowledged: acknowledged (ann)")
    }

    @Test func oneMessageCarriesABoundedNumberOfAlerts() throws {
        let policy = try Story.policy(Story.grouped)
        let opening = Story.alert(.fired(.warn), service: "0")
        var (machine, actions) = IncidentStateMachine.open(
            IncidentID("INC-1"),
            opening,
            to: policy.routes.destination(of: opening.labels, fingerprint: opening.fingerprint),
            policy: policy,
            at: Story.start
        )
        for index in 1..<250 {
            actions = machine.advance(
                .alert(Story.alert(.fired(.warn), service: "\(index)")),
                at: Story.start
            )
        }
        guard case .send(let page) = actions.last else {
            Issue.record("the last alert was told")
            return
        }
        #expect(page.incident.alerts.count == Page.alertsMax)
        #expect(page.omittedAlerts == 150)
        #expect(machine.incident.alerts.count == 250)
        #expect(machine.incident.summary == "Latency service=0 (and 249 more)")
        #expect(machine.incident.commonLabels == ["alertname": "Latency"])
    }
}
