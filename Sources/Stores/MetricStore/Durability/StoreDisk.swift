import Buffers
import SampleLog
import Synchronization
import Telemetry
import Timekeeping

/// The disk side of a store: its identity, its shards' logs, and the thread that syncs them.
final class StoreDisk: Sendable {
    private struct Opened {
        var identity: StoreIdentity
        /// Held for as long as the store runs, so that no other process opens it.
        var lock: any StoreFile
        var threads: [OwnedThread]
    }

    let durability: StoreDurability
    let board: RecoveryBoard
    private let shards: Int
    private let standings: [ShardStanding]
    private let counters: DurabilityCounters
    private let syncer: LogSyncer
    private let snapshots = SnapshotThread()
    private let log: Log
    private let opened = Mutex<Opened?>(nil)

    init(_ durability: StoreDurability, shards: Int, log: Log, metrics: MetricsRegistry) {
        self.durability = durability
        self.shards = shards
        self.log = log
        board = RecoveryBoard(shards: shards)
        standings = (0..<shards).map { _ in ShardStanding() }
        counters = DurabilityCounters(metrics)
        syncer = LogSyncer(
            standings,
            interval: durability.commitInterval,
            counters: counters,
            log: log
        )
        let standings = standings
        metrics.collect { StoreDisk.families(standings) }
    }

    /// True while the disk of some shard takes nothing.
    var isFailing: Bool { standings.contains(where: \.isFailing) }

    /// Reads or makes the store's identity, before the shards start.
    func open(_ hasher: LabelHasher) throws(SampleLogProblem) {
        let (folder, files) = (durability.folder, durability.files)
        let lock = try SampleLogProblem.wrapping { () throws(FileProblem) in
            try files.makeFolder(folder)
            return try files.lock("\(folder)/lock")
        }
        let identity: StoreIdentity
        if let known = try StoreIdentity.read(folder, files) {
            identity = known
        } else {
            var random = SystemRandomNumberGenerator()
            let new = StoreIdentity(shards: shards, using: &random)
            try SampleLogProblem.wrapping { () throws(FileProblem) in
                try new.write(folder, files)
            }
            identity = new
        }
        hasher.adopt(identity.hashKeys)
        let (syncer, snapshots) = (syncer, snapshots)
        var threads = [OwnedThread(name: "store-snapshot") { snapshots.run() }]
        if !durability.syncsFirst {
            threads.append(OwnedThread(name: "store-sync") { syncer.run() })
        }
        let running = threads
        opened.withLock { $0 = Opened(identity: identity, lock: lock, threads: running) }
    }

    /// What shard `number` needs; nil before `open`.
    func durable(_ number: Int) -> ShardDurability? {
        opened.withLock { opened in
            opened.map {
                ShardDurability(
                    shard: number,
                    durability: durability,
                    identity: $0.identity,
                    standing: standings[number],
                    counters: counters,
                    log: log,
                    thread: snapshots
                )
            }
        }
    }

    /// Syncs what is left, once the shards have ended.
    func close() {
        let last = opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        snapshots.stop()
        syncer.stop()
        for thread in last?.threads ?? [] { thread.join() }
    }

    private static func families(_ standings: [ShardStanding]) -> [MetricFamily] {
        [
            MetricFamily(
                "tocsin_store_log_bytes",
                help: "Bytes of the sample log on disk.",
                kind: .gauge,
                points: [MetricPoint([], Double(standings.reduce(0) { $0 + $1.logBytes }))]
            ),
            MetricFamily(
                "tocsin_store_log_segments",
                help: "Files of the sample log.",
                kind: .gauge,
                points: [MetricPoint([], Double(standings.reduce(0) { $0 + $1.segmentCount }))]
            ),
            MetricFamily(
                "tocsin_store_snapshot_bytes",
                help: "Bytes of the newest snapshots of the samples.",
                kind: .gauge,
                points: [
                    MetricPoint(
                        [],
                        Double(standings.reduce(0) { $0 + ($1.newestSnapshot?.bytes ?? 0) })
                    )
                ]
            ),
            MetricFamily(
                "tocsin_store_snapshot_age_seconds",
                help: "Seconds since the oldest shard's newest snapshot was made or loaded.",
                kind: .gauge,
                points: standings.compactMap(\.newestSnapshot?.at).min().map {
                    [MetricPoint([], Double(MonotonicTime.nanoseconds() - $0) / 1e9)]
                } ?? []
            ),
            MetricFamily(
                "tocsin_store_log_failing",
                help: "1 while the disk takes no samples.",
                kind: .gauge,
                points: [MetricPoint([], standings.contains(where: \.isFailing) ? 1 : 0)]
            ),
        ]
    }
}
