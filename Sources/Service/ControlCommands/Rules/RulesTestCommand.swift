import APIModel
import ArgumentParsing
import FoundationEssentials
import Matching
import Model
import RuleEvaluation

/// `sloctl rules test FILE...`: promtool's unit tests of rules, and ours of incidents and pages.
struct RulesTestCommand {
    static let spec = CommandSpec(
        "test",
        "Run unit tests of rules; exit 1 when one fails",
        discussion: """
            FILE is a unit-test file as promtool takes it, unchanged. The rule files it names are
            relative to it. Beyond promtool's keys, an expected alert may name its level (exp_level:
            warn), and a test group may say which incidents and pages come of it (oncall_file,
            incident_test, page_test, incident_actions); docs/rules.md describes them.

              sloctl rules test tests/*.yaml                every test of every file
              sloctl rules test --run 'latency' test.yaml   test groups whose name matches
              sloctl rules test --diff test.yaml            of a failed case only what differs
              sloctl rules test --debug test.yaml           every change of an alert, with its time
              sloctl rules test --format json test.yaml     every case, for programs

            Exit codes: 0 all passed, 1 a case failed, 78 a file cannot be read or is not valid.
            """,
        operands: [OperandSpec("FILE", .oneOrMore, "unit-test files")],
        options: [
            OptionSpec(
                "format",
                value: "FORMAT",
                choices: ["text", "json"],
                "How to print"
            ),
            OptionSpec("run", value: "REGEX", "Only test groups whose name matches; repeatable"),
            OptionSpec("diff", "Of a failed case print only the lines that differ"),
            OptionSpec("debug", "Print every change of an alert on standard error"),
            OptionSpec("ignore-unknown-fields", "Pass over keys that nobody knows"),
            OptionSpec(
                "enable-feature",
                value: "NAME",
                "Taken for promtool's sake; every feature of PromQL is on"
            ),
        ]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let patterns = try patterns(invocation.all("run"))
        var runner = RuleTestRunner()
        runner.ignoresUnknownKeys = invocation.has("ignore-unknown-fields")
        runner.keepsTrace = invocation.has("debug")
        let isJSON = invocation.value("format") == "json"
        var cases: [RuleTestDocument.Case] = []
        for path in invocation.operands {
            var report = runner.run(path: path) { name in
                patterns.isEmpty || patterns.contains { $0.matchesWhole(name) }
            }
            await IncidentRehearsal.complete(&report)
            for warning in report.warnings { terminal.messages("warning: \(warning)\n") }
            for line in report.trace { terminal.messages("\(line)\n") }
            if !isJSON {
                let text = RuleTestText(report: report, isDifference: invocation.has("diff"))
                terminal.output(text.results(terminal))
                terminal.messages(text.problems)
            }
            cases += RulesTestCommand.cases(report)
        }
        let document = RuleTestDocument(cases)
        if isJSON {
            try terminal.outputJSON(document)
        } else {
            terminal.messages(RuleTestText.summary(document, files: invocation.operands.count))
        }
        return document.failed > 0 ? .testsFailed : document.errors > 0 ? .badConfiguration : .ok
    }

    /// Patterns that match anywhere, as promtool's do.
    private func patterns(_ texts: [String]) throws(CommandFailure) -> [Pattern] {
        do throws(PatternError) {
            return try texts.map { text throws(PatternError) in
                _ = try Pattern(text)
                return try Pattern("(?s:.*)(?:\(text))(?s:.*)")
            }
        } catch {
            throw CommandFailure(code: .usage, message: "--run: \(error)")
        }
    }

    private static func cases(_ report: RuleTestReport) -> [RuleTestDocument.Case] {
        let problems = report.problems.map { problem in
            RuleTestDocument.Case(
                name: report.path,
                file: problem.location.file,
                line: problem.location.line,
                column: problem.location.column,
                group: "",
                kind: "file",
                status: "error",
                message: problem.message
            )
        }
        return problems
            + report.cases.map { one in
                var expected: [String] = []
                var got: [String] = []
                if case .differs(let wanted, let found) = one.outcome {
                    (expected, got) = (wanted, found)
                }
                return RuleTestDocument.Case(
                    name: one.name,
                    file: report.path,
                    line: one.location.line,
                    column: one.location.column,
                    group: one.group,
                    kind: one.kind.rawValue,
                    status: one.outcome == .passed ? "passed" : "failed",
                    message: one.failure ?? "",
                    expected: expected,
                    got: got
                )
            }
    }
}
