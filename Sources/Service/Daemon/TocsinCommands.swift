import ArgumentParsing
import Configuration
import Demo
import EFKIngest
import Ingest
import Model
import OnCall
import Rules
import ServiceRuntime
import Telemetry
import Timekeeping

/// What the commands of `tocsin` do; each gives its exit code.
struct TocsinCommands: Sendable {
    let environment: [String: String]
    let output: @Sendable (String) -> Void
    let errors: @Sendable (String) -> Void

    private func settingsPath(_ invocation: Invocation) -> String? {
        if let path = invocation.value("config") { return path }
        errors(
            "tocsin: --config FILE is missing; deploy/local/tocsin.yaml is one to begin with\n"
        )
        return nil
    }

    /// Reads and loads everything on trial.
    func check(_ invocation: Invocation) -> Int32 {
        guard let path = settingsPath(invocation) else { return 64 }
        do {
            let files = try LoadedFiles.load(settingsPath: path, environment: environment)
            let thresholds = files.rules.groups.reduce(0) { $0 + $1.thresholds.count }
            let rules = files.rules.groups.reduce(0) { $0 + $1.rules.count }
            output(
                "OK: \(files.rules.groups.count) groups, \(rules) rules, \(thresholds) thresholds, "
                    + "\(files.rules.slos.count) objectives, \(files.policy.receivers.count) receivers\n"
            )
            return 0
        } catch {
            errors("\(error)\n")
            return 1
        }
    }

    /// Plays the demo until a signal.
    func demo(_ invocation: Invocation) -> Int32 {
        var settings = DemoProgram.Settings()
        settings.listen = invocation.value("listen") ?? settings.listen
        settings.forward = invocation.value("forward") ?? settings.forward
        settings.secretFile = invocation.value("secret-file") ?? settings.secretFile
        let program = DemoProgram(
            settings: settings,
            clock: SystemClock(),
            log: Log(component: "demo", write: errors),
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
            errors("tocsin demo: \(error)\n")
            return 1
        }
    }

    /// Makes room for as many connections as the settings allow, or says what is in the way.
    private func checkDescriptors(_ settings: DaemonSettings, _ log: Log) {
        guard let limit = DescriptorLimit.raise() else { return }
        let connections =
            settings.server.maxConnections + (settings.sources.forward?.connectionsMax ?? 0)
        if let warning = DescriptorLimit.warning(limit: limit, connections: connections) {
            log.warn(warning)
        }
    }

    /// Runs the service until a signal.
    func serve(_ invocation: Invocation) -> Int32 {
        guard let path = settingsPath(invocation) else { return 64 }
        let log = Log(
            component: "tocsin",
            level: LogLevel(name: invocation.value("log-level") ?? "info") ?? .info,
            format: LogFormat(rawValue: invocation.value("log-format") ?? "text") ?? .text,
            write: errors
        )
        let (listen, data) = (invocation.value("listen"), invocation.value("data"))
        let overrides: @Sendable (inout DaemonSettings) -> Void = { settings in
            if let listen { settings.server.listen = listen }
            if let data { settings.store.path = data }
        }
        do {
            // Before any other thread starts, so that all of them leave the signals to this one.
            let signals = try SignalWaiter()
            let files = try LoadedFiles.load(
                settingsPath: path,
                environment: environment,
                overrides: overrides
            )
            checkDescriptors(files.settings, log)
            let daemon = try Daemon(
                files: files,
                settingsPath: path,
                overrides: overrides,
                environment: environment,
                log: log
            )
            try waitFor { try await daemon.start() }
            output(
                StartupBanner.text(
                    daemon.settings,
                    address: daemon.address ?? daemon.settings.server.listen,
                    daemon.sources.statuses
                )
            )
            while true {
                guard let signal = try signals.wait() else { continue }
                guard signal == .reload else { break }
                _ = try waitFor { await daemon.reload() }
            }
            log.info("stopping")
            try waitFor { await daemon.stop() }
            return 0
        } catch let problems as DiagnosticList {
            errors("\(problems)\n")
            return 78
        } catch {
            errors("tocsin: \(error)\n")
            return 1
        }
    }
}
