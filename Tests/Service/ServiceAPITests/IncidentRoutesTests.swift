import APIModel
import Foundation
import HTTPServer
import Incidents
import Model
import OnCall
import Paging
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct IncidentRoutesTests {
    @Test func anIncidentIsToldWithItsTimeline() async throws {
        let rig = try APIRig()
        try await rig.alert(.fired(.warn), priority: .p3)
        rig.clock.advance(by: .seconds(60))
        try await rig.alert(.levelChanged(from: .warn, to: .crit))
        rig.clock.advance(by: .milliseconds(1500))
        let taken = try await rig.calls.answer(
            "POST",
            "/v1/incidents/INC-1/ack",
            body: #"{"by": "ann"}"#
        )
        #expect(taken.status == 200)
        let told = try await rig.calls.answer("GET", "/v1/incidents/INC-1")
        #expect(told.status == 200)
        #expect(told.header("Content-Type") == "application/json")
        #expect(told.text == taken.text, "an action answers how the incident stands after it")
        try Golden.expect(Golden.lines(told.text), equals: "incident.json")
    }

    @Test func theListHidesWhatIsOver() async throws {
        let rig = try APIRig()
        try await rig.alert(.fired(.crit))
        try await rig.alert(.fired(.crit), labels: ["alertname": "Other"], priority: .p1)
        try await rig.alert(.resolved)
        func ids(_ target: String) async throws -> [String] {
            let response = try await rig.calls.answer("GET", target)
            #expect(response.status == 200)
            return try APIJSON.decode(IncidentListDocument.self, from: Data(response.body))
                .incidents.map(\.id)
        }
        #expect(try await ids("/v1/incidents") == ["INC-2"])
        #expect(try await ids("/v1/incidents?all=false") == ["INC-2"])
        #expect(Set(try await ids("/v1/incidents?all=true")) == ["INC-1", "INC-2"])
        let nobody = try await APIRig().calls.answer("GET", "/v1/incidents")
        #expect(nobody.text == #"{"incidents":[]}"#)
    }

    @Test func theListMayBeCut() async throws {
        let rig = try APIRig()
        for name in ["A", "B", "C"] {
            try await rig.alert(.fired(.crit), labels: ["alertname": name])
        }
        for target in ["/v1/incidents", "/v1/deliveries"] {
            let cut = try await rig.calls.answer("GET", "\(target)?limit=2")
            #expect(cut.status == 200)
            #expect(cut.text.matches(of: /"summary":|"receiver":/).count == 2, "\(cut.text)")
            for limit in ["0", "-1", "10001", "x", "", "1.5"] {
                let refused = try await rig.calls.answer("GET", "\(target)?limit=\(limit)")
                Problem.expect(
                    refused,
                    400,
                    "bad request",
                    "limit must be a whole number from 1 to 10000"
                )
            }
        }
    }

    struct Action: CustomTestStringConvertible, Sendable {
        var name: String
        var body: String
        /// State and last event afterwards.
        var state: String
        var event: String

        var testDescription: String { name }
    }

    static let actions: [Action] = [
        Action(name: "ack", body: #"{"by": "ann"}"#, state: "acknowledged", event: "acknowledged"),
        Action(name: "resolve", body: #"{"by": "ann"}"#, state: "resolved", event: "resolved"),
        Action(
            name: "snooze",
            body: #"{"by": "ann", "seconds": 1800}"#,
            state: "acknowledged",
            event: "snoozed"
        ),
        Action(
            name: "note",
            body: #"{"by": "ann", "text": "it is the cache"}"#,
            state: "open",
            event: "note"
        ),
    ]

    @Test(arguments: actions) func peopleAct(_ action: Action) async throws {
        let rig = try APIRig()
        try await rig.alert(.fired(.crit))
        let response = try await rig.calls.answer(
            "POST",
            "/v1/incidents/INC-1/\(action.name)",
            body: action.body
        )
        #expect(response.status == 200)
        let incident = try APIJSON.decode(IncidentDocument.self, from: Data(response.body))
        #expect(incident.state == action.state)
        let event = try #require(incident.timeline.last { $0.by == "ann" })
        #expect(event.kind == action.event)
        #expect(incident.snoozedUntil == (action.name == "snooze" ? "2023-11-14T22:43:20Z" : nil))
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var target: String
        var body: String
        var status: Int
        var title: String
        var detail: String

        var testDescription: String { "\(target) \(body.prefix(60))" }
    }

    private static let noIncident =
        "there is no incident INC-9; `sloctl incident list --all` shows those that are kept"
    private static let noBody = #"the body must be a JSON object such as {"by": "ann"}"#

    static let refusals: [Refusal] = [
        Refusal(
            target: "INC-9/ack",
            body: #"{"by":"ann"}"#,
            status: 404,
            title: "not found",
            detail: noIncident
        ),
        Refusal(
            target: "INC-9/note",
            body: #"{"by":"ann","text":"x"}"#,
            status: 404,
            title: "not found",
            detail: noIncident
        ),
        Refusal(
            target: "INC-1/explode",
            body: #"{"by":"ann"}"#,
            status: 404,
            title: "not found",
            detail: #"no action "explode"; there are ack, resolve, snooze, note"#
        ),
        Refusal(
            target: "INC-2/ack",
            body: #"{"by":"ann"}"#,
            status: 409,
            title: "conflict",
            detail: "incident INC-2 is resolved already"
        ),
        Refusal(
            target: "INC-2/resolve",
            body: #"{"by":"ann"}"#,
            status: 409,
            title: "conflict",
            detail: "incident INC-2 is resolved already"
        ),
        Refusal(
            target: "INC-2/snooze",
            body: #"{"by":"ann","seconds":60}"#,
            status: 409,
            title: "conflict",
            detail: "incident INC-2 is resolved already"
        ),
        Refusal(
            target: "INC-1/ack",
            body: #"{"by":""}"#,
            status: 422,
            title: "not acceptable",
            detail: "the name of who acts is empty; say it"
        ),
        Refusal(
            target: "INC-1/ack",
            body: #"{"by":"\#(String(repeating: "a", count: 201))"}"#,
            status: 422,
            title: "not acceptable",
            detail: "the text has 201 characters (limit 200); shorten it"
        ),
        Refusal(
            target: "INC-1/note",
            body: #"{"by":"ann"}"#,
            status: 422,
            title: "not acceptable",
            detail: "the note is empty; say it"
        ),
        Refusal(
            target: "INC-1/note",
            body: #"{"by":"ann","text":"\#(String(repeating: "a", count: 10_001))"}"#,
            status: 422,
            title: "not acceptable",
            detail: "the text has 10001 characters (limit 10000); shorten it"
        ),
        Refusal(
            target: "INC-1/snooze",
            body: #"{"by":"ann"}"#,
            status: 422,
            title: "not acceptable",
            detail: "a snooze of 0 s is out of range; give between 1 s and 168 h"
        ),
        Refusal(
            target: "INC-1/snooze",
            body: #"{"by":"ann","seconds":9223372036854775807}"#,
            status: 422,
            title: "not acceptable",
            detail: "a snooze of 9223372036854775 s is out of range; give between 1 s and 168 h"
        ),
        Refusal(target: "INC-1/ack", body: "", status: 400, title: "bad request", detail: noBody),
        Refusal(target: "INC-1/ack", body: "{}", status: 400, title: "bad request", detail: noBody),
        Refusal(target: "INC-1/ack", body: "[]", status: 400, title: "bad request", detail: noBody),
        Refusal(
            target: "INC-1/ack",
            body: #"{"by": 7}"#,
            status: 400,
            title: "bad request",
            detail: noBody
        ),
        Refusal(
            target: "INC-1/snooze",
            body: #"{"by":"ann","seconds":"1h"}"#,
            status: 400,
            title: "bad request",
            detail: noBody
        ),
    ]

    @Test(arguments: refusals) func refusesWithAProblem(_ refusal: Refusal) async throws {
        let rig = try APIRig()
        try await rig.alert(.fired(.crit))
        try await rig.alert(.fired(.crit), labels: ["alertname": "Other"])
        try await rig.dispatcher.resolve(IncidentID("INC-2"), by: "bob")
        let before = try await rig.calls.answer("GET", "/v1/incidents/INC-1").text
        let response = try await rig.calls.answer(
            "POST",
            "/v1/incidents/\(refusal.target)",
            body: refusal.body
        )
        Problem.expect(response, refusal.status, refusal.title, refusal.detail)
        #expect(try await rig.calls.answer("GET", "/v1/incidents/INC-1").text == before)
    }

    @Test func anUnknownIncidentIsAProblem() async throws {
        let response = try await APIRig().calls.answer("GET", "/v1/incidents/INC-9")
        Problem.expect(response, 404, "not found", Self.noIncident)
    }

    @Test func resolvingReleasesTheAlertsThatFire() async throws {
        let rig = try APIRig()
        let released = Mutex<[String]>([])
        let routes = IncidentRoutes(dispatcher: rig.dispatcher, pages: rig.pages) { fingerprint in
            released.withLock { $0.append(fingerprint) }
        }.routes
        let labels: LabelSet = ["alertname": "P99Latency", "service": "api"]
        try await rig.alert(.fired(.crit), labels: labels)
        let response = try await RouteCall(routes: routes).answer(
            "POST",
            "/v1/incidents/INC-1/resolve",
            body: #"{"by": "ann"}"#
        )
        #expect(response.status == 200)
        #expect(released.withLock { $0 } == [labels.fingerprintText])
    }

    @Test func deliveriesShowEveryTry() async throws {
        let rig = try APIRig()
        try await rig.alert(.fired(.crit))
        try await rig.pages.deliverDue(at: rig.clock.now())
        let failing = try await rig.calls.answer("GET", "/v1/deliveries")
        #expect(failing.status == 200)
        #expect(failing.text.contains(#""state":"pending""#))
        let next = try #require(try await rig.pages.nextDue())
        rig.clock.set(next)
        rig.pager.status.store(204, ordering: .relaxed)
        try await rig.pages.deliverDue(at: next)
        let delivered = try await rig.calls.answer("GET", "/v1/deliveries?incident=INC-1")
        try Golden.expect(Golden.lines(delivered.text), equals: "deliveries.json")
        let none = try await rig.calls.answer("GET", "/v1/deliveries?incident=INC-9")
        #expect(none.text == #"{"deliveries":[]}"#)
    }

    @Test func aStoreThatFailsIsAnInternalError() async throws {
        let rig = try APIRig()
        let policy = try OnCallFile.load(Array(APIRig.onCall.utf8), file: "oncall.yaml")
        let dispatcher = Dispatcher(
            policy: policy,
            store: BrokenStore(),
            clock: rig.clock,
            ids: CountedNames(),
            log: .silent,
            metrics: MetricsRegistry()
        )
        let pages = PagePipeline(
            receivers: ReceiverSet(providers: [:]),
            store: BrokenStore(),
            http: rig.pager,
            secondChannel: dispatcher,
            wake: dispatcher.pagesAdded,
            clock: rig.clock,
            sleeper: SystemSleeper(),
            random: SeededGenerator(seed: 1),
            log: .silent,
            metrics: MetricsRegistry()
        )
        let incidents = IncidentRoutes(dispatcher: dispatcher, pages: pages) { _ in }
        let budgets = BudgetRoutes(tracker: rig.tracker, clock: rig.clock)
        let ui = PageRoutes(
            incidents: incidents,
            budgets: budgets,
            rules: rig.rules,
            sources: rig.sourceRoutes,
            clock: rig.clock
        )
        let calls = RouteCall(routes: incidents.routes + ui.routes)
        for (method, target) in [
            ("GET", "/v1/incidents"), ("GET", "/v1/incidents/INC-1"), ("GET", "/v1/deliveries"),
            ("GET", "/"), ("GET", "/ui/incidents/INC-1"), ("POST", "/v1/incidents/INC-1/ack"),
            ("POST", "/v1/incidents/INC-1/resolve"),
        ] {
            let response = try await calls.answer(method, target, body: #"{"by":"ann"}"#)
            Problem.expect(response, 500, "internal error", "the disk is full")
        }
    }
}
