import ArgumentParsing
import Buffers
import Model
import Rules

/// `sloctl rules import --from elastalert FILE...`: rules of other tools as ours.
struct RulesImportCommand {
    static let spec = CommandSpec(
        "import",
        "Turn ElastAlert 2 rule files into log_rules",
        discussion: """
            Prints one rule file with every rule that can be carried over; what cannot, and what is
            done otherwise, is said on standard error with its place. All of ElastAlert 2's types are
            known, and of its filters term, terms, range, exists, prefix, wildcard, regexp, bool and
            query_string without fuzziness.

              sloctl rules import --from elastalert rules/*.yaml > AlertRules/logs.yaml
              sloctl logs -o json --limit 5000 | sloctl rules try --input json AlertRules/logs.yaml

            Exit codes: 0 every rule is carried over, 78 some are not.
            """,
        operands: [OperandSpec("FILE", .oneOrMore, "ElastAlert rule files")],
        options: [
            OptionSpec("from", value: "TOOL", choices: ["elastalert"], "Whose rules they are")
        ]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard invocation.has("from") else {
            throw CommandFailure(
                code: .usage,
                message: "whose rules are these? Say --from elastalert"
            )
        }
        var entries: [String] = []
        var failed = 0
        for path in invocation.operands {
            let bytes: [UInt8]
            do {
                bytes = try WholeFile.bytes(at: path)
            } catch {
                throw CommandFailure(code: .usage, message: "\(path): \(error)")
            }
            let outcome = ElastAlertImport.convert(bytes, file: path)
            for note in outcome.notes { terminal.messages("\(note)\n") }
            for problem in outcome.problems {
                terminal.messages("\(problem.location): NOT CARRIED OVER: \(problem.message)\n")
            }
            guard var entry = outcome.entry else {
                failed += 1
                continue
            }
            // What is printed must be read back, whatever stood in the file.
            do {
                _ = try RuleLoader.load(text: "log_rules:\n" + entry, file: path)
            } catch {
                for problem in error.diagnostics {
                    terminal.messages("\(path): NOT CARRIED OVER: \(problem.message)\n")
                }
                failed += 1
                continue
            }
            entry = "  # From \(path)\n" + entry
            entries.append(entry)
        }
        if !entries.isEmpty { terminal.output("log_rules:\n" + entries.joined()) }
        terminal.messages(
            "\(entries.count) of \(invocation.operands.count) rules are carried over\n"
        )
        return failed == 0 ? .ok : .badConfiguration
    }
}
