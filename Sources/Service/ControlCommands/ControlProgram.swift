import APIModel
import ArgumentParsing
package import HTTPClient
package import Timekeeping

/// The whole of `sloctl` but its `main`.
package struct ControlProgram: Sendable {
    static let spec = CommandSpec(
        "sloctl",
        "Ask a Tocsin server about budgets, incidents, alerts and logs",
        discussion: """
            The server is found by --server, then TOCSIN_URL, then http://127.0.0.1:9467.

            Exit codes: 0 an answer, 64 usage, 69 server unreachable, 77 not allowed, 78 bad rules.
            """,
        options: [OptionSpec("server", value: "URL", "Where Tocsin serves HTTP")],
        subcommands: [BudgetCommand.spec, IncidentCommand.spec] + ReadingCommands.specs
            + [CostCommand.spec]
            + [
                QueryCommand.spec, LogsCommand.spec, RulesCommand.spec, completion,
                CommandSpec("version", "Say which product and version this is"),
            ]
    )

    private static let completion = CommandSpec(
        "completion",
        "Print a script that completes command lines",
        discussion: """
              source <(sloctl completion bash)        in ~/.bashrc
              source <(sloctl completion zsh)         in ~/.zshrc
              sloctl completion fish | source         in config.fish
            """,
        operands: [OperandSpec("SHELL", .one, "bash, zsh or fish")]
    )

    private let environment: [String: String]
    private let terminal: Terminal
    private let http: any HTTPSending
    private let clock: any WallClock

    /// - Parameters:
    ///   - environment: Where the server's address may be.
    ///   - terminal: Where to print.
    ///   - http: How the server is asked.
    ///   - clock: What times that are given as a while ago count from.
    package init(
        environment: [String: String],
        terminal: Terminal,
        http: any HTTPSending,
        clock: any WallClock = SystemClock()
    ) {
        self.clock = clock
        self.environment = environment
        self.terminal = terminal
        self.http = http
    }

    /// Runs a command line (without the program's name) and gives the exit code.
    package func run(_ arguments: [String]) async -> ExitCode {
        let invocation: Invocation
        do {
            switch try CommandLineParser(ControlProgram.spec).parse(arguments) {
            case .help(let text):
                terminal.output(text)
                return .ok
            case .run(let understood): invocation = understood
            }
        } catch {
            terminal.messages("sloctl: \(error)\n")
            return .usage
        }
        do {
            return try await dispatch(invocation)
        } catch {
            terminal.messages("sloctl: \(error.message)\n")
            return error.code
        }
    }

    private func dispatch(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let client = APIClient(server: try server(invocation), http: http)
        switch invocation.path.first {
        case "version":
            terminal.output("\(ProductVersion.product) sloctl \(ProductVersion.version)\n")
            return .ok
        case "completion":
            let shell = invocation.operands.first ?? ""
            guard let script = CompletionScript.text(for: shell, of: ControlProgram.spec) else {
                throw CommandFailure(
                    code: .usage,
                    message: "there is no completion for \"\(shell)\"; use one of "
                        + CompletionScript.shells.joined(separator: ", ")
                )
            }
            terminal.output(script)
            return .ok
        case "budget":
            return try await BudgetCommand(client: client, terminal: terminal).run(invocation)
        case "incident":
            return try await IncidentCommand(
                client: client,
                terminal: terminal,
                user: environment["USER"] ?? "sloctl"
            ).run(invocation)
        case "cost":
            return try await CostCommand(
                client: client,
                terminal: terminal,
                environment: environment,
                clock: clock
            ).run(invocation)
        case "query":
            return try await QueryCommand(client: client, terminal: terminal, clock: clock)
                .run(invocation)
        case "logs":
            return try await LogsCommand(client: client, terminal: terminal).run(invocation)
        case "rules":
            return try await RulesCommand(client: client, terminal: terminal).run(invocation)
        default:
            return try await ReadingCommands(client: client, terminal: terminal).run(invocation)
        }
    }

    private func server(_ invocation: Invocation) throws(CommandFailure) -> String {
        var server =
            invocation.value("server") ?? environment["TOCSIN_URL"] ?? "http://127.0.0.1:9467"
        while server.hasSuffix("/") { server.removeLast() }
        guard server.hasPrefix("http://") || server.hasPrefix("https://") else {
            throw CommandFailure(
                code: .usage,
                message:
                    "the server's address must begin with http:// or https://, not \"\(server)\""
            )
        }
        return server
    }
}
