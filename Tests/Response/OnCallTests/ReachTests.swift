import Model
import Testing
import Timekeeping

@testable import OnCall

@Suite struct ReachTests {
    private func time(_ text: String) throws -> Timestamp {
        try #require(Timestamp(rfc3339: text))
    }

    @Test func aStepReachesWhoeverIsOnCallThen() throws {
        let policy = try OnCallFileTests.team()
        let escalation = try #require(policy.escalations["default"])
        // Monday to Monday olena, on the 7th by day ines.
        let first = policy.contacts(
            escalation,
            step: 0,
            hours: .always,
            at: try time("2026-01-06T12:00:00Z")
        )
        #expect(
            first == [
                Contact(
                    targets: ["schedule/primary"],
                    people: ["olena"],
                    receiver: "pager",
                    fallbacks: ["hook", "pager-eu"]
                )
            ]
        )
        let stepIn = policy.contacts(
            escalation,
            step: 0,
            hours: .always,
            at: try time("2026-01-07T12:00:00Z")
        )
        #expect(stepIn.map(\.people) == [["ines"]])
        #expect(stepIn.map(\.fallbacks) == [["pager-eu", "pager"]])
    }

    @Test func aReceiverIsNotifiedOnceForAllItsPeople() throws {
        let policy = try OnCallFileTests.team()
        let escalation = try #require(policy.escalations["default"])
        // On 2 January 2026 ines is secondary, and named by the step itself.
        let contacts = policy.contacts(
            escalation,
            step: 1,
            hours: .always,
            at: try time("2026-01-02T12:00:00Z")
        )
        #expect(
            contacts == [
                Contact(
                    targets: ["schedule/secondary", "person/ines"],
                    people: ["ines"],
                    receiver: "hook",
                    fallbacks: ["pager-eu"]
                )
            ]
        )
    }

    @Test func simulationWalksStepsAndRounds() throws {
        let policy = try OnCallFileTests.team()
        let opened = try time("2026-01-06T00:00:00Z")
        let reached = policy.simulate(.p1, openedAt: opened)
        #expect(
            reached.map { ($0.at - opened).inSeconds / 60 } == [0, 30, 60, 90, 120, 150, 180, 210]
        )
        #expect(reached.map(\.position.round) == [0, 0, 1, 1, 2, 2, 3, 3])
        let routed = policy.simulate(.p1, routed: "database", openedAt: opened)
        #expect(routed.map { ($0.at - opened).inSeconds / 60 } == [0, 5, 15, 20])
        #expect(routed.map { $0.contacts[0].receiver } == ["hook", "pager", "hook", "pager"])
    }

    @Test func minorIncidentsWaitForSomebodyWhoIsAwake() throws {
        let policy = try OnCallFileTests.team()
        // Half past midnight in Kyiv: olena (08:00 to 22:00 there) is on call and asleep.
        let reached = policy.simulate(.p3, openedAt: try time("2026-01-05T22:30:00Z"))
        #expect(reached[0].at == (try time("2026-01-06T06:00:00Z")))
        #expect(reached[0].contacts.map(\.people) == [["olena"]])
        // The second step half an hour later: taras is up since 07:00 his time, ines sleeps in New York.
        #expect(reached[1].at == (try time("2026-01-06T06:30:00Z")))
        #expect(reached[1].contacts.flatMap(\.people) == ["taras"])
    }

    @Test func aHandoffWhileEverybodySleepsIsLookedThrough() throws {
        let policy = try OnCallFileTests.team()
        // Sunday night: the next to wake is taras at 07:00, but olena's turn lasts until Monday 09:00, and
        // she is up at 08:00.
        let reached = policy.simulate(.p3, openedAt: try time("2026-01-11T21:00:00Z"))
        #expect(reached[0].at == (try time("2026-01-12T06:00:00Z")))
        #expect(reached[0].contacts.map(\.people) == [["olena"]])
    }

    @Test func theDigestComesWithTheNextBusinessDay() throws {
        let policy = try OnCallFileTests.team()
        // Thursday evening; business days end with Thursday here.
        let reached = policy.simulate(.p4, openedAt: try time("2026-01-08T20:00:00Z"))
        #expect(reached.count == 1)
        #expect(reached[0].at == (try time("2026-01-12T08:00:00Z")))
        #expect(reached[0].contacts.map(\.receiver) == ["pager"])
        #expect(
            policy.respondBy(.p4, openedAt: try time("2026-01-08T20:00:00Z"))
                == (try time("2026-01-12T16:00:00Z"))
        )
    }

    struct Case: CustomTestStringConvertible {
        var labels: LabelSet
        var dedupKey: String
        var groupKey: String
        var receivers: [String]
        var escalation: String?

        var testDescription: String { "\(labels)" }
    }

    @Test(arguments: [
        Case(
            labels: ["alertname": "A", "service": "api", "pod": "x"],
            dedupKey: "{}:{alertname=\"A\", service=\"api\"}",
            groupKey: "{}:{alertname=\"A\", service=\"api\"}",
            receivers: ["chat"]
        ),
        Case(
            labels: ["alertname": "A", "team": "database", "severity": "page"],
            dedupKey: "f",
            groupKey:
                "{}/{team=\"database\"}:{alertname=\"A\", severity=\"page\", team=\"database\"}",
            receivers: ["chat", "hook"],
            escalation: "database"
        ),
        Case(
            labels: ["alertname": "A", "severity": "critical", "env": "test"],
            dedupKey: "{}:{alertname=\"A\"}",
            groupKey: "{}:{alertname=\"A\"}",
            receivers: ["chat"]
        ),
        Case(
            labels: ["alertname": "A", "severity": "critical"],
            dedupKey: "{}/{severity=~\"page|critical\",env!=\"test\"}:{alertname=\"A\"}",
            groupKey: "{}/{severity=~\"page|critical\",env!=\"test\"}:{alertname=\"A\"}",
            receivers: ["hook"]
        ),
    ])
    func routing(example: Case) throws {
        let policy = try OnCallFileTests.team()
        let destination = policy.routes.destination(of: example.labels, fingerprint: "f")
        #expect(destination.dedupKey == example.dedupKey)
        #expect(destination.groupKey == example.groupKey)
        #expect(destination.receivers == example.receivers)
        #expect(destination.escalation == example.escalation)
    }

    @Test func withoutRoutesEachAlertHasAnIncidentOfItsOwn() {
        let root = Route(location: SourceLocation(file: "f", line: 1, column: 1))
        let destination = root.destination(of: ["alertname": "A"], fingerprint: "00ff")
        #expect(destination.dedupKey == "00ff")
        #expect(destination.groupKey == "{}:{alertname=\"A\"}")
        #expect(destination.receivers == [])
    }
}
