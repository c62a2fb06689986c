import Buffers
import CloudWatchIngest
import Configuration
import EFKIngest
import Incidents
import Ingest
import LogRules
import MetricStore
import Model
import Paging
import RuleEvaluation
import Rules
import ServiceAPI
import SLO
import ScrapeIngest
import Synchronization
import Telemetry
import Timekeeping

extension Daemon {
    /// Puts rules and people in place of those that run.
    ///
    /// What may still fail comes first: the files were loaded on trial, but ledgers are read from the disk.
    func adopt(_ files: LoadedFiles) throws {
        try tracker.load(files.rules.slos, at: clock.now())
        let needs = try files.rules.selectorNeeds
        let reaches = try files.rules.reaches(
            interval: settings.evaluation.interval,
            delay: settle
        )
        try engine.load(files.rules)
        try logMetrics.load(files.rules.logMetrics)
        try preparation.load(files.rules.logStreams)
        try logRules.load(files.rules.logRules)
        // A store that does not run yet has nothing to tell: once it does, the start asks again.
        if running.withLock({ $0?.samplesAreBack ?? false }) {
            try logMetrics.resume(from: store)
        }
        for note in files.dashboards.notes { log.warn("\(note)") }
        for poller in pollers { poller.update(needs: needs + files.dashboards.needs) }
        pushSelection.update(needs: needs + files.dashboards.needs)
        store.keep(reaches.retentionNeeds)
        note(reaches)
        let now = clock.now()
        loading.withLock {
            $0 = StatusRoutes.Loading(
                settingsText: files.settingsText,
                isCurrent: true,
                at: now
            )
        }
        reloads.successful.set(1)
        reloads.at.set(now.seconds)
    }

    /// Tells of the rules that read further back than all samples are kept.
    private func note(_ reaches: [RuleReach]) {
        for reach in reaches {
            let note = reach.note(
                retention: settings.store.retention,
                longest: settings.store.longWindowMax
            )
            guard let note else { continue }
            log.info("\(reach.location): \(note)")
        }
    }

    /// Reads all files again; what is wrong leaves everything as it was.
    ///
    /// Calls at the same time are done one after another.
    ///
    /// - Returns: Nil when all went well, else what is wrong.
    func reload() async -> String? {
        let turn = lastReload.withLock { last in
            let turn = Task { [self, last] in
                _ = await last?.value
                return await reloadNow()
            }
            last = turn
            return turn
        }
        return await turn.value
    }

    private func reloadNow() async -> String? {
        switch await offPool({ self.adoptFromDisk() }) {
        case .success(let files):
            await dispatcher.reload(files.policy)
            await pages.reload(files.receivers)
            let forward = running.withLock { $0?.forward }
            await offPool { forward?.refreshSecrets() }
            if settings.sources.scrape != nil, let scrape = files.settings.sources.scrape {
                scraper.update(scrape)
            }
            var unchanged = files.settings
            unchanged.rules = settings.rules
            if settings.sources.scrape != nil, unchanged.sources.scrape != nil {
                unchanged.sources.scrape = settings.sources.scrape
            }
            unchanged.incidentsFile = settings.incidentsFile
            if unchanged != settings {
                log.warn("rules and on-call are reloaded; other changed settings need a restart")
            } else {
                log.info("rules and on-call are reloaded")
            }
            return nil
        case .failure(let problems):
            loading.withLock { $0.isCurrent = false }
            reloads.successful.set(0)
            log.error(
                "not reloaded; what was running goes on",
                ["problems": problems.description]
            )
            return problems.description
        }
    }

    private func adoptFromDisk() -> Result<LoadedFiles, DiagnosticList> {
        do {
            let files = try LoadedFiles.load(
                settingsPath: settingsPath,
                environment: environment,
                overrides: overrides
            )
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
