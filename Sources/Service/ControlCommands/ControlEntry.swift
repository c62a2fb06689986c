import Buffers
import Glibc
import HTTPClient
import Telemetry

/// `sloctl` on this process's terminal and network.
package enum ControlEntry {
    /// Runs a command line (without the program's name) and gives the process's exit code.
    package static func run(_ arguments: [String], environment: [String: String]) async -> Int32 {
        let isInteractive = isatty(STDOUT_FILENO) == 1
        let terminal = Terminal(
            output: { StandardStream.output.write($0) },
            messages: { StandardStream.error.write($0) },
            isInteractive: isInteractive,
            hasColor: isInteractive && environment["NO_COLOR"] == nil
                && environment["TERM"] != "dumb",
            input: { readLine(strippingNewline: true) }
        )
        let http = CurlHTTPClient(log: .silent, metrics: MetricsRegistry())
        do {
            try http.start()
        } catch {
            terminal.messages("sloctl: \(error)\n")
            return ExitCode.failed.rawValue
        }
        let code = await ControlProgram(environment: environment, terminal: terminal, http: http)
            .run(arguments)
        http.stop()
        return code.rawValue
    }
}
