import HTTPServer
import Incidents
import Ingest
import Model
import RuleEvaluation
import Rules
import SLO
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct PageRoutesTests {
    /// What an attacker, or a careless label, would put on the page.
    private static let hostile = #"</td><script>alert("x")</script>&'"#

    private static func rig() async throws -> APIRig {
        let rig = try APIRig()
        rig.put(["__name__": "up", "job": hostile], [0])
        let rules = """
            groups:
              - name: app
                interval: 15s
                rules:
                  - {alert: Down, expr: up == 0, labels: {severity: critical}}
                  - {alert: Soon, expr: up == 0, for: 1h}
            """
        rig.engine.evaluateDue(at: rig.clock.now())
        try rig.engine.load(try RuleLoader.load(text: rules, file: "app.yaml"))
        rig.clock.advance(by: .seconds(15))
        rig.engine.evaluateDue(at: rig.clock.now())
        await rig.engine.handOn()
        rig.sources.declare("forward", isOn: false, advice: "say <key> & \"go\"")
        rig.sources.refused(hostile, cause: "x", "refused \(hostile)")
        return rig
    }

    private static func expectSafe(_ response: HTTPResponse) {
        #expect(response.status == 200)
        #expect(response.header("Content-Type") == "text/html; charset=utf-8")
        #expect(
            response.header("Content-Security-Policy")
                == "default-src 'none'; style-src 'unsafe-inline'"
        )
        #expect(response.header("X-Content-Type-Options") == "nosniff")
        #expect(response.header("Cache-Control") == "no-store")
        #expect(!response.text.contains("<script"))
        #expect(!response.text.contains("<b>"), "only the page's own markup")
        #expect(!response.text.contains("alert(\""))
        #expect(!response.text.contains("src="), "nothing is loaded from elsewhere")
    }

    @Test func theFirstPageShowsHowThingsStand() async throws {
        let rig = try await Self.rig()
        let response = try await rig.calls.answer("GET", "/")
        Self.expectSafe(response)
        try Golden.expect(response.text, equals: "status.html")
    }

    @Test func aQuietPageSaysSo() async throws {
        let response = try await APIRig().calls.answer("GET", "/")
        Self.expectSafe(response)
        for text in [
            "Nothing is wrong that Tocsin knows of.", "No incidents.", "No objectives are loaded.",
            "No alerts.", "No sources.", "<title>Tocsin</title>",
        ] {
            #expect(response.text.contains(text), "\(text)")
        }
    }

    @Test func anIncidentsPageTellsItsStory() async throws {
        let rig = try await Self.rig()
        try await rig.dispatcher.note(IncidentID("INC-1"), "see \(Self.hostile)", by: "ann <b>")
        let response = try await rig.calls.answer("GET", "/ui/incidents/INC-1")
        Self.expectSafe(response)
        try Golden.expect(response.text, equals: "incident.html")
    }

    @Test func anUnknownIncidentHasNoPage() async throws {
        let response = try await APIRig().calls.answer("GET", "/ui/incidents/INC-9")
        #expect(response.status == 404)
        #expect(response.text.contains("there is no incident INC-9"))
    }
}
