import ArgumentParsing
import Model
import Rules

/// `sloctl rules check FILE...`: takes rule files alone.
struct RulesCheckCommand {
    static let spec = CommandSpec(
        "check",
        "Check rule files; exit 78 with every problem",
        operands: [OperandSpec("FILE", .oneOrMore, "rule files or folders")]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let rules: RuleSet
        do {
            rules = try RuleLoader.load(paths: invocation.operands)
        } catch {
            throw CommandFailure(code: .badConfiguration, message: error.description)
        }
        let thresholds = rules.groups.reduce(0) { $0 + $1.thresholds.count }
        let plain = rules.groups.reduce(0) { $0 + $1.rules.count }
        terminal.output(
            "OK: \(rules.groups.count) groups, \(plain) rules, \(thresholds) thresholds, "
                + "\(rules.slos.count) objectives, \(rules.logMetrics.count) log metrics\n"
        )
        return .ok
    }
}
