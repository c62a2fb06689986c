import APIModel
import RuleEvaluation

/// What came of a test file, as promtool's users read it.
struct RuleTestText {
    let report: RuleTestReport
    /// Of a failed case only what differs.
    let isDifference: Bool

    /// The file's name, its verdict, and every failed case with what was expected and what was got.
    func results(_ terminal: Terminal) -> String {
        var text = "Unit Testing:  \(report.path)\n"
        guard !report.passed else { return text + terminal.colored("  SUCCESS", .green) + "\n\n" }
        text += terminal.colored("  FAILED:", .red) + "\n"
        for one in report.cases {
            guard let reason = isDifference ? one.difference : one.failure else { continue }
            text += "    \(one.location): \(terminal.colored(one.name, .bold))\n"
            for line in reason.split(separator: "\n", omittingEmptySubsequences: false) {
                text += "        \(RuleTestText.colored(String(line), terminal))\n"
            }
            text += "\n"
        }
        return text
    }

    private static func colored(_ line: String, _ terminal: Terminal) -> String {
        switch line.prefix(2) {
        case "- ": terminal.colored(line, .red)
        case "+ ": terminal.colored(line, .green)
        default: line
        }
    }

    /// What kept the file from running.
    var problems: String { report.problems.map { "    \($0)\n" }.joined() }

    /// One line when there is more to say than one file's verdict.
    static func summary(_ document: RuleTestDocument, files: Int) -> String {
        guard document.status != "passed" || files > 1 else { return "" }
        var parts = ["\(document.passed) passed"]
        if document.failed > 0 { parts.append("\(document.failed) failed") }
        if document.errors > 0 { parts.append("\(document.errors) problems of files") }
        return parts.joined(separator: ", ") + "\n"
    }
}
