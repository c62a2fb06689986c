import APIModel
import ArgumentParsing
import Buffers
import Configuration
import Telemetry

/// The whole of `tocsin` but its `main`.
package enum TocsinProgram {
    private static let config = OptionSpec("config", short: "c", value: "FILE", "The settings file")
    private static let logging = [
        OptionSpec(
            "log-level",
            value: "LEVEL",
            choices: LogLevel.allCases.map { "\($0)" },
            "Least serious line that is written"
        ),
        OptionSpec(
            "log-format",
            value: "FORMAT",
            choices: ["text", "json"],
            "How lines are written"
        ),
    ]

    static let spec = CommandSpec(
        "tocsin",
        "Watch metrics and logs, keep error budgets, page whoever is on call",
        discussion: """
            Start with `tocsin check --config FILE`: it tells every problem in the settings and rules at once.
            """,
        subcommands: [
            CommandSpec(
                "serve",
                "Run the service",
                discussion: """
                    SIGTERM and Ctrl-C drain and stop within ten seconds; SIGHUP reloads rules and on-call.
                    """,
                options: [
                    config,
                    OptionSpec("listen", value: "HOST:PORT", "Instead of server.listen"),
                    OptionSpec("data", value: "DIR", "Instead of store.path"),
                ] + logging
            ),
            CommandSpec(
                "check",
                "Check settings, rules and on-call; exit 1 with every problem",
                options: [config]
            ),
            CommandSpec(
                "demo",
                "Play a web shop with an incident, for Tocsin to watch",
                discussion: """
                    Serves a CloudWatch stand-in and a pager that prints what it receives, and ships access logs by the
                    forward protocol. `make run` starts it beside the service.
                    """,
                options: [
                    OptionSpec(
                        "listen",
                        value: "HOST:PORT",
                        "For the stand-in and the pager (127.0.0.1:9468)"
                    ),
                    OptionSpec(
                        "forward",
                        value: "HOST:PORT",
                        "Where logs are shipped (127.0.0.1:24224)"
                    ),
                    OptionSpec(
                        "secret-file",
                        value: "FILE",
                        "The pager's webhook secret (var/tocsin/demo-pager.secret)"
                    ),
                ]
            ),
            CommandSpec(
                "config",
                "About the settings file",
                subcommands: [CommandSpec("schema", "Print its JSON Schema")]
            ),
            CommandSpec("version", "Say which product and version this is"),
        ]
    )

    /// Runs a command line (without the program's name) and gives the exit code.
    ///
    /// - Parameters:
    ///   - arguments: What follows the program's name.
    ///   - environment: Values for `${NAME}` in the settings.
    ///   - output: Takes what was asked for.
    ///   - errors: Takes messages and the log.
    /// - Returns: 0 when all is well, 1 for a failure or (of `check`) problems, 64 for a wrong command line,
    ///   78 for files that cannot be run.
    package static func run(
        _ arguments: [String],
        environment: [String: String],
        output: @escaping @Sendable (String) -> Void = standardOutput,
        errors: @escaping @Sendable (String) -> Void = Log.standardError
    ) -> Int32 {
        let invocation: Invocation
        do {
            switch try CommandLineParser(spec).parse(arguments) {
            case .help(let text):
                output(text)
                return 0
            case .run(let understood): invocation = understood
            }
        } catch {
            errors("tocsin: \(error)\n")
            return 64
        }
        let commands = TocsinCommands(environment: environment, output: output, errors: errors)
        switch invocation.path {
        case ["version"]:
            output("\(ProductVersion.product) tocsin \(ProductVersion.version)\n")
            return 0
        case ["config", "schema"]:
            output(SettingsSchema.json)
            return 0
        case ["check"]: return commands.check(invocation)
        case ["demo"]: return commands.demo(invocation)
        default: return commands.serve(invocation)
        }
    }

    /// Writes to the process's standard output.
    @Sendable package static func standardOutput(_ text: String) {
        StandardStream.output.write(text)
    }
}
