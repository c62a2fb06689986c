import Buffers
import Ingest
import Model
import Synchronization
import Telemetry
import Timekeeping

extension Scraper {
    /// Names of jobs whose discovery is due; they are marked as under way.
    func takeDiscoveries(dueAt now: Timestamp) -> [String] {
        state.withLock { state in
            var names: [String] = []
            for index in state.jobs.indices {
                let job = state.jobs[index].state
                let isDue = job.groups == nil || job.discovery.nextDue.map { $0 <= now } ?? false
                guard isDue, !job.isRefreshing else { continue }
                state.jobs[index].state.isRefreshing = true
                names.append(state.jobs[index].name)
            }
            return names
        }
    }

    /// Looks for a job's targets, and has those scraped that are new and those ended that are gone.
    func discover(_ name: String, at now: Timestamp) async {
        let job = state.withLock { $0.jobs.first { $0.name == name }?.state }
        guard let job else { return }
        let found = await offPool {
            var discovery = job.discovery
            discovery.refresh(at: now)
            return discovery
        }
        let failure = state.withLock { state -> String?? in
            guard let index = state.jobs.firstIndex(where: { $0.state.job == job.job }) else {
                return nil
            }
            state.jobs[index].state.isRefreshing = false
            state.jobs[index].state.discovery = found
            state.jobs[index].state.problems = found.problems
            let groups = found.groups
            if state.jobs[index].state.groups != groups {
                state.jobs[index].state.groups = groups
                place(groups, index, at: now, &state)
            }
            return .some(state.jobs[index].state.failure)
        }
        guard let failure else { return }
        // Nothing was scraped just now, so only trouble is news.
        if failure != nil || job.failure != nil {
            sources.judged(job.job.source, worked: false, failure: failure)
        }
        tell(job.job, failure)
    }

    private func place(
        _ groups: [TargetGroup],
        _ index: Int,
        at now: Timestamp,
        _ state: inout State
    ) {
        var job = state.jobs[index].state
        var wanted: Set<ScrapeTarget> = []
        var order: [ScrapeTarget] = []
        job.dropped = []
        job.droppedCount = 0
        job.unusable = []
        for group in groups {
            for target in group.targets {
                switch ScrapeTarget.build(target, group, job.job) {
                case .kept(let target):
                    if wanted.insert(target).inserted { order.append(target) }
                case .dropped(let labels):
                    job.droppedCount += 1
                    if job.dropped.count < state.settings.droppedKeptMax {
                        job.dropped.append(labels)
                    }
                case .unusable(let labels, let reason): job.unusable.append((labels, reason))
                }
            }
        }
        job.refusal = nil
        if job.job.targetsMax > 0, order.count > job.job.targetsMax {
            job.refusal =
                "\(order.count) targets are over target_limit \(job.job.targetsMax), so none is "
                + "scraped; drop some with relabel_configs or raise the limit"
        }
        let others = state.jobs.enumerated().reduce(0) {
            $0 + ($1.offset == index ? 0 : $1.element.state.loops.count)
        }
        let room = max(0, state.settings.targetsMax - others)
        if order.count > room {
            job.problems.append(
                "\(order.count - room) targets are over sources.scrape.max_targets "
                    + "\(state.settings.targetsMax) and are left out; raise it"
            )
            order.removeLast(order.count - room)
            wanted = Set(order)
        }
        for (target, loop) in job.loops where !wanted.contains(target) {
            job.loops[target] = nil
            job.down[target.url] = nil
            remove(loop, at: now, &state)
        }
        for target in order where job.loops[target] == nil {
            let loop = TargetLoop(job.job, target, seed: loopSeed)
            job.loops[target] = loop
            state.due.add(.scrape(loop), at: target.slot(from: now))
        }
        state.jobs[index].state = job
    }

    /// Has a target's series end when it does not come back.
    ///
    /// As in Prometheus that is told only after the slot after the next one, so that whoever scrapes the target
    /// instead, here or elsewhere, is first.
    func remove(_ loop: TargetLoop, at now: Timestamp, _ state: inout State) {
        loop.remove()
        let interval = loop.target.interval
        let slot = loop.target.slot(from: now + .milliseconds(1))
        state.due.add(.end(loop, at: slot), at: slot + interval + interval / 10)
    }

    /// What is scraped and how it goes.
    package var snapshot: ScrapeSnapshot {
        let jobs = state.withLock { $0.jobs }
        var snapshot = ScrapeSnapshot()
        for (name, job) in jobs {
            for (target, loop) in job.loops.sorted(by: { $0.key.labels < $1.key.labels }) {
                let health = loop.current
                snapshot.active.append(
                    ScrapeSnapshot.Active(
                        pool: name,
                        discovered: target.discovered,
                        labels: target.labels,
                        url: target.url,
                        interval: target.interval,
                        timeout: target.timeout,
                        lastScrape: health.lastScrape,
                        lastDuration: health.took,
                        lastError: health.problem ?? ""
                    )
                )
            }
            for labels in job.dropped {
                snapshot.dropped.append(ScrapeSnapshot.Dropped(pool: name, discovered: labels))
            }
            snapshot.droppedCounts[name] = job.droppedCount
        }
        return snapshot
    }

    func families() -> [MetricFamily] {
        let jobs = state.withLock { $0.jobs }
        let points = jobs.flatMap { name, job in
            [
                MetricPoint(
                    [("job", name), ("health", "down")],
                    Double(job.refusal == nil ? job.down.count : job.loops.count)
                ),
                MetricPoint(
                    [("job", name), ("health", "up")],
                    Double(job.refusal == nil ? job.loops.count - job.down.count : 0)
                ),
                MetricPoint([("job", name), ("health", "unusable")], Double(job.unusable.count)),
                MetricPoint([("job", name), ("health", "dropped")], Double(job.droppedCount)),
            ]
        }
        return [
            MetricFamily(
                "tocsin_scrape_targets",
                help: "Targets by job and health; dropped ones are those that relabelling drops.",
                kind: .gauge,
                points: points
            )
        ]
    }
}
