import Ingest
import ScrapeIngest
import TestSupport
import Testing
import WireFormats

@Suite struct ExpositionReaderTests {
    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var page: String
        var lines: [String]
        /// What is wrong; nil for a good page.
        var problem: String?
    }

    /// The page as one text a line: samples as `series value time`, the rest by its kind.
    static func read(_ page: [UInt8], isOpenMetrics: Bool) throws(ExpositionError) -> [String] {
        var lines: [String] = []
        var reader = ExpositionReader(page.span, isOpenMetrics: isOpenMetrics)
        func text(_ range: Range<Int>) -> String { WireText.repaired(page.span, range) }
        while true {
            switch try reader.next() {
            case .end: return lines
            case .help(let metric, let help): lines.append("HELP \(text(metric)) \(text(help))")
            case .type(let metric, let kind): lines.append("TYPE \(text(metric)) \(kind)")
            case .unit(let metric, let unit): lines.append("UNIT \(text(metric)) \(text(unit))")
            case .sample:
                let series = try reader.series()
                let (value, time) = try reader.value()
                lines.append("\(text(series)) \(value)" + (time.map { " @\($0)" } ?? ""))
            }
        }
    }

    static let textCases = [
        Case(
            testDescription: "an ordinary page",
            page: """
                # HELP go_gc Pauses.
                # TYPE go_gc summary
                go_gc{quantile="0",} 4.9e-05
                go_gc{quantile="1"}\t1.5   1520430000123
                # a remark
                #

                go_gc_sum 17
                up{a="\\"}\\n{",b="#"} -Inf
                """,
            lines: [
                "HELP go_gc Pauses.", "TYPE go_gc summary", "go_gc{quantile=\"0\",} 4.9e-05",
                "go_gc{quantile=\"1\"} 1.5 @1520430000123", "go_gc_sum 17.0",
                "up{a=\"\\\"}\\n{\",b=\"#\"} -inf",
            ]
        ),
        Case(
            testDescription: "blanks where they may be",
            page: "  a {  b = \"1\" , c=\"2\" }  3 \n\ta_b:c\t4\n",
            lines: ["a {  b = \"1\" , c=\"2\" } 3.0", "a_b:c 4.0"]
        ),
        Case(
            testDescription: "the types of text",
            page: "# TYPE a untyped\n# TYPE b histogram\n",
            lines: ["TYPE a unknown", "TYPE b histogram"]
        ),
        Case(testDescription: "nothing", page: "", lines: []),
        Case(
            testDescription: "no value",
            page: "a 1\nb\n",
            lines: [],
            problem: "line 2 of the metrics: expected a value, not the end of the line"
        ),
        Case(
            testDescription: "no number",
            page: "a 1x\n",
            lines: [],
            problem: "line 1 of the metrics: \"1x\" is no number"
        ),
        Case(
            testDescription: "a page for people",
            page: "<!doctype html>",
            lines: [],
            problem: "line 1 of the metrics: expected the name of a metric, not \"<!doctype html>\""
        ),
        Case(
            testDescription: "quotes that do not end",
            page: "a{b=\"1} 2\n",
            lines: [],
            problem: "line 1 of the metrics: a value in quotes does not end"
        ),
        Case(
            testDescription: "a time that is none",
            page: "a 1 -5\n",
            lines: [],
            problem: "line 1 of the metrics: expected a time in milliseconds, not \"-5\""
        ),
        Case(
            testDescription: "a time over all bounds",
            page: "a 1 99999999999999999999\n",
            lines: [],
            problem: "line 1 of the metrics: the time is too large"
        ),
        Case(
            testDescription: "a type that is none",
            page: "\n# TYPE a stateset\n",
            lines: [],
            problem: "line 2 of the metrics: \"stateset\" is no type of a metric"
        ),
        Case(
            testDescription: "a label without quotes",
            page: "a{b=1} 2\n",
            lines: [],
            problem: "line 1 of the metrics: expected a value in quotes, not \"1} 2\""
        ),
    ]

    static let openMetricsCases = [
        Case(
            testDescription: "an ordinary page",
            page: """
                # TYPE a counter
                # UNIT a_seconds seconds
                # HELP a Help.
                a_total{b="1"} 1.0 1520430000.123 # {trace_id="x"} 0.5 1520430000
                a_created 1520430000.5
                b 2 # {} 3
                # EOF
                """,
            lines: [
                "TYPE a counter", "UNIT a_seconds seconds", "HELP a Help.",
                "a_total{b=\"1\"} 1.0 @1520430000123", "a_created 1520430000.5", "b 2.0",
            ]
        ),
        Case(testDescription: "only the end", page: "# EOF\n", lines: []),
        Case(
            testDescription: "no end",
            page: "a 1\n",
            lines: [],
            problem:
                "line 2 of the metrics: the page does not end with # EOF; it may have been cut "
                + "short"
        ),
        Case(
            testDescription: "more behind the end",
            page: "# EOF\na 1\n",
            lines: [],
            problem: "line 2 of the metrics: there is more behind # EOF"
        ),
        Case(
            testDescription: "an empty line",
            page: "\n# EOF\n",
            lines: [],
            problem: "line 1 of the metrics: expected the name of a metric, not the end of the line"
        ),
        Case(
            testDescription: "a comma too many",
            page: "a{b=\"1\",} 2\n# EOF\n",
            lines: [],
            problem: "line 1 of the metrics: expected the name of a label, not \"} 2\""
        ),
        Case(
            testDescription: "two spaces",
            page: "a  2\n# EOF\n",
            lines: [],
            problem: "line 1 of the metrics: expected a value, not \" 2\""
        ),
        Case(
            testDescription: "a unit that the name does not end in",
            page: "# UNIT a seconds\n# EOF\n",
            lines: [],
            problem: "line 1 of the metrics: the unit is not at the end of the metric's name"
        ),
    ]

    @Test(arguments: textCases) func readsText(_ test: Case) { check(test, isOpenMetrics: false) }

    @Test(arguments: openMetricsCases) func readsOpenMetrics(_ test: Case) {
        check(test, isOpenMetrics: true)
    }

    private func check(_ test: Case, isOpenMetrics: Bool) {
        do throws(ExpositionError) {
            let lines = try Self.read(Array(test.page.utf8), isOpenMetrics: isOpenMetrics)
            #expect(lines == test.lines)
            #expect(test.problem == nil)
        } catch {
            #expect(error.description == test.problem)
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var page = ""
            var lines: [String] = []
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                let text = ["é", "\\\\", "\\\"", "\\n", "{", "}", ",", " ", "#", "=", "a"]
                let labels = (0..<Int.random(in: 0...4, using: &random)).map { index in
                    let value = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                        text.randomElement(using: &random) ?? ""
                    }
                    return "l\(index)=\"\(value.joined())\""
                }
                let series =
                    "m_\(Int.random(in: 0...9, using: &random))"
                    + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
                let value = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &random))
                guard value.isFinite else { continue }
                let time = Int64.random(in: 0...4_000_000_000_000, using: &random)
                page += "\(series) \(value) \(time)\n"
                lines.append("\(series) \(value) @\(time)")
            }
            let bytes = Array(page.utf8)
            #expect(try Self.read(bytes, isOpenMetrics: false) == lines)
            // Cut anywhere it is read in part or refused, and never trapped on.
            let cut = bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
            _ = try? Self.read(Array(cut), isOpenMetrics: Bool.random(using: &random))
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", -0.0), ("1", 1), ("+1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000),
            ("1E-3", 0.001), ("123456789012345678901234567890", 1.2345678901234568e29),
            ("0.000000000000000000000000000001", 1e-30),
            ("1.7976931348623157e308", 1.7976931348623157e308),
            ("5e-324", .leastNonzeroMagnitude), ("0.1234567890123456789", 0.1234567890123456789),
            ("9007199254740993", 9007199254740992), ("Inf", .infinity), ("+inf", .infinity),
            ("-Infinity", -.infinity), ("1e22", 1e22), ("1e23", 1e23),
            ("0000000000000000000000001.5", 1.5), ("1e-400", 0),
        ] as [(String, Double)]
    )
    func numbers(_ text: String, _ value: Double) throws {
        let lines = try Self.read(Array("a \(text)\n".utf8), isOpenMetrics: false)
        #expect(lines == ["a \(value)"])
    }

    @Test(arguments: [
        "+NaN", "0x1p-2", "0x10", "1_000", "1e", "e1", ".", "-", "1e999", "infi", "1 2 3",
    ])
    func noNumbers(_ text: String) {
        #expect(throws: ExpositionError.self) {
            try Self.read(Array("a \(text)\n".utf8), isOpenMetrics: false)
        }
    }

    @Test func everyNaNIsTheSame() throws {
        let page = Array("a nan\n".utf8)
        var reader = ExpositionReader(page.span, isOpenMetrics: false)
        #expect(try reader.next() == .sample)
        _ = try reader.series()
        let value = try reader.value().0
        #expect(value.bitPattern == 0x7ff8_0000_0000_0001)
    }
}
