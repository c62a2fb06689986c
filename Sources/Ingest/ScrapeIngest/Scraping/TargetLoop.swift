import Model
import Synchronization
import Timekeeping

/// One target that is scraped: its series, and how it is doing.
final class TargetLoop: Sendable {
    /// How the last scrape went.
    struct Health: Sendable {
        var lastScrape: Timestamp?
        var took: Duration = .zero
        /// Nil when it went well, or before the first.
        var problem: String?
        var series = 0
    }

    let job: ScrapeJob
    let target: ScrapeTarget
    /// Touched by one scrape at a time.
    let samples: Mutex<TargetSamples>
    private let health = Mutex(Health())
    private let removed = Atomic(false)

    init(_ job: ScrapeJob, _ target: ScrapeTarget, seed: UInt64) {
        self.job = job
        self.target = target
        samples = Mutex(TargetSamples(job, labels: target.labels, seed: seed))
    }

    /// True when the target is gone and only its series' end is to be told.
    var isRemoved: Bool { removed.load(ordering: .acquiring) }

    func remove() { removed.store(true, ordering: .releasing) }

    func note(_ change: Health) { health.withLock { $0 = change } }

    var current: Health { health.withLock { $0 } }
}
