import HTTPServer
import Ingest
import Model
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct SourceRoutesTests {
    private static func rig() throws -> APIRig {
        let rig = try APIRig()
        rig.sources.declare("cloudwatch", isOn: false, advice: "add an entry to sources.cloudwatch")
        rig.sources.declare("remote_write", isOn: true)
        var result = AppendResult()
        result.accepted = 3
        result.refuse(.outOfOrder, samples: 2, "late")
        rig.sources.admitted("remote_write", result, newest: rig.clock.now() - .milliseconds(2500))
        rig.sources.declare("forward", isOn: true)
        rig.sources.failed("forward", advice: "wrong key from 10.0.0.1")
        rig.sources.declare("quiet", isOn: true)
        rig.clock.advance(by: .seconds(1))
        return rig
    }

    @Test func sourcesSayWhatTheyDo() async throws {
        let response = try await Self.rig().calls.answer("GET", "/v1/sources")
        #expect(response.status == 200)
        try Golden.expect(Golden.lines(response.text), equals: "sources.json")
    }

    @Test func sourcesThatAreOnAreTargets() async throws {
        let response = try await Self.rig().calls.answer("GET", "/api/v1/targets")
        #expect(response.status == 200)
        try Golden.expect(Golden.lines(response.text), equals: "targets.json")
    }

    @Test func targetsMayBeFilteredByState() async throws {
        let dropped = try await Self.rig().calls.answer("GET", "/api/v1/targets?state=dropped")
        PrometheusAnswer.data(#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}"#)
            .expect(dropped, "dropped")
        let active = try await Self.rig().calls.answer("GET", "/api/v1/targets?state=active")
        #expect(active.text.contains(#""scrapePool":"remote_write""#))
    }
}
