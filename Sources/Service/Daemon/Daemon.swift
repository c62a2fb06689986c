import CloudWatchIngest
import Configuration
import DeployIngest
import EFKIngest
import ElasticsearchIngest
import HTTPClient
import HTTPServer
import Incidents
import Ingest
import LogRules
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
import ScrapeIngest
import ServiceAPI
import StateStore
import Synchronization
import Telemetry
import Timekeeping

/// Everything that runs, assembled: started from the stores outward, stopped from the sources inward.
final class Daemon: Sendable {
    let settingsPath: String
    let overrides: @Sendable (inout DaemonSettings) -> Void
    let environment: [String: String]
    let settings: DaemonSettings
    let startedAt: Timestamp
    let clock: any WallClock
    let sleeper: any Sleeper
    let log: Log
    let metrics: MetricsRegistry

    let state: StateStore
    let store: MetricStore
    let logs: LogStore
    let sources: SourceRegistry
    let preparation: LogPreparation
    let logMetrics: LogMetrics
    let logRules: LogRuleEngine
    let admission: Admission
    let http: CurlHTTPClient
    let dispatcher: Dispatcher
    let pages: PagePipeline
    let tracker: SLOTracker
    let engine: RuleEngine
    let pollers: [CloudWatchPoller]
    /// Which pushed series of CloudWatch rules read.
    let pushSelection: PushSelection
    /// What is pushed, so that it is not pulled too.
    let pushCoverage: PushCoverage
    /// Each reads an Elasticsearch or OpenSearch source.
    let pulls: [ElasticsearchPuller]
    let scraper: Scraper
    let deploys: DeployIntake
    /// What targets are scraped with: many at once, which pagers and CloudWatch need not wait behind.
    let scrapeClient: CurlHTTPClient
    let catalogue: MetadataCatalogue
    /// How much later than now rules over CloudWatch's series are evaluated.
    let settle: Duration
    let readiness = ServiceReadiness()
    let reloads: (successful: Gauge, at: Gauge)
    /// How the files that run were loaded.
    let loading: Mutex<StatusRoutes.Loading>
    let running = Mutex<Running?>(nil)
    /// The reload that the next one waits for: two at once would leave a mixture.
    let lastReload = Mutex<Task<String?, Never>?>(nil)

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
        startedAt = clock.now()
        loading = Mutex(
            StatusRoutes.Loading(
                settingsText: files.settingsText,
                isCurrent: true,
                at: startedAt
            )
        )
        metrics = MetricsRegistry()
        state = try StateStore(path: settings.store.path + "/state.db")
        store = MetricStore(
            settings: MetricStoreSettings(
                retention: settings.store.retention,
                longWindowMax: settings.store.longWindowMax,
                maxSeries: settings.store.maxSeries,
                reservedSeriesPercent: settings.store.reservedSeriesPercent,
                seriesPerMetricMax: settings.store.maxSeriesPerMetric ?? .max,
                seriesPerSourceMax: settings.store.maxSeriesPerSource ?? .max,
                maxMemoryBytes: settings.store.maxMemoryBytes,
                futureSkewMax: settings.sources.maxClockSkew,
                startRunsMax: settings.store.startRunsMax
            ),
            durability: Daemon.durability(settings.store),
            clock: clock,
            log: log.named("store"),
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
        preparation = LogPreparation(clock: clock, metrics: metrics)
        let board = PullBoard()
        logMetrics = LogMetrics(
            resumes: true,
            totals: settings.sources.elasticsearch.isEmpty ? nil : state,
            board: board,
            clock: clock,
            metrics: metrics,
            log: log.named("log-metrics")
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
        let pullSight = PullSight()
        let sight = SourceSight(
            sources: sources,
            pulls: pullSight,
            logMetrics: logMetrics,
            clock: clock,
            pullsCloudWatch: !settings.sources.cloudWatch.isEmpty,
            takesFirehose: settings.sources.firehose != nil
        )
        var engineSettings = RuleEngineSettings()
        engineSettings.interval = settings.evaluation.interval
        let accounts = settings.sources.cloudWatch.map { CloudWatchSettings($0) }
        let arrivals =
            accounts.map(\.arrivalDelay) + (settings.sources.firehose.map { [$0.arrival] } ?? [])
        settle = settings.evaluation.settle ?? arrivals.max() ?? .zero
        engineSettings.settle = RuleEngineSettings.settleCloudWatch(settle)
        engineSettings.graceAfterStart = settings.evaluation.graceAfterStart
        engineSettings.sight = { sight.absence($0, at: $1) }
        engineSettings.blindness = { sight.blindness($0, at: $1) }
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
        logRules = try LogRuleEngine(
            store: state,
            sink: TransitionSink(dispatcher: dispatcher),
            clock: clock,
            sleeper: sleeper,
            parse: { LogText.fields(of: $0) },
            horizon: { board.horizon($0) },
            log: log.named("log-rules"),
            metrics: metrics
        )
        admission = Admission(
            settings: AdmissionSettings(
                samplesPerSecondMax: settings.sources.maxSamplesPerSecond,
                futureSkewMax: settings.sources.maxClockSkew,
                writeRelabelling: settings.sources.writeRelabelling
            ),
            samples: EagerTouches(store: store, engine: engine, clock: clock),
            records: logs,
            preparation: preparation,
            logMetrics: logMetrics,
            judge: logRules,
            sources: sources,
            clock: clock
        )
        deploys = DeployIntake(
            settings: try Daemon.deploySettings(settings.sources),
            store: state,
            admission: admission,
            sources: sources,
            clock: clock
        )
        catalogue = MetadataCatalogue(metrics: metrics)
        scrapeClient = Daemon.scrapeClient(settings.sources.scrape, log: log, metrics: metrics)
        scraper = Scraper(
            http: scrapeClient,
            admission: admission,
            sources: sources,
            catalogue: catalogue,
            clock: clock,
            sleeper: sleeper,
            log: log.named("scrape"),
            metrics: metrics
        )
        let (admission, http, sources, metrics) = (admission, http, sources, metrics)
        let (names, state) = (settings.sources.cloudWatch.accountNames, state)
        let paces = PaceRegistry()
        let metricsMax = settings.sources.firehose?.maxMetrics ?? 1
        pushSelection = PushSelection(metricsMax: metricsMax)
        pushCoverage = PushCoverage(itemsMax: metricsMax)
        let coverage = settings.sources.firehose == nil ? nil : pushCoverage
        pollers = zip(accounts, names).map { account, name in
            CloudWatchPoller(
                settings: account,
                environment: AWSEnvironment.system(),
                http: http,
                admit: admission,
                clock: clock,
                sleeper: sleeper,
                log: log.named("cloudwatch"),
                metrics: metrics,
                paces: paces,
                account: name,
                spend: state,
                coverage: coverage,
                sight: pullSight,
                report: { Daemon.note($0, in: sources) }
            )
        }
        pulls = settings.sources.elasticsearch.map { source in
            ElasticsearchPuller(
                settings: source,
                http: http,
                admission: admission,
                store: state,
                board: board,
                sources: sources,
                clock: clock,
                sleeper: sleeper,
                log: log.named("elasticsearch"),
                metrics: metrics
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

    /// Writes a pull source's own report into the registry.
    private static func note(_ status: SourceStatus, in sources: SourceRegistry) {
        sources.declare(
            status.name,
            isOn: status.isOn,
            advice: status.advice,
            notice: status.notice
        )
        guard status.isOn else { return }
        if let last = status.lastSuccess { sources.succeeded(status.name, at: last) }
        if !status.advice.isEmpty { sources.failed(status.name, advice: status.advice) }
    }

    private func collectMetrics() {
        let process = ProcessMetrics(startedAt: clock.now())
        metrics.collect { process.families }
        let (tracker, clock) = (tracker, clock)
        metrics.collect { BudgetMetrics.families(tracker.statuses(at: clock.now())) }
        let pollers = pollers
        metrics.collect {
            CostMetrics.families(pollers.map { $0.costReport(at: clock.now()) })
        }
    }
}
