import Model
import Testing
import Timekeeping
import YAML

@Suite struct MappingReaderTests {
    enum Policy: String, CaseIterable { case hold, ok, breach }

    /// Reads a mapping with one getter of each kind, and gives what was reported.
    static func problems(of text: String) throws -> [String] {
        let problems = DiagnosticCollector()
        let node = try YAMLParser.parse(Array(text.utf8), file: "f.yaml")
        let map = MappingReader(node, "a thing", problems)
        _ = map.requiredString("name")
        _ = map.bool("eager")
        _ = map.integer("limit", in: 0 ... .max)
        _ = map.integer("share", in: 1...9)
        _ = map.number("factor", in: 0...1)
        _ = map.duration("interval", in: .seconds(1) ... .seconds(3600))
        _ = map.bytes("memory", in: 1 ... .max)
        _ = map.choice("missing", Policy.self)
        _ = map.strings("regions")
        _ = map.stringMap("labels")
        for inner in map.mappings("rules", "a rule") {
            _ = inner.requiredString("expr")
            inner.finish()
        }
        map.finish()
        return problems.diagnostics.map(\.description)
    }

    struct Case: CustomTestStringConvertible {
        let text: String
        let expected: [String]
        var testDescription: String { text }
    }

    @Test(arguments: [
        Case(
            text:
                "{name: x, eager: true, limit: 3, share: 9, factor: 0.5, interval: 1m, memory: 2GiB}",
            expected: []
        ),
        Case(
            text:
                "{name: x, missing: ok, regions: [a, b], labels: {a: 1, b: }, rules: [{expr: y}]}",
            expected: []
        ),
        Case(text: "{name: x, regions: a, limit: , rules: }", expected: []),
        Case(
            text: "[1]",
            expected: ["f.yaml:1:1: a thing must be a mapping (key: value), not a list"]
        ),
        Case(text: "{limit: 1}", expected: ["f.yaml:1:1: a thing needs \"name\"; add it"]),
        Case(text: "{name: }", expected: ["f.yaml:1:2: a thing needs \"name\"; add it"]),
        Case(
            text: "{name: ''}",
            expected: ["f.yaml:1:8: \"name\" of a thing is empty; give it a value"]
        ),
        Case(
            text: "{name: [x]}",
            expected: ["f.yaml:1:8: \"name\" of a thing must be text, not a list"]
        ),
        Case(
            text: "{name: x, eager: yes}",
            expected: ["f.yaml:1:18: \"eager\" of a thing must be true or false, not \"yes\""]
        ),
        Case(
            text: "{name: x, limit: -1}",
            expected: ["f.yaml:1:18: \"limit\" of a thing is -1; it must be at least 0"]
        ),
        Case(
            text: "{name: x, share: 10}",
            expected: ["f.yaml:1:18: \"share\" of a thing is 10; it must be between 1 and 9"]
        ),
        Case(
            text: "{name: x, limit: many}",
            expected: ["f.yaml:1:18: \"limit\" of a thing must be a whole number, not \"many\""]
        ),
        Case(
            text: "{name: x, factor: nan}",
            expected: ["f.yaml:1:19: \"factor\" of a thing is nan; it must be between 0.0 and 1.0"]
        ),
        Case(
            text: "{name: x, interval: 5 minutes}",
            expected: [
                "f.yaml:1:21: \"interval\" of a thing must be a duration like 30s, 5m or 1h30m, not \"5 minutes\""
            ]
        ),
        Case(
            text: "{name: x, interval: 2h}",
            expected: ["f.yaml:1:21: \"interval\" of a thing is 2h; it must be between 1s and 1h"]
        ),
        Case(
            text: "{name: x, memory: lots}",
            expected: [
                "f.yaml:1:19: \"memory\" of a thing must be a size like 512, 64KiB or 2GiB, not \"lots\""
            ]
        ),
        Case(
            text: "{name: x, missing: holt}",
            expected: ["f.yaml:1:20: unknown missing \"holt\"; use one of hold, ok, breach"]
        ),
        Case(
            text: "{name: x, regions: [{}]}",
            expected: ["f.yaml:1:21: \"regions\" of a thing lists texts, not a mapping"]
        ),
        Case(
            text: "{name: x, labels: [a]}",
            expected: [
                "f.yaml:1:19: \"labels\" of a thing must be a mapping (name: value), not a list"
            ]
        ),
        Case(
            text: "{name: x, labels: {a: [b]}}",
            expected: ["f.yaml:1:23: a in \"labels\" of a thing must be text, not a list"]
        ),
        Case(
            text: "{name: x, rules: {}}",
            expected: ["f.yaml:1:18: \"rules\" of a thing must be a list, not a mapping"]
        ),
        Case(
            text: "{name: x, labls: {}, zzzzzzzz: 1}",
            expected: [
                "f.yaml:1:11: unknown key \"labls\" in a thing; did you mean \"labels\"?",
                "f.yaml:1:22: unknown key \"zzzzzzzz\" in a thing; known keys: eager, factor, interval, labels, "
                    + "limit, memory, missing, name, regions, rules, share",
            ]
        ),
        Case(
            text: "{eager: 1, rules: [{exp: y}]}",
            expected: [
                "f.yaml:1:1: a thing needs \"name\"; add it",
                "f.yaml:1:9: \"eager\" of a thing must be true or false, not \"1\"",
                "f.yaml:1:20: a rule needs \"expr\"; add it",
                "f.yaml:1:21: unknown key \"exp\" in a rule; did you mean \"expr\"?",
            ]
        ),
    ])
    func problems(_ one: Case) throws {
        #expect(try MappingReaderTests.problems(of: one.text) == one.expected)
    }

    @Test func valuesAreTyped() throws {
        let problems = DiagnosticCollector()
        let text = "{a: 90s, b: 1.5GiB, c: 10 MB, d: 7, e: -0.5, f: {x: 1, y: ~}, g: breach}"
        let map = MappingReader(
            try YAMLParser.parse(Array(text.utf8), file: "f.yaml"),
            "a thing",
            problems
        )
        #expect(map.duration("a") == .seconds(90))
        #expect(map.bytes("b") == 1_610_612_736)
        #expect(map.bytes("c") == 10_000_000)
        #expect(map.bytes("d") == 7)
        #expect(map.number("e") == -0.5)
        #expect(map.stringMap("f") == ["x": "1", "y": ""])
        #expect(map.choice("g", Policy.self) == .breach)
        #expect(map.strings("h") == [])
        map.finish()
        #expect(problems.isEmpty)
    }

    @Test func finishThrowsEverythingInFileOrder() {
        let problems = DiagnosticCollector()
        problems.report(SourceLocation(file: "b", line: 1, column: 1), "third")
        problems.report(SourceLocation(file: "a", line: 2, column: 1), "second")
        problems.report(SourceLocation(file: "a", line: 1, column: 9), "first")
        let list = #expect(throws: DiagnosticList.self) { try problems.finish() }
        #expect(list?.description == "a:1:9: first\na:2:1: second\nb:1:1: third")
    }
}
