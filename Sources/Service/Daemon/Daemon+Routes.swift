import Buffers
import CloudWatchIngest
import Configuration
import ElasticsearchIngest
import FirehoseIngest
import FoundationEssentials
import HTTPServer
import Ingest
import LogRules
import MetricStore
import Model
import OTLPIngest
import OTLPLogIngest
import PromQL
import RemoteWriteIngest
import RuleEvaluation
import ScrapeIngest
import ServiceAPI
import Synchronization
import Timekeeping

extension Daemon {
    /// Everything that is answered over HTTP.
    var routes: [HTTPRoute] {
        let (engine, logRules, sources, clock) = (engine, logRules, sources, clock)
        let budgets = BudgetRoutes(tracker: tracker, clock: clock)
        let rules = RuleRoutes { engine.snapshot + logRules.groups }
        let sourceRoutes = SourceRoutes(
            statuses: { sources.statuses },
            scrapes: { [scraper] in scraper.snapshot },
            clock: clock
        )
        let incidents = IncidentRoutes(dispatcher: dispatcher, pages: pages) { fingerprint in
            _ = engine.release(fingerprint: fingerprint)
            _ = logRules.release(fingerprint: fingerprint)
        }
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
        let logs = LogRoutes(
            store: self.logs,
            clock: clock,
            sleeper: sleeper,
            isStopping: { [readiness] in readiness.isStopping },
            metrics: metrics
        )
        var routes =
            management.routes + seriesRoutes + statusRoutes.routes + rules.routes + budgets.routes
            + incidents.routes + sourceRoutes.routes + costRoutes.routes + pages.routes
            + MetadataRoutes(catalogue: catalogue).routes + logs.routes
            + DeployRoutes(intake: deploys, store: state).routes
        if settings.sources.remoteWrite {
            routes.append(
                RemoteWriteHandler(
                    settings: RemoteWriteSettings(
                        bodyMax: settings.sources.maxBodyBytes,
                        decodedMax: settings.sources.maxDecodedBytes
                    ),
                    admission: admission,
                    sources: sources,
                    catalogue: catalogue,
                    metrics: metrics
                ).route
            )
        }
        if settings.sources.otlp {
            let handler = OTLPLogHandler(
                settings: OTLPLogSettings(
                    bodyMax: settings.sources.maxBodyBytes,
                    decompressedMax: settings.sources.maxDecodedBytes,
                    decodedMax: settings.sources.otlpMaxDecodedBytes
                ),
                admission: admission,
                sources: sources,
                clock: clock,
                metrics: metrics
            )
            routes += handler.routes + otlpRoutes
        }
        guard settings.sources.bulk else { return routes }
        return withElasticsearch(routes)
    }

    /// The routes with those that Elasticsearch's clients need, who also want `GET /` for themselves.
    private func withElasticsearch(_ routes: [HTTPRoute]) -> [HTTPRoute] {
        let bulk = BulkSettings(
            bodyMax: settings.sources.bulkMaxBodyBytes,
            decompressedMax: settings.sources.bulkMaxDecompressedBytes,
            decodedMax: settings.sources.bulkMaxDecodedBytes,
            idsRemembered: settings.sources.bulkIDs,
            version: settings.sources.elasticsearchVersion
        )
        let setup = SetupHandler(settings: bulk, clock: clock, beside: routes)
        let handler = BulkHandler(
            settings: bulk,
            admission: admission,
            sources: sources,
            clock: clock,
            metrics: metrics
        )
        let shared = routes.map { route in
            guard route.method == "GET", route.pattern == "/",
                case .async(let page) = route.handler
            else { return route }
            var route = route
            route.handler = .async { request in
                SetupHandler.isBrowser(request) ? await page(request) : setup.root(request)
            }
            return route
        }
        return shared + handler.routes + setup.routes
    }

    /// The server's own answers in the words of those who asked.
    var serverAnswer: @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse {
        let (bulk, firehose, clock) = (settings.sources.bulk, settings.sources.firehose, clock)
        return { request, response in
            if firehose != nil, request.path == FirehoseHandler.path {
                return FirehoseHandler.serverAnswer(request, response, at: clock.now())
            }
            let worded = OwnAnswers.inTheWordsOf(request, response)
            return bulk ? ElasticsearchWords.serverAnswer(request, worded) : worded
        }
    }

    private var costRoutes: CostRoutes<CostReport> {
        let (pollers, clock) = (pollers, clock)
        return CostRoutes {
            let now = clock.now()
            return CostReport(accounts: pollers.map { $0.costReport(at: now) }, at: now)
        }
    }

    private var otlpRoutes: [HTTPRoute] {
        OTLPMetricsHandler(
            settings: OTLPMetricsSettings(
                bodyMax: settings.sources.maxBodyBytes,
                decodedMax: settings.sources.maxDecodedBytes,
                deltaSeriesMax: settings.sources.maxDeltaSeries,
                promoted: settings.sources.promotedAttributes
            ),
            admission: admission,
            sources: sources,
            catalogue: catalogue,
            clock: clock,
            metrics: metrics
        ).routes
    }

    private var seriesRoutes: [HTTPRoute] {
        let readiness = readiness
        let queries = QueryRoutes(
            source: store,
            clock: clock,
            isStopping: { readiness.isStopping },
            metrics: metrics
        )
        return queries.routes + SeriesRoutes(store: store, clock: clock).routes
    }

    private var statusRoutes: StatusRoutes {
        let defaults = (query: QuerySettings(), limits: QueryLimits())
        let process = StatusRoutes.Process(
            startedAt: startedAt,
            workingFolder: FileManager.default.currentDirectoryPath,
            hostname: Daemon.hostname,
            processors: ProcessInfo.processInfo.activeProcessorCount,
            retention: settings.store.retention,
            flags: [
                "config.file": settingsPath,
                "web.listen-address": settings.server.listen,
                "web.external-url": settings.server.linkBase,
                "storage.tsdb.path": settings.store.path,
                "storage.tsdb.retention.time": settings.store.retention.prometheusText,
                "query.lookback-delta": defaults.query.lookback.prometheusText,
                "query.max-samples": "\(defaults.query.sampleLimit)",
                "query.timeout": defaults.limits.timeMax.prometheusText,
            ]
        )
        return StatusRoutes(
            process: process,
            loading: { self.loading.withLock { $0 } },
            statistics: { [store] in store.statistics },
            labelSets: {
                [store, clock, retention = settings.store.retention]
                () throws(SeriesReadingError) in
                let now = clock.now()
                return try store.labelSets(
                    SeriesSelection(
                        matchers: [],
                        range: TimeRange(after: now - retention, through: now)
                    )
                )
            },
            clock: clock
        )
    }

    /// The machine's own name, empty where it cannot be had; no name service is asked.
    private static var hostname: String {
        let text = try? WholeFile.text(at: "/proc/sys/kernel/hostname")
        return text?.trimmed ?? ""
    }
}
