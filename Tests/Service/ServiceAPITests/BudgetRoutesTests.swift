import Foundation
import HTTPServer
import Model
import Rules
import SLO
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct BudgetRoutesTests {
    private static func objective(_ name: String, of metric: String) -> SLODefinition {
        let place = SourceLocation(file: "slo.yaml", line: 1, column: 1)
        func count(_ text: String) -> SLODefinition.Count {
            .init(selectors: [RuleExpression(text: text, location: place)], kind: .delta)
        }
        return SLODefinition(
            name: name,
            objective: 0.999,
            window: .rolling(.seconds(30 * 86400)),
            indicator: .badOverTotal(bad: count("\(metric)_bad"), total: count("\(metric)_total")),
            location: place
        )
    }

    private static func rig() throws -> APIRig {
        let rig = try APIRig()
        // Half an hour of 1,000 requests a minute; one in ten fails in the last five minutes.
        rig.put(["__name__": "web_total"], Array(repeating: 1000, count: 30))
        rig.put(
            ["__name__": "web_bad"],
            Array(repeating: 0, count: 25) + Array(repeating: 100, count: 5)
        )
        try rig.tracker.load(
            [objective("availability", of: "web"), objective("deploys", of: "deploy")],
            at: rig.clock.now()
        )
        _ = rig.tracker.tick(at: rig.clock.now())
        return rig
    }

    @Test(arguments: ["availability", "deploys"])
    func anObjectiveIsTheContract(_ name: String) async throws {
        let rig = try Self.rig()
        let response = try await rig.calls.answer("GET", "/v1/slos/\(name)")
        #expect(response.status == 200)
        #expect(response.header("Content-Type") == "application/json")
        try Golden.expect(Golden.lines(response.text), equals: "slo-\(name).json")
        let schema = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/schema/budget.schema.json")
        try Self.expect(
            JSONSerialization.jsonObject(with: Data(response.body)),
            has: JSONSerialization.jsonObject(with: Data(contentsOf: schema)),
            at: name
        )
    }

    /// Every key that the schema requires is there, at any depth, and no other.
    private static func expect(_ value: Any, has schema: Any, at place: String) {
        guard let schema = schema as? [String: Any] else { return }
        if let object = value as? [String: Any], let required = schema["required"] as? [String] {
            #expect(Set(object.keys) == Set(required), "\(place)")
            let properties = schema["properties"] as? [String: Any] ?? [:]
            for (key, inner) in object {
                expect(inner, has: properties[key] ?? [:], at: "\(place).\(key)")
            }
        }
        if let array = value as? [Any], let items = schema["items"] {
            for (index, inner) in array.enumerated() {
                expect(inner, has: items, at: "\(place)[\(index)]")
            }
        }
        for choice in schema["oneOf"] as? [Any] ?? schema["anyOf"] as? [Any] ?? [] {
            guard value is [String: Any], let choice = choice as? [String: Any],
                choice["required"] != nil
            else { continue }
            expect(value, has: choice, at: place)
        }
    }

    @Test func theListHasThemAll() async throws {
        let rig = try Self.rig()
        let list = try await rig.calls.answer("GET", "/v1/slos").text
        let one = try await rig.calls.answer("GET", "/v1/slos/availability").text
        let other = try await rig.calls.answer("GET", "/v1/slos/deploys").text
        #expect(list == #"{"slos":[\#(one),\#(other)]}"#)
        #expect(try await APIRig().calls.answer("GET", "/v1/slos").text == #"{"slos":[]}"#)
    }

    @Test(arguments: [
        ("availabilty", #"no objective "availabilty"; did you mean "availability"?"#),
        ("x", #"no objective "x"; there are: availability, deploys"#),
    ])
    func anUnknownOneIsAProblem(_ name: String, _ detail: String) async throws {
        let response = try await Self.rig().calls.answer("GET", "/v1/slos/\(name)")
        Problem.expect(response, 404, "not found", detail)
    }

    @Test func withoutObjectivesTheProblemSaysHowToHaveThem() async throws {
        let response = try await APIRig().calls.answer("GET", "/v1/slos/availability")
        Problem.expect(
            response,
            404,
            "not found",
            #"no objective "availability"; none is loaded; add slos: to a rule file"#
        )
    }
}
