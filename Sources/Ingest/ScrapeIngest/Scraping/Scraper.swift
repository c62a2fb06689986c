package import HTTPClient
package import Ingest
package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Scrapes targets as Prometheus does, each in its own slot of its interval.
///
/// Slots come from a hash of the target, so that thousands of targets do not burst and a restart changes nothing. A
/// page is read and let in off Swift's pool, a few at a time; a target whose scrape outlasts its interval misses slots
/// instead of piling up.
package final class Scraper: Sendable {
    enum Work: Sendable {
        case scrape(TargetLoop)
        /// The target is gone; its series end at a moment unless it has come back.
        case end(TargetLoop, at: Timestamp)
    }

    struct State {
        var settings = ScrapeSettings()
        /// By name, in the order of the settings.
        var jobs: [(name: String, state: JobState)] = []
        var due = DueQueue<Work>()
        var running = 0
    }

    /// Longest time before something new is noticed.
    package static let noticePause = Duration.milliseconds(200)
    /// A scrape that begins within this part of its interval after its slot bears the slot's time.
    static let slotTolerance = 1000
    /// Pages that are read at once.
    static let readingMax = 4

    let admission: any SampleAdmitting
    let sources: SourceRegistry
    let clock: any WallClock
    let sleeper: any Sleeper
    let log: Log
    private let http: any HTTPSending
    private let catalogue: MetadataCatalogue
    private let resolver: any NameResolving
    private let elapsed: @Sendable () -> UInt64
    let loopSeed: UInt64
    private let missed: Counter
    private let gate = TurnGate(turns: Scraper.readingMax)
    let state = Mutex(State())

    /// A scraper without jobs.
    ///
    /// `http` should let as many transfers be under way as scrapes may be. `sources` is told how each job is doing, as
    /// `scrape/JOB`, and `catalogue` what pages say about metrics. `elapsed` gives nanoseconds, for the duration of
    /// scrapes; `seed` is for hashes of texts from outside.
    package init(
        http: any HTTPSending,
        admission: any SampleAdmitting,
        sources: SourceRegistry,
        catalogue: MetadataCatalogue,
        resolver: any NameResolving = SystemNames(),
        clock: any WallClock,
        sleeper: any Sleeper = SystemSleeper(),
        elapsed: @escaping @Sendable () -> UInt64 = MonotonicTime.nanoseconds,
        seed: UInt64 = .random(in: 0 ... .max),
        log: Log,
        metrics: MetricsRegistry
    ) {
        self.http = http
        self.admission = admission
        self.sources = sources
        self.catalogue = catalogue
        self.resolver = resolver
        self.clock = clock
        self.sleeper = sleeper
        self.elapsed = elapsed
        loopSeed = seed
        self.log = log
        missed = metrics.counter(
            "tocsin_scrape_missed",
            help: "Slots in which a target was not scraped, because the scrape before still ran.",
            labels: []
        )
        metrics.collect { [weak self] in self?.families() ?? [] }
    }

    // MARK: Running

    /// Puts jobs in place of those that run; a job that has not changed goes on as it is.
    package func update(_ settings: ScrapeSettings) {
        let now = clock.now()
        let gone = state.withLock { state in
            let old = state.jobs
            state.settings = settings
            state.jobs = settings.jobs.map { job in
                if let same = old.first(where: { $0.state.job == job }) { return same }
                return (
                    job.name, JobState(job: job, discovery: JobDiscovery(job, resolver: resolver))
                )
            }
            let kept = settings.jobs
            for (_, job) in old where !kept.contains(job.job) {
                for loop in job.loops.values { remove(loop, at: now, &state) }
            }
            return old.map(\.name).filter { name in !kept.contains { $0.name == name } }
        }
        for name in gone { sources.forget("scrape/\(name)") }
        for job in settings.jobs { sources.declareJudged(job.source) }
    }

    /// Scrapes until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            var pause = Duration.zero
            repeat {
                let now = clock.now()
                for name in takeDiscoveries(dueAt: now) {
                    group.addTask { await self.discover(name, at: now) }
                }
                for (slot, work) in takeWork(dueAt: now) {
                    group.addTask { await self.perform(work, slot: slot) }
                }
                let next = state.withLock { $0.due.next }.map { $0 - clock.now() }
                pause = min(Scraper.noticePause, max(.milliseconds(1), next ?? .seconds(1)))
            } while await slept(pause)
            group.cancelAll()
        }
    }

    /// Does everything that is due, discovery first, and waits for it.
    package func advance(at now: Timestamp) async {
        for name in takeDiscoveries(dueAt: now) { await discover(name, at: now) }
        await withTaskGroup(of: Void.self) { group in
            for (slot, work) in takeWork(dueAt: now) {
                group.addTask { await self.perform(work, slot: slot) }
            }
        }
    }

    /// Waits; false when the task is cancelled.
    private func slept(_ pause: Duration) async -> Bool {
        do {
            try await sleeper.sleep(for: pause)
            return !Task.isCancelled
        } catch {
            return false
        }
    }

    private func takeWork(dueAt now: Timestamp) -> [(slot: Timestamp, work: Work)] {
        state.withLock { state in
            var taken: [(slot: Timestamp, work: Work)] = []
            while state.running < state.settings.concurrentMax,
                let (slot, work) = state.due.pop(dueAt: now)
            {
                if case .scrape(let loop) = work, loop.isRemoved { continue }
                state.running += 1
                taken.append((slot, work))
            }
            return taken
        }
    }

    private func perform(_ work: Work, slot: Timestamp) async {
        switch work {
        case .scrape(let loop): await scrape(loop, slot: slot)
        case .end(let loop, let time): await end(loop, at: time)
        }
        state.withLock { state in
            state.running -= 1
            guard case .scrape(let loop) = work, !loop.isRemoved else { return }
            let next = loop.target.slot(from: clock.now() + .milliseconds(1))
            let after = max(next, slot + loop.target.interval)
            missed.add(
                Int((after - slot).milliseconds / max(1, loop.target.interval.milliseconds)) - 1
            )
            state.due.add(.scrape(loop), at: after)
        }
    }

    // MARK: One scrape

    private func scrape(_ loop: TargetLoop, slot: Timestamp) async {
        let start = clock.now()
        let late = start - slot
        let isTimely = late >= .zero && late * Scraper.slotTolerance <= loop.target.interval
        let time = isTimely ? slot : start
        let deadline = slot + loop.target.interval
        let began = elapsed()
        let fetched = await fetch(loop)
        guard !Task.isCancelled else { return }
        let result = await gate.run {
            loop.samples.withLock { samples in
                switch fetched {
                case .failure: samples.fail(at: time)
                case .success(let page):
                    samples.take(page.body.span, isOpenMetrics: page.isOpenMetrics, at: time)
                }
            }
        }
        let took = Duration.nanoseconds(Int64(clamping: elapsed() &- began))
        let problem: String? =
            switch fetched {
            case .failure(let failure): failure.reason
            case .success: result.problem
            }
        let report = loop.samples.withLock {
            $0.report(result.counts, isUp: problem == nil, took: took, at: time)
        }
        await admit(result.batch, of: loop, until: deadline)
        await admit(report, of: loop, until: deadline)
        if result.hasNewMetadata, case .success(let page) = fetched {
            await gate.run { [catalogue] in
                PageMetadata.note(page.body.span, isOpenMetrics: page.isOpenMetrics, in: catalogue)
            }
        }
        loop.note(
            TargetLoop.Health(
                lastScrape: time,
                took: took,
                problem: problem,
                series: result.counts.kept
            )
        )
        judge(loop, problem)
    }

    private func fetch(
        _ loop: TargetLoop
    ) async -> Result<ScrapeRequest.Page, ScrapeFailure> {
        let limits = state.withLock { state in
            (
                body: state.settings.bodyMax,
                refusal: state.jobs.first { $0.name == loop.job.name }?.state.refusal
            )
        }
        if let refusal = limits.refusal { return .failure(ScrapeFailure(reason: refusal)) }
        let bodyMax = loop.job.bodyMax > 0 ? loop.job.bodyMax : limits.body
        do throws(ScrapeFailure) {
            let request = try ScrapeRequest.make(loop.target, loop.job, bodyMax: bodyMax)
            let reply: HTTPClientReply
            do throws(HTTPClientError) {
                reply = try await http.send(request)
            } catch {
                throw ScrapeRequest.failure(error, loop.target)
            }
            return .success(try ScrapeRequest.page(reply, bodyMax: bodyMax))
        } catch {
            return .failure(error)
        }
    }

    /// Has a batch let in; while the store is behind, the target waits, at most until its next slot.
    private func admit(_ batch: SampleBatch, of loop: TargetLoop, until deadline: Timestamp) async {
        guard batch.sampleCount > 0 else { return }
        let source = loop.job.source
        while true {
            let outcome = await gate.run { [admission] in admission.admit(batch, from: source) }
            guard case .overloaded(let pause, let reason) = outcome else { return }
            guard clock.now() + pause < deadline, await slept(pause) else {
                sources.refused(
                    source,
                    cause: "overloaded",
                    count: batch.sampleCount,
                    "a page of \(loop.target.url) was not stored until its next scrape: \(reason)"
                )
                return
            }
        }
    }

    private func end(_ loop: TargetLoop, at time: Timestamp) async {
        let isBack = state.withLock { state in
            state.jobs.contains { $0.state.loops.keys.contains { $0.labels == loop.target.labels } }
        }
        // Whoever scrapes the same series now ends them when they vanish.
        guard !isBack else { return }
        let batches = loop.samples.withLock { $0.end(at: time) }
        for batch in batches {
            await admit(batch, of: loop, until: clock.now() + loop.target.interval)
        }
    }

    private func judge(_ loop: TargetLoop, _ problem: String?) {
        let failure = state.withLock { state -> String?? in
            guard let index = state.jobs.firstIndex(where: { $0.name == loop.job.name }),
                !loop.isRemoved
            else { return nil }
            state.jobs[index].state.down[loop.target.url] = problem
            return .some(state.jobs[index].state.failure)
        }
        guard let failure else { return }
        sources.judged(loop.job.source, worked: problem == nil, failure: failure)
        tell(loop.job, failure)
    }

    /// Logs when a job's trouble begins, and when it is over.
    func tell(_ job: ScrapeJob, _ failure: String?) {
        let isNews = state.withLock { state -> Bool in
            guard let index = state.jobs.firstIndex(where: { $0.name == job.name }) else {
                return false
            }
            let was = state.jobs[index].state.logged
            guard (was == nil) != (failure == nil) else { return false }
            state.jobs[index].state.logged = failure
            return true
        }
        guard isNews else { return }
        if let failure {
            log.warn("not everything can be scraped", ["job": job.name, "reason": failure])
        } else {
            log.info("everything is scraped again", ["job": job.name])
        }
    }
}
