import ArgumentParsing

/// `sloctl rules ...`: needs no configuration, and no server unless it is asked to look at one.
struct RulesCommand {
    static let spec = CommandSpec(
        "rules",
        "Check, test, try, import and export rule files",
        subcommands: [
            RulesCheckCommand.spec, RulesTestCommand.spec, RulesTryCommand.spec,
            RulesExportCommand.spec, RulesImportCommand.spec,
        ]
    )

    let client: APIClient
    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        switch invocation.path.last {
        case "check":
            try await RulesCheckCommand(client: client, terminal: terminal).run(invocation)
        case "test": try await RulesTestCommand(terminal: terminal).run(invocation)
        case "try": try RulesTryCommand(terminal: terminal).run(invocation)
        case "import": try RulesImportCommand(terminal: terminal).run(invocation)
        case "export": try RulesExportCommand(terminal: terminal).run(invocation)
        default: preconditionFailure("the parser knows the subcommands")
        }
    }
}
