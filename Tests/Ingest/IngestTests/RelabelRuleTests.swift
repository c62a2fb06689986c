import Ingest
import Model
import Testing
import YAML

@Suite struct RelabelRuleTests {
    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var rules: String
        var labels: [String: String]
        /// Nil: the labels are dropped.
        var result: [String: String]?

        init(
            _ testDescription: String,
            _ rules: String,
            _ labels: [String: String],
            _ result: [String: String]?
        ) {
            self.testDescription = testDescription
            self.rules = rules
            self.labels = labels
            self.result = result
        }
    }

    /// Reads rules as `relabel_configs` has them.
    static func rules(_ text: String) throws -> (rules: [RelabelRule], problems: [String]) {
        let problems = DiagnosticCollector()
        let root = try YAMLParser.parse(Array("rules:\n\(text)".utf8), file: "rules.yml")
        let map = MappingReader(root, "the file", problems)
        let rules = RelabelRule.list("rules", of: map)
        map.finish()
        return (rules, problems.diagnostics.map(\.description))
    }

    @Test(arguments: [
        Case(
            "replace joins sources and puts groups in",
            #"- {source_labels: [a, b], regex: "(x.*);(.*)", target_label: c, replacement: "${2}-$1"}"#,
            ["a": "xy", "b": "z"],
            ["a": "xy", "b": "z", "c": "z-xy"]
        ),
        Case(
            "replace without a match changes nothing",
            #"- {source_labels: [a], regex: "x", target_label: c}"#,
            ["a": "xx"],
            ["a": "xx"]
        ),
        Case(
            "replace with an empty result removes the label",
            #"- {source_labels: [none], target_label: a}"#,
            ["a": "1", "b": "2"],
            ["b": "2"]
        ),
        Case(
            "replace without sources sets a constant",
            #"- {target_label: a, replacement: "$$1 and x"}"#,
            [:],
            ["a": "$1 and x"]
        ),
        Case(
            "a target label may come from the match",
            #"- {source_labels: [k], regex: "(.+)=(.+)", target_label: "l_$1", replacement: $2}"#,
            ["k": "x=y"],
            ["k": "x=y", "l_x": "y"]
        ),
        Case(
            "a target label that is none is left alone",
            #"- {source_labels: [k], target_label: "$1"}"#,
            ["k": "not-a-name"],
            ["k": "not-a-name"]
        ),
        Case(
            "named groups are groups",
            #"- {source_labels: [k], regex: "(?P<first>.)(?P<rest>.*)", target_label: l, replacement: "${rest}$first"}"#,
            ["k": "abc"],
            ["k": "abc", "l": "bca"]
        ),
        Case(
            "a name runs as far as it can",
            #"- {source_labels: [k], regex: "(.)", target_label: l, replacement: "$1x.${1}x.$9."}"#,
            ["k": "a"],
            ["k": "a", "l": ".ax.."]
        ),
        Case(
            "keep keeps",
            #"- {source_labels: [a], regex: "x|y", action: keep}"#,
            ["a": "y"],
            ["a": "y"]
        ),
        Case(
            "keep drops the rest",
            #"- {source_labels: [a], regex: x, action: keep}"#,
            ["a": "xx"],
            nil
        ),
        Case("drop drops", #"- {source_labels: [a], regex: x, action: Drop}"#, ["a": "x"], nil),
        Case(
            "keepequal compares with the target label",
            #"- {source_labels: [a], target_label: b, action: keepequal}"#,
            ["a": "1", "b": "1"],
            ["a": "1", "b": "1"]
        ),
        Case(
            "dropequal drops what is equal",
            #"- {source_labels: [a], target_label: b, action: dropequal}"#,
            ["a": "1", "b": "1"],
            nil
        ),
        Case(
            "hashmod is that of Prometheus",
            #"- {source_labels: [c], separator: ";", target_label: d, modulus: 1000, action: hashmod}"#,
            ["a": "foo", "b": "bar", "c": "baz"],
            ["a": "foo", "b": "bar", "c": "baz", "d": "976"]
        ),
        Case(
            "hashmod also over a line feed",
            #"- {source_labels: [a], target_label: d, modulus: 1000, action: hashmod}"#,
            ["a": "foo\nbar"],
            ["a": "foo\nbar", "d": "734"]
        ),
        Case(
            "labelmap copies by name",
            #"- {regex: "m_(.*)", action: labelmap}"#,
            ["m_a": "1", "m_b": "2", "c": "3"],
            ["m_a": "1", "m_b": "2", "c": "3", "a": "1", "b": "2"]
        ),
        Case(
            "labeldrop drops by name",
            #"- {regex: "m_.*", action: labeldrop}"#,
            ["m_a": "1", "c": "3"],
            ["c": "3"]
        ),
        Case(
            "labelkeep keeps by name",
            #"- {regex: "m_.*", action: labelkeep}"#,
            ["m_a": "1", "c": "3"],
            ["m_a": "1"]
        ),
        Case(
            "lowercase and uppercase",
            """
            - {source_labels: [a], target_label: b, action: lowercase}
            - {source_labels: [a], target_label: c, action: uppercase}
            """,
            ["a": "aBß"],
            ["a": "aBß", "b": "abß", "c": "ABß"]
        ),
        Case(
            "rules follow each other until one drops",
            """
            - {target_label: a, replacement: x}
            - {source_labels: [a], regex: x, action: drop}
            """,
            [:],
            nil
        ),
        Case(
            "an empty regex matches what is empty",
            #"- {source_labels: [a], regex: "", target_label: b, replacement: none}"#,
            ["c": "1"],
            ["c": "1", "b": "none"]
        ),
    ])
    func changesLabels(_ test: Case) throws {
        let (rules, problems) = try Self.rules(test.rules)
        #expect(problems == [])
        var labels = WorkingLabels(LabelSet(test.labels.map { Label($0.key, $0.value) }))
        let isKept = rules.apply(to: &labels)
        #expect((isKept ? labels.labelSet.dictionary : nil) == test.result)
    }

    @Test(arguments: [
        ("- {action: hashmod, target_label: a}", "needs \"modulus\""),
        ("- {action: replace}", "needs \"target_label\""),
        ("- {target_label: 0a}", "\"0a\" is no label name"),
        ("- {target_label: \"a-$1\"}", "is no label name"),
        ("- {action: lowercase, target_label: a, replacement: x}", "takes no \"replacement\""),
        ("- {action: labeldrop, source_labels: [a]}", "takes only \"regex\""),
        ("- {action: keepequal, source_labels: [a], target_label: b, regex: x}", "takes only"),
        ("- {action: labelmap, replacement: \"-$1\"}", "makes no label name"),
        ("- {action: kepe}", "must be one of replace, keep"),
        ("- {regex: \"(\", target_label: a}", "invalid regular expression"),
        ("- {sourcelabels: [a], target_label: b}", "did you mean \"source_labels\"?"),
    ])
    func refusesWhatCannotWork(_ rule: String, _ words: String) throws {
        let (_, problems) = try Self.rules(rule)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(words) == true, "\(problems)")
    }
}
