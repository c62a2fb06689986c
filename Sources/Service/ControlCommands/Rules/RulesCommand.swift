import ArgumentParsing

/// `sloctl rules ...`: needs no server and no configuration.
struct RulesCommand {
    static let spec = CommandSpec(
        "rules",
        "Check and test rule files",
        subcommands: [RulesCheckCommand.spec, RulesTestCommand.spec]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        switch invocation.path.last {
        case "check": try RulesCheckCommand(terminal: terminal).run(invocation)
        case "test": try await RulesTestCommand(terminal: terminal).run(invocation)
        default: preconditionFailure("the parser knows the subcommands")
        }
    }
}
