import CloudWatchIngest
import Configuration
import EFKIngest
import Foundation
import HTTPClient
import HTTPServer
import Incidents
import Ingest
import LogStore
import MetricStore
import Model
import OnCall
import Paging
import PromQL
import RemoteWriteIngest
import RuleEvaluation
import Rules
import SLO
import ServiceAPI
import StateStore
import Synchronization
import Telemetry
import Timekeeping

/// Everything that runs, assembled: started from the stores outward, stopped from the sources inward.
final class Daemon: Sendable {
    private struct Running {
        var server: HTTPServer
        var forward: ForwardServer?
        var tasks: [Task<Void, Never>]
        var pollers: [Task<Void, Never>]
    }

    private let settingsPath: String
    private let overrides: @Sendable (inout DaemonSettings) -> Void
    private let environment: [String: String]
    let settings: DaemonSettings
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let log: Log
    private let metrics: MetricsRegistry

    private let state: StateStore
    private let store: MetricStore
    private let logs: LogStore
    let sources: SourceRegistry
    private let logMetrics: LogMetrics
    private let admission: Admission
    private let http: CurlHTTPClient
    private let dispatcher: Dispatcher
    private let pages: PagePipeline
    private let tracker: SLOTracker
    private let engine: RuleEngine
    private let pollers: [CloudWatchPoller]
    private let readiness = ServiceReadiness()
    private let reloads: (successful: Gauge, at: Gauge)
    private let running = Mutex<Running?>(nil)
    /// Held for a whole reload: two at once would leave a mixture.
    private let reloading = Mutex(())

    /// Opens the state and assembles the parts; nothing runs yet.
    ///
    /// - Throws: What is wrong with the state file, or with what it holds.
    init(
        files: LoadedFiles,
        settingsPath: String,
        overrides: @escaping @Sendable (inout DaemonSettings) -> Void,
        environment: [String: String],
        clock: any WallClock = SystemClock(),
        sleeper: any Sleeper = SystemSleeper(),
        log: Log
    ) throws {
        self.settingsPath = settingsPath
        self.overrides = overrides
        self.environment = environment
        self.clock = clock
        self.sleeper = sleeper
        self.log = log
        let settings = files.settings
        self.settings = settings
        metrics = MetricsRegistry()
        state = try StateStore(path: settings.store.path + "/state.db")
        store = MetricStore(
            settings: MetricStoreSettings(
                retention: settings.store.retention,
                maxSeries: settings.store.maxSeries,
                maxMemoryBytes: settings.store.maxMemoryBytes
            ),
            clock: clock,
            metrics: metrics
        )
        logs = LogStore(
            settings: LogStoreSettings(
                maxMemoryBytes: settings.store.logMaxMemoryBytes,
                retention: settings.store.logRetention
            ),
            clock: clock,
            metrics: metrics
        )
        sources = SourceRegistry(clock: clock, metrics: metrics)
        logMetrics = LogMetrics(clock: clock, metrics: metrics, log: log.named("log-metrics"))
        admission = Admission(
            samples: store,
            records: logs,
            logMetrics: logMetrics,
            sources: sources,
            clock: clock
        )
        http = CurlHTTPClient(log: log.named("http-client"), metrics: metrics)
        dispatcher = Dispatcher(
            policy: files.policy,
            store: state,
            clock: clock,
            ids: TimeSortedNames(),
            log: log.named("incidents"),
            metrics: metrics
        )
        pages = PagePipeline(
            receivers: files.receivers,
            store: state,
            http: http,
            secondChannel: dispatcher,
            wake: dispatcher.pagesAdded,
            clock: clock,
            sleeper: sleeper,
            random: SystemRandomNumberGenerator(),
            log: log.named("paging"),
            metrics: metrics
        )
        tracker = SLOTracker(
            source: store,
            store: state,
            retention: settings.store.retention,
            log: log.named("slo"),
            metrics: metrics
        )
        let sight = SourceSight(
            sources: sources,
            pullsCloudWatch: !settings.sources.cloudWatch.isEmpty
        )
        var engineSettings = RuleEngineSettings()
        engineSettings.interval = settings.evaluation.interval
        let accounts = settings.sources.cloudWatch.map { Daemon.cloudWatch($0) }
        engineSettings.settle = RuleEngineSettings.settleCloudWatch(
            settings.evaluation.settle ?? accounts.map(\.arrivalDelay).max() ?? .zero
        )
        engineSettings.graceAfterStart = settings.evaluation.graceAfterStart
        engineSettings.sight = { sight.absence($0, at: $1) }
        engineSettings.externalURL = settings.server.linkBase
        engine = try RuleEngine(
            settings: engineSettings,
            evaluator: QueryEngine(source: store),
            appender: store,
            store: state,
            sink: TransitionSink(dispatcher: dispatcher),
            clock: clock,
            sleeper: sleeper,
            log: log.named("rules"),
            metrics: metrics
        )
        let (admission, http, sources, metrics) = (admission, http, sources, metrics)
        pollers = accounts.map { account in
            CloudWatchPoller(
                settings: account,
                environment: AWSEnvironment.system(),
                http: http,
                admit: admission,
                clock: clock,
                sleeper: sleeper,
                log: log.named("cloudwatch"),
                metrics: metrics,
                report: { Daemon.note($0, in: sources) }
            )
        }
        reloads = (
            metrics.gauge(
                "tocsin_config_last_reload_successful",
                help: "1 when the files were loaded as they are now; 0: the last reload failed."
            ),
            metrics.gauge(
                "tocsin_config_last_reload_success_timestamp_seconds",
                help: "When the running files were loaded."
            )
        )
        try adopt(files)
        collectMetrics()
    }

