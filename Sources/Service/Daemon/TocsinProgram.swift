import Ingest
import OnCall
import Rules
import APIModel
import ArgumentParsing
import Configuration
import Demo
import Foundation
import Model
import ServiceRuntime
import Telemetry
import Timekeeping

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
    package static func run(_ arguments: [String], environment: [String: String]) -> Int32 {
        let invocation: Invocation
        do {
            switch try CommandLineParser(spec).parse(arguments) {
            case .help(let text):
                output(text)
                return 0
            case .run(let understood): invocation = understood
            }
        } catch {
            Log.standardError("tocsin: \(error)\n")
            return 64
        }
        switch invocation.path {
        case ["version"]:
            output("\(ProductVersion.product) tocsin \(ProductVersion.version)\n")
            return 0
        case ["config", "schema"]:
            output(SettingsSchema.json)
            return 0
        case ["check"]: return check(invocation, environment)
        case ["demo"]: return demo(invocation)
        default: return serve(invocation, environment)
        }
    }

    @Sendable private static func output(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    private static func settingsPath(_ invocation: Invocation) -> String? {
        if let path = invocation.value("config") { return path }
        Log.standardError(
            "tocsin: --config FILE is missing; deploy/local/tocsin.yaml is one to begin with\n"
        )
        return nil
    }

    private static func check(_ invocation: Invocation, _ environment: [String: String]) -> Int32 {
        guard let path = settingsPath(invocation) else { return 64 }
        do {
            let files = try LoadedFiles.load(settingsPath: path, environment: environment)
            try Rehearsal.check(files)
            let thresholds = files.rules.groups.reduce(0) { $0 + $1.thresholds.count }
            let rules = files.rules.groups.reduce(0) { $0 + $1.rules.count }
            output(
                "OK: \(files.rules.groups.count) groups, \(rules) rules, \(thresholds) thresholds, "
                    + "\(files.rules.slos.count) objectives, \(files.policy.receivers.count) receivers\n"
            )
            return 0
        } catch {
            Log.standardError("\(error)\n")
            return 1
        }
    }

    private static func demo(_ invocation: Invocation) -> Int32 {
        var settings = DemoProgram.Settings()
        settings.listen = invocation.value("listen") ?? settings.listen
        settings.forward = invocation.value("forward") ?? settings.forward
        settings.secretFile = invocation.value("secret-file") ?? settings.secretFile
        let program = DemoProgram(
            settings: settings,
            clock: SystemClock(),
            log: Log(component: "demo"),
            print: output
        )
        do {
            let signals = try SignalWaiter()
            try program.run { pause in
                // The story waits for its next tick here, and ends when it is told to.
                let signal = try? signals.wait(atMost: pause)
                if signal == .terminate || signal == .interrupt { program.stop() }
            }
            return 0
        } catch {
            Log.standardError("tocsin demo: \(error)\n")
            return 1
        }
    }

    private static func serve(_ invocation: Invocation, _ environment: [String: String]) -> Int32 {
        guard let path = settingsPath(invocation) else { return 64 }
        let log = Log(
            component: "tocsin",
            level: LogLevel(name: invocation.value("log-level") ?? "info") ?? .info,
            format: LogFormat(rawValue: invocation.value("log-format") ?? "text") ?? .text
        )
        let (listen, data) = (invocation.value("listen"), invocation.value("data"))
        let overrides: @Sendable (inout DaemonSettings) -> Void = { settings in
            if let listen { settings.server.listen = listen }
            if let data { settings.store.path = data }
        }
        do {
            // Before any other thread starts, so that all of them leave the signals to this one.
            let signals = try SignalWaiter()
            var files = try LoadedFiles.load(settingsPath: path, environment: environment)
            overrides(&files.settings)
            let daemon = try Daemon(
                files: files,
                settingsPath: path,
                overrides: overrides,
                environment: environment,
                log: log
            )
            try waitFor { try await daemon.start() }
            output(StartupBanner.text(daemon.settings, daemon.sources.statuses))
            while true {
                guard let signal = try signals.wait() else { continue }
                guard signal == .reload else { break }
                _ = try waitFor { await daemon.reload() }
            }
            log.info("stopping")
            try waitFor { await daemon.stop() }
            return 0
        } catch let problems as DiagnosticList {
            Log.standardError("\(problems)\n")
            return 78
        } catch {
            Log.standardError("tocsin: \(error)\n")
            return 1
        }
    }
}
