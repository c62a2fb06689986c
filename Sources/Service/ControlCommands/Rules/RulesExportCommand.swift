import ArgumentParsing
import Model
import Rules
import Timekeeping

/// `sloctl rules export FILE...`: the same as plain Prometheus rules.
struct RulesExportCommand {
    static let spec = CommandSpec(
        "export",
        "Print rules as plain Prometheus rules",
        discussion: """
            A threshold becomes an alert for each of its levels, with labels severity and priority.
            While the critical one fires so does the warning; keep that quiet with Alertmanager's
            inhibit_rules. Comments say what Prometheus does otherwise.

              sloctl rules export AlertRules > rules.yaml && promtool check rules rules.yaml
            """,
        operands: [OperandSpec("FILE", .oneOrMore, "rule files or folders")],
        options: [
            OptionSpec(
                "interval",
                value: "DURATION",
                "The evaluation interval of groups that do not say (default: 15s)"
            )
        ]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var interval = Duration.seconds(15)
        if let text = invocation.value("interval") {
            guard let span = Duration(prometheus: text), span > .zero else {
                throw CommandFailure(
                    code: .usage,
                    message: "--interval needs a duration such as 30s, not \"\(text)\""
                )
            }
            interval = span
        }
        do {
            let rules = try RuleLoader.load(paths: invocation.operands)
            terminal.output(PrometheusRuleExport.yaml(rules, interval: interval))
        } catch {
            throw CommandFailure(code: .badConfiguration, message: error.description)
        }
        return .ok
    }
}
