import Model
import TestSupport
import Testing
import YAML

@Suite struct YAMLParserTests {
    static func parse(
        _ text: String,
        limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> YAMLNode {
        try YAMLParser.parse(Array(text.utf8), file: "f.yaml", limits: limits)
    }

    /// A tree as compact text with the places of scalars, to compare with.
    static func render(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let scalar): "\(scalar.text)@\(node.location.line):\(node.location.column)"
        case .sequence(let items): "[" + items.map(render).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{"
                + entries.map { "\(render($0.key)): \(render($0.value))" }.joined(separator: ", ")
                + "}"
        }
    }

    struct Tree: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let expected: String

        init(_ testDescription: String, _ text: String, _ expected: String) {
            self.testDescription = testDescription
            self.text = text
            self.expected = expected
        }
    }

    @Test(arguments: [
        Tree("block mapping", "a: 1\nb:\n  - x\n  - y\n", "{a@1:1: 1@1:4, b@2:1: [x@3:5, y@4:5]}"),
        Tree(
            "flow styles",
            "{a: [1, 2], b: {c: d}}",
            "{a@1:2: [1@1:6, 2@1:9], b@1:13: {c@1:17: d@1:20}}"
        ),
        Tree("order is kept", "z: 1\na: 2\n", "{z@1:1: 1@1:4, a@2:1: 2@2:4}"),
        Tree("quoted scalars", "a: 'it''s'\nb: \"x\\ty\"\n", "{a@1:1: it's@1:4, b@2:1: x\ty@2:4}"),
        Tree("literal block", "a: |\n  x\n  y\n", "{a@1:1: x\ny\n@1:4}"),
        Tree("columns count characters", "é: [ö, x]", "{é@1:1: [ö@1:5, x@1:8]}"),
        Tree("byte order mark", "\u{FEFF}a: 1", "{a@1:1: 1@1:4}"),
        Tree("Windows line ends", "a: 1\r\nb: 2\r\n", "{a@1:1: 1@1:4, b@2:1: 2@2:4}"),
        Tree("alias", "a: &x [1]\nb: *x\n", "{a@1:1: [1@1:8], b@2:1: [1@1:8]}"),
        Tree("anchor on a scalar", "a: &x 1\nb: *x\n", "{a@1:1: 1@1:4, b@2:1: 1@1:4}"),
        Tree(
            "merge keys give way to own keys",
            "d: &d {a: 1, b: 2}\ne:\n  <<: *d\n  b: 3\n",
            "{d@1:1: {a@1:8: 1@1:11, b@1:14: 2@1:17}, e@2:1: {b@4:3: 3@4:6, a@1:8: 1@1:11}}"
        ),
        Tree(
            "the first of merged mappings wins",
            "x: &x {a: 1}\ny: &y {a: 2, b: 3}\nz: {<<: [*x, *y]}\n",
            "{x@1:1: {a@1:8: 1@1:11}, y@2:1: {a@2:8: 2@2:11, b@2:14: 3@2:17}, "
                + "z@3:1: {a@1:8: 1@1:11, b@2:14: 3@2:17}}"
        ),
        Tree("a quoted << is a key", "'<<': 1", "{<<@1:1: 1@1:7}"),
        Tree("empty file", "", "@1:1"),
        Tree("comments alone", "# nothing\n", "@1:1"),
    ])
    func trees(_ tree: Tree) throws {
        #expect(YAMLParserTests.render(try YAMLParserTests.parse(tree.text)) == tree.expected)
    }

    struct Refusal: CustomTestStringConvertible {
        let text: String
        let reason: YAMLError.Reason
        let message: String
        let limits: YAMLLimits

        init(
            _ text: String,
            _ reason: YAMLError.Reason,
            _ message: String,
            limits: YAMLLimits = YAMLLimits()
        ) {
            self.text = text
            self.reason = reason
            self.message = message
            self.limits = limits
        }

        var testDescription: String { "\(reason): \(text.prefix(30))" }
    }

    @Test(arguments: [
        Refusal(
            "a: 1\nb: 2\na: 3\n",
            .duplicateKey,
            "f.yaml:3:1: key \"a\" is already given at line 1; remove one of them"
        ),
        Refusal(
            "a: {x: 1, x: 2}\na: 3\n",
            .duplicateKey,
            "f.yaml:1:11: key \"x\" is already given at line 1; remove one of them\n"
                + "f.yaml:2:1: key \"a\" is already given at line 1; remove one of them"
        ),
        Refusal("a: [1, 2\n", .syntax, "f.yaml:2:1: not valid YAML"),
        Refusal("a: b: c\n", .syntax, "f.yaml:1:5: not valid YAML"),
        Refusal(
            "a:\n\t- b\n",
            .syntax,
            "f.yaml:2:1: not valid YAML: found character that cannot start any token"
        ),
        Refusal("a: %x\n  b: @c", .syntax, "f.yaml:"),
        Refusal(
            "a: *nobody",
            .unknownAlias,
            "f.yaml:1:4: alias \"*nobody\" has no anchor \"&nobody\" before it"
        ),
        Refusal(
            "a: &a [*a]",
            .unknownAlias,
            "f.yaml:1:8: alias \"*a\" stands inside its own anchor"
        ),
        Refusal(
            "a: {<<: [1]}",
            .badMerge,
            "f.yaml:1:9: merge key \"<<\" takes a mapping or a list of mappings, not \"1\""
        ),
        Refusal("[a]: 1", .syntax, "f.yaml:1:1: a key must be plain text, not a list"),
        Refusal(
            "a: 1\n---\nb: 2\n",
            .severalDocuments,
            "f.yaml:3:1: a second document begins here"
        ),
        Refusal(
            "[[[[1]]]]",
            .tooDeep,
            "f.yaml:1:4: nested deeper than 3 levels",
            limits: YAMLLimits(depthMax: 3)
        ),
        Refusal(
            "a: 12345",
            .tooLarge,
            "f.yaml:1:1: the file has 8 bytes (limit 7); split it",
            limits: YAMLLimits(bytesMax: 7)
        ),
        Refusal(
            "[1, 2, 3]",
            .tooManyNodes,
            "f.yaml:1:8: more than 2 values",
            limits: YAMLLimits(nodesMax: 2)
        ),
    ])
    func refusals(_ refusal: Refusal) throws {
        let error = #expect(throws: YAMLError.self) {
            try YAMLParserTests.parse(refusal.text, limits: refusal.limits)
        }
        #expect(error?.reason == refusal.reason)
        #expect(
            error?.description.hasPrefix(refusal.message) == true,
            "\(error?.description ?? "")"
        )
    }

    @Test func billionLaughsAreBounded() throws {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: YAMLError.self) { try YAMLParserTests.parse(text) }
        #expect(error?.reason == .tooManyNodes)
    }

    @Test func bytesThatAreNotUTF8AreRefusedWithTheirPlace() throws {
        let error = #expect(throws: YAMLError.self) {
            try YAMLParser.parse(Array("a: 1\nb: ".utf8) + [0xff, 0xfe], file: "f.yaml")
        }
        #expect(error?.reason == .encoding)
        #expect(error?.description.hasPrefix("f.yaml:2:4: not readable as UTF-8 text") == true)
    }

    @Test func severalDocumentsAreReadWhenAsked() throws {
        let documents = try YAMLParser.parseDocuments(
            Array("---\na: 1\n---\nb: 2\n".utf8),
            file: "f.yaml"
        )
        #expect(documents.map(YAMLParserTests.render) == ["{a@2:1: 1@2:4}", "{b@4:1: 2@4:4}"])
    }

    struct Position: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        /// What to look for in the value.
        let mark: String
        let line: Int
        let column: Int
    }

    /// The file's own place of a mark within a scalar, in every style.
    @Test(arguments: [
        Position(testDescription: "plain", text: "e: rate(x[5m])", mark: "[", line: 1, column: 10),
        Position(
            testDescription: "plain over lines",
            text: "e: a +\n     bcd",
            mark: "cd",
            line: 2,
            column: 7
        ),
        Position(
            testDescription: "single quotes",
            text: "e: 'a''b @'",
            mark: "@",
            line: 1,
            column: 10
        ),
        Position(
            testDescription: "double quotes",
            text: "e: \"a\\\"b \\u00e9@\"",
            mark: "@",
            line: 1,
            column: 16
        ),
        Position(
            testDescription: "escaped blanks",
            text: "e: \"a\\n\\tb@\"",
            mark: "@",
            line: 1,
            column: 11
        ),
        Position(
            testDescription: "double quotes over lines",
            text: "e: \"a \\\n   @b\"",
            mark: "@",
            line: 2,
            column: 4
        ),
        Position(
            testDescription: "literal",
            text: "e: |\n  sum(\n    x @\n  )",
            mark: "@",
            line: 3,
            column: 7
        ),
        Position(
            testDescription: "literal with a comment",
            text: "e: |- # why\n  x\n  # a\n  @",
            mark: "@",
            line: 4,
            column: 3
        ),
        Position(
            testDescription: "folded",
            text: "e: >-\n  a\n  b\n\n  c @",
            mark: "@",
            line: 5,
            column: 5
        ),
        Position(
            testDescription: "after other line separators",
            text: "a: x\u{2028}b: y\u{85}c: 1\re: |\r\n  @",
            mark: "@",
            line: 5,
            column: 3
        ),
        Position(
            testDescription: "anchor and tag before it",
            text: "e: &a !!str\n  'x @'",
            mark: "@",
            line: 2,
            column: 6
        ),
        Position(
            testDescription: "not ASCII before it",
            text: "e: é == @",
            mark: "@",
            line: 1,
            column: 9
        ),
    ])
    func positionsWithinScalars(_ position: Position) throws {
        let scalar = try #require(try YAMLParserTests.parse(position.text)["e"]?.scalar)
        let range = try #require(scalar.text.firstRange(of: position.mark))
        let offset = scalar.text.utf8.distance(
            from: scalar.text.startIndex,
            to: range.lowerBound
        )
        #expect(
            scalar.location(ofByte: offset)
                == SourceLocation(file: "f.yaml", line: position.line, column: position.column)
        )
    }

    @Test func randomBytesNeverTrap() {
        let alphabet = Array("ab:-[]{},&*!|>'\"%@`#?<~ \n\t\r0\\".utf8) + [0xc3, 0xa9, 0x85]
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                bytes.append(alphabet.randomElement(using: &generator) ?? 0)
            }
            if let node = try? YAMLParser.parse(bytes, file: "f.yaml") {
                YAMLParserTests.locateAll(node)
            }
        }
    }

    static func locateAll(_ node: YAMLNode) {
        if let scalar = node.scalar {
            for offset in 0...scalar.text.utf8.count { _ = scalar.location(ofByte: offset) }
        }
        for item in node.items ?? [] { locateAll(item) }
        for entry in node.entries ?? [] {
            locateAll(entry.key)
            locateAll(entry.value)
        }
    }
}