    private static func cloudWatch(_ account: DaemonSettings.CloudWatch) -> CloudWatchSettings {
        CloudWatchSettings(
            regions: account.regions,
            roleARN: account.roleARN,
            externalID: account.externalID,
            endpoint: account.endpoint,
            period: account.period,
            delay: account.delay,
            budgetDollarsPerMonth: account.budgetUSDPerMonth
        )
    }

    /// Writes a pull source's own report into the registry.
    private static func note(_ status: SourceStatus, in sources: SourceRegistry) {
        sources.declare(status.name, isOn: status.isOn, advice: status.advice)
        guard status.isOn else { return }
        if !status.advice.isEmpty {
            sources.failed(status.name, advice: status.advice)
        } else if status.lastSuccess != nil {
            sources.succeeded(status.name)
        }
    }

    private func collectMetrics() {
        let process = ProcessMetrics(store: store, logs: logs, startedAt: clock.now())
        metrics.collect { process.families }
        let (tracker, clock) = (tracker, clock)
        metrics.collect { BudgetMetrics.families(tracker.statuses(at: clock.now())) }
    }

    /// Puts rules and people in place of those that run.
    private func adopt(_ files: LoadedFiles) throws {
        try engine.load(files.rules)
        try logMetrics.load(files.rules.logMetrics)
        try tracker.load(files.rules.slos, at: clock.now())
        let needs = try files.rules.selectorNeeds
        for poller in pollers { poller.update(needs: needs) }
        reloads.successful.set(1)
        reloads.at.set(clock.now().seconds)
    }

    /// Reads all files again; what is wrong leaves everything as it was.
    ///
    /// - Returns: Nil when all went well, else what is wrong.
    func reload() async -> String? {
        let adopted = await offPool { [self] in
            reloading.withLock { _ -> Result<LoadedFiles, DiagnosticList> in
                do {
                    var files = try LoadedFiles.load(
                        settingsPath: settingsPath,
                        environment: environment
                    )
                    overrides(&files.settings)
                    try adopt(files)
                    return .success(files)
                } catch let problems as DiagnosticList {
                    return .failure(problems)
                } catch {
                    let place = SourceLocation(file: settingsPath, line: 1, column: 1)
                    return .failure(DiagnosticList([Diagnostic(place, "\(error)")]))
                }
            }
        }
        switch adopted {
        case .success(let files):
            await dispatcher.reload(files.policy)
            await pages.reload(files.receivers)
            var unchanged = files.settings
            unchanged.rules = settings.rules
            unchanged.incidentsFile = settings.incidentsFile
            if unchanged != settings {
                log.warn("rules and on-call are reloaded; other changed settings need a restart")
            } else {
                log.info("rules and on-call are reloaded")
            }
            return nil
        case .failure(let problems):
            reloads.successful.set(0)
            log.error(
                "not reloaded; what was running goes on",
                ["problems": problems.description]
            )
            return problems.description
        }
    }

    // MARK: Running

