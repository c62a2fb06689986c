import Buffers
import SampleLog
import Synchronization
import Telemetry

/// The disk side of a store: its identity, its shards' logs, and the thread that syncs them.
final class StoreDisk: Sendable {
    private struct Opened {
        var identity: StoreIdentity
        /// Held for as long as the store runs, so that no other process opens it.
        var lock: any StoreFile
        var thread: OwnedThread?
    }

    let durability: StoreDurability
    let board: RecoveryBoard
    private let shards: Int
    private let standings: [ShardStanding]
    private let counters: DurabilityCounters
    private let syncer: LogSyncer
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
        let thread: OwnedThread?
        if durability.syncsFirst {
            thread = nil
        } else {
            let syncer = syncer
            thread = OwnedThread(name: "store-sync") { syncer.run() }
        }
        opened.withLock { $0 = Opened(identity: identity, lock: lock, thread: thread) }
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
                    log: log
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
        syncer.stop()
        last?.thread?.join()
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
                "tocsin_store_log_failing",
                help: "1 while the disk takes no samples.",
                kind: .gauge,
                points: [MetricPoint([], standings.contains(where: \.isFailing) ? 1 : 0)]
            ),
        ]
    }
}
