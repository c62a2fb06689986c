import CloudWatchIngest
import Configuration
import Incidents
import Model
import OnCall
import Paging
import Rules
import RuleEvaluation
import Telemetry

/// The settings with all the files they name, read and checked together.
struct LoadedFiles: Sendable {
    var settings: DaemonSettings
    /// The settings file as it was read, `${NAME}` as it stands there.
    var settingsText: String
    var rules: RuleSet
    var dashboards: DashboardNeeds
    var policy: OnCallPolicy
    var receivers: ReceiverSet

    /// Reads everything, and loads the rules on trial.
    ///
    /// - Parameters:
    ///   - settingsPath: The settings file.
    ///   - environment: Values for `${NAME}`.
    ///   - overrides: What the command line says instead of the settings.
    /// - Returns: What can be run.
    /// - Throws: Every problem of every file at once; when the settings themselves cannot be read, theirs.
    static func load(
        settingsPath: String,
        environment: [String: String],
        overrides: (inout DaemonSettings) -> Void = { _ in }
    ) throws(DiagnosticList) -> LoadedFiles {
        // Read once, so that the text shown is the text that was understood.
        let bytes = try DaemonSettings.bytes(at: settingsPath)
        var settings = try DaemonSettings.parse(
            bytes,
            file: settingsPath,
            environment: environment
        )
        overrides(&settings)
        var problems = settings.sources.cloudWatch.flatMap { account in
            CloudWatchSettings(account).problems.map { Diagnostic(account.location, $0) }
        }
        var rules = RuleSet()
        do {
            rules = try RuleLoader.load(paths: settings.rules)
            problems += Rehearsal.problems(rules)
        } catch {
            problems += error.diagnostics
        }
        var dashboards: DashboardNeeds?
        do {
            dashboards = try DashboardNeeds(paths: settings.dashboards)
        } catch {
            problems += error.diagnostics
        }
        var loaded: (policy: OnCallPolicy, receivers: ReceiverSet)?
        do {
            let policy = try OnCallFile.load(path: settings.incidentsFile)
            let receivers = try ReceiverSet(
                policy,
                links: PageLinks(externalURL: settings.server.linkBase)
            )
            loaded = (policy, receivers)
        } catch {
            problems += error.diagnostics
        }
        guard problems.isEmpty, let loaded, let dashboards else { throw DiagnosticList(problems) }
        return LoadedFiles(
            settings: settings,
            settingsText: String(decoding: bytes, as: UTF8.self),
            rules: rules,
            dashboards: dashboards,
            policy: loaded.policy,
            receivers: loaded.receivers
        )
    }
}