    /// Starts everything, sources last.
    ///
    /// - Throws: What cannot be had, such as a port that is in use.
    func start() async throws {
        store.start()
        try http.start()
        try await dispatcher.start()
        let server = HTTPServer(
            settings: HTTPServerSettings(listen: settings.server.listen),
            routes: routes,
            log: log.named("http"),
            metrics: metrics,
            clock: clock
        )
        try server.start()
        let (dispatcher, pages, sleeper) = (dispatcher, pages, sleeper)
        var tasks = [
            Task { await dispatcher.run(sleeper: sleeper) },
            Task { await pages.run() },
            Task { [admission] in
                while !Task.isCancelled {
                    await offPool { admission.tick() }
                    do { try await sleeper.sleep(for: .seconds(1)) } catch { return }
                }
            },
        ]
        let ticker = BudgetTicker(
            tracker: tracker,
            dispatcher: dispatcher,
            interval: min(settings.evaluation.interval, .seconds(10)),
            clock: clock,
            sleeper: sleeper,
            log: log.named("slo")
        )
        tasks.append(Task { await ticker.run() })
        engine.start()
        let forward = try startForward()
        declareSourcesThatAreOff()
        let polls = pollers.map { poller in Task { await poller.run() } }
        running.withLock {
            $0 = Running(server: server, forward: forward, tasks: tasks, pollers: polls)
        }
        readiness.becomeReady()
    }

    private func startForward() throws -> ForwardServer? {
        guard let configured = settings.sources.forward else { return nil }
        var key: [UInt8]?
        if let path = configured.sharedKeyFile {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw DaemonError(
                    "the shared key file \(path) (sources.forward.shared_key_file) cannot be read; "
                        + "check its path and mode"
                )
            }
            key = Array(
                String(decoding: data, as: UTF8.self)
                    .trimmingCharacters(in: .whitespacesAndNewlines).utf8
            )
        }
        let forward = ForwardServer(
            settings: ForwardSettings(listen: configured.listen, sharedKey: key),
            admission: admission,
            sources: sources,
            clock: clock,
            metrics: metrics,
            log: log.named("forward")
        )
        try forward.start()
        return forward
    }

    private func declareSourcesThatAreOff() {
        if settings.sources.cloudWatch.isEmpty {
            sources.declare(
                "cloudwatch",
                isOn: false,
                advice: "add an entry to sources.cloudwatch in \(settingsPath) to turn it on"
            )
        }
        if settings.sources.forward == nil {
            sources.declare(
                "forward",
                isOn: false,
                advice: "add sources.forward.listen to \(settingsPath) to turn it on"
            )
        }
        if !settings.sources.remoteWrite {
            sources.declare(
                RemoteWriteHandler.source,
                isOn: false,
                advice:
                    "set sources.http_ingest.remote_write to true in \(settingsPath) to turn it on"
            )
        }
    }

    private var routes: [HTTPRoute] {
        let (engine, sources, clock) = (engine, sources, clock)
        let budgets = BudgetRoutes(tracker: tracker, clock: clock)
        let rules = RuleRoutes { engine.snapshot }
        let sourceRoutes = SourceRoutes(statuses: { sources.statuses }, clock: clock)
        let incidents = IncidentRoutes(dispatcher: dispatcher, pages: pages) { fingerprint in
            _ = engine.release(fingerprint: fingerprint)
        }
        let queries = QueryRoutes(
            engine: QueryEngine(source: store),
            store: store,
            clock: clock,
            retention: settings.store.retention
        )
        let management = ManagementRoutes(readiness: readiness, metrics: metrics) { [weak self] in
            await self?.reload()
        }
        let pages = PageRoutes(
            incidents: incidents,
            budgets: budgets,
            rules: rules,
            sources: sourceRoutes,
            clock: clock
        )
        var routes =
            management.routes + queries.routes + rules.routes + budgets.routes
            + incidents.routes + sourceRoutes.routes + pages.routes
        if settings.sources.remoteWrite {
            routes.append(
                RemoteWriteHandler(admission: admission, sources: sources, metrics: metrics).route
            )
        }
        return routes
    }

    /// Stops what takes in, then what evaluates, then what pages; what is not delivered yet is on disk.
    func stop() async {
        readiness.becomeUnready("stopping")
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        for poller in stopped?.pollers ?? [] { poller.cancel() }
        for poller in stopped?.pollers ?? [] { await poller.value }
        await offPool {
            stopped?.forward?.stop()
            stopped?.server.stop(drain: .seconds(3))
        }
        await engine.stop()
        for task in stopped?.tasks ?? [] { task.cancel() }
        for task in stopped?.tasks ?? [] { await task.value }
        await offPool { [self] in
            http.stop()
            store.stop()
            do {
                try state.close()
            } catch {
                log.warn("the state file was not tidied", ["reason": "\(error)"])
            }
        }
    }
}

/// Why the daemon cannot start.
struct DaemonError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
