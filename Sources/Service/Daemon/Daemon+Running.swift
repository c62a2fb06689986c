import Buffers
import CloudWatchIngest
import Configuration
import DeployIngest
import EFKIngest
import ElasticsearchIngest
import FirehoseIngest
import HTTPClient
import HTTPServer
import Incidents
import Ingest
import LogRules
import MetricStore
import Model
import OTLPIngest
import OTLPLogIngest
import Paging
import RemoteWriteIngest
import RuleEvaluation
import ScrapeIngest
import ServiceAPI
import StateStore
import Synchronization
import Telemetry
import Timekeeping

extension Daemon {
    /// What a running daemon holds, in the order in which it starts.
    struct Running {
        var server: HTTPServer?
        var forward: ForwardServer?
        var tasks: [Task<Void, Never>] = []
        var pollers: [Task<Void, Never>] = []
        /// Samples that were on disk can be read.
        var samplesAreBack = false
    }

    /// The address that HTTP is served on, as `127.0.0.1:9467`; nil while it is not.
    var address: String? { running.withLock { $0?.server?.address } }

    /// Starts everything, sources last.
    ///
    /// - Throws: What cannot be had, such as a port that is in use; all that had started is stopped again.
    func start() async throws {
        do {
            try await startParts()
            readiness.becomeReady()
        } catch {
            await stop()
            throw error
        }
    }

    private func startParts() async throws {
        running.withLock { $0 = Running() }
        store.start()
        try http.start()
        try scrapeClient.start()
        try await dispatcher.start()
        let server = HTTPServer(
            settings: HTTPServerSettings(
                listen: settings.server.listen,
                connectionsMax: settings.server.maxConnections
            ),
            routes: routes + (try firehoseRoutes()),
            log: log.named("http"),
            metrics: metrics,
            clock: clock,
            fallback: serverAnswer
        )
        try server.start()
        running.withLock { $0?.server = server }
        let (dispatcher, pages, sleeper) = (dispatcher, pages, sleeper)
        keep(Task { await dispatcher.run(sleeper: sleeper) })
        keep(Task { await pages.run() })
        // Pages go out and the port answers meanwhile; nothing is taken in or judged before.
        try await recoverSamples()
        running.withLock { $0?.samplesAreBack = true }
        let resumed = await offPool { [logMetrics, store] in
            Result { try logMetrics.resume(from: store) }
        }
        try resumed.get()
        keep(
            Task { [admission] in
                while !Task.isCancelled {
                    await offPool { admission.tick() }
                    do { try await sleeper.sleep(for: .seconds(1)) } catch { return }
                }
            }
        )
        let ticker = BudgetTicker(
            tracker: tracker,
            dispatcher: dispatcher,
            interval: min(settings.evaluation.interval, .seconds(10)),
            clock: clock,
            sleeper: sleeper,
            log: log.named("slo")
        )
        keep(Task { await ticker.run() })
        keep(
            Task { [deploys, interval = settings.evaluation.interval] in
                while !Task.isCancelled {
                    await offPool { deploys.tick() }
                    do { try await sleeper.sleep(for: interval) } catch { return }
                }
            }
        )
        engine.start()
        keep(Task { [logRules] in await logRules.run() })
        try startForward()
        declareSources()
        var polls = pollers.map { poller in Task { await poller.run() } }
        polls += pulls.map { pull in Task { await pull.run() } }
        if let scrape = settings.sources.scrape {
            scraper.update(scrape)
            polls.append(Task { [scraper] in await scraper.run() })
        }
        running.withLock { $0?.pollers = polls }
    }

    private func keep(_ task: Task<Void, Never>) {
        running.withLock { $0?.tasks.append(task) }
    }

    private func startForward() throws {
        guard var configured = settings.sources.forward else { return }
        // What is counted into memory alone is gone with the process: its chunks must count again.
        if settings.store.samplesOnDisk {
            configured.chunkLogPath = settings.store.path + "/forward-chunks"
        }
        let forward = ForwardServer(
            settings: configured,
            admission: admission,
            sources: sources,
            clock: clock,
            metrics: metrics,
            log: log.named("forward")
        )
        try forward.start()
        running.withLock { $0?.forward = forward }
    }

    /// Shows what pulls before its first poll, and what is off.
    private func declareSources() {
        for name in pollers.flatMap(\.sourceNames) { sources.declare(name, isOn: true) }
        if settings.sources.cloudWatch.isEmpty {
            sources.declare(
                "cloudwatch",
                isOn: false,
                advice: "add an entry to sources.cloudwatch in \(settingsPath) to turn it on"
            )
        }
        if settings.sources.firehose == nil {
            sources.declare(
                FirehoseHandler.source,
                isOn: false,
                advice: "add sources.firehose.access_key_file to \(settingsPath) to turn it on"
            )
        }
        if pulls.isEmpty {
            sources.declare(
                "elasticsearch",
                isOn: false,
                advice: "add an entry to sources.elasticsearch in \(settingsPath) to turn it on"
            )
        }
        if settings.sources.scrape == nil {
            sources.declare(
                "scrape",
                isOn: false,
                advice: Daemon.scrapeAdvice + "\(settingsPath) to turn it on"
            )
        }
        if settings.sources.forward == nil {
            sources.declare(
                "forward",
                isOn: false,
                advice: "add sources.forward.listen to \(settingsPath) to turn it on"
            )
        }
        if !settings.sources.bulk {
            sources.declare(
                BulkHandler.source,
                isOn: false,
                advice: "set sources.http_ingest.bulk to true in \(settingsPath) to turn it on"
            )
        }
        if !settings.sources.otlp {
            sources.declare(
                OTLPMetricsHandler.source,
                isOn: false,
                advice: "set sources.http_ingest.otlp to true in \(settingsPath) to turn it on"
            )
            sources.declare(
                OTLPLogHandler.source,
                isOn: false,
                advice: "set sources.http_ingest.otlp to true in \(settingsPath) to turn it on"
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

    /// Stops what takes in, then what evaluates, then what pages; what is not delivered yet is on disk.
    func stop() async {
        readiness.stop()
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        for poller in stopped?.pollers ?? [] { poller.cancel() }
        for poller in stopped?.pollers ?? [] { await poller.value }
        await offPool { [self] in
            stopped?.forward?.stop()
            stopped?.server?.stop(drain: .seconds(3))
            admission.drain()
        }
        await engine.stop()
        await logRules.handOn()
        for task in stopped?.tasks ?? [] { task.cancel() }
        for task in stopped?.tasks ?? [] { await task.value }
        await offPool { [self] in
            http.stop()
            scrapeClient.stop()
            store.stop()
            logRules.flush()
            do {
                try state.close()
            } catch {
                log.warn("the state file was not tidied", ["reason": "\(error)"])
            }
        }
    }
}
