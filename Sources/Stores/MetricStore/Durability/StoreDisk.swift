import Buffers
import SampleLog
import Synchronization
import Telemetry
import Timekeeping

/// The disk side of a store: its identity, its shards' logs, and the thread that syncs them.
final class StoreDisk: Sendable {
    private struct Opened {
        var identity: StoreIdentity
        /// What is on disk, when that is over another number of shards.
        var outdated: StoreIdentity?
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
        metrics.collect { [weak self] in self?.families ?? [] }
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
        var identity: StoreIdentity
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
        try removeOutdated(identity)
        var outdated: StoreIdentity?
        if Int(identity.shards) != shards {
            outdated = identity
            identity = identity.over(shards: shards)
        }
        let (syncer, snapshots) = (syncer, snapshots)
        var threads = [OwnedThread(name: "store-snapshot") { snapshots.run() }]
        if !durability.syncsFirst {
            threads.append(OwnedThread(name: "store-sync") { syncer.run() })
        }
        let running = threads
        let state = Opened(identity: identity, outdated: outdated, lock: lock, threads: running)
        opened.withLock { $0 = state }
    }

    /// Removes what a change of the number of shards has left, finished or not.
    private func removeOutdated(_ identity: StoreIdentity) throws(SampleLogProblem) {
        let (folder, files) = (durability.folder, durability.files)
        try SampleLogProblem.wrapping { () throws(FileProblem) in
            for name in try files.list(folder) where identity.isOutdated(name) {
                try files.remove("\(folder)/\(name)")
            }
        }
    }

    /// Shards that the data on disk is over, when that is another number than now.
    var outdatedShards: Int? { opened.withLock { $0?.outdated.map { Int($0.shards) } } }

    /// What is on disk under the number of shards it was written with.
    func outdated(_ number: Int) -> ShardDurability? {
        opened.withLock { opened in
            opened?.outdated.map { durable(number, $0, ShardStanding()) }
        }
    }

    /// The data is on disk over the new number of shards: makes that what counts.
    func adoptShards() throws(SampleLogProblem) {
        guard let identity = opened.withLock({ $0?.identity }) else { return }
        let (folder, files) = (durability.folder, durability.files)
        try SampleLogProblem.wrapping { () throws(FileProblem) in
            try identity.write(folder, files)
        }
        try removeOutdated(identity)
    }

    private func durable(
        _ number: Int,
        _ identity: StoreIdentity,
        _ standing: ShardStanding
    ) -> ShardDurability {
        ShardDurability(
            shard: number,
            durability: durability,
            identity: identity,
            standing: standing,
            counters: counters,
            log: log,
            thread: snapshots
        )
    }

    /// What shard `number` needs; nil before `open`.
    func durable(_ number: Int) -> ShardDurability? {
        opened.withLock { opened in
            opened.map { durable(number, $0.identity, standings[number]) }
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

    private var families: [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ value: Double?) -> MetricFamily {
            MetricFamily(
                "tocsin_store_" + name,
                help: help,
                kind: .gauge,
                points: value.map { [MetricPoint([], $0)] } ?? []
            )
        }
        func sum(_ value: (ShardStanding) -> Int) -> Double {
            Double(standings.reduce(0) { $0 + value($1) })
        }
        let newest = standings.compactMap(\.newestSnapshot)
        let oldest = newest.map(\.at).min()
        return [
            gauge("log_bytes", "Bytes of the sample log on disk.", sum(\.logBytes)),
            gauge("log_segments", "Files of the sample log.", sum(\.segmentCount)),
            gauge("log_failing", "1 while the disk takes no samples.", isFailing ? 1 : 0),
            gauge(
                "snapshot_bytes",
                "Bytes of the newest snapshots of the samples.",
                Double(newest.reduce(0) { $0 + $1.bytes })
            ),
            gauge(
                "snapshot_age_seconds",
                "Seconds since a snapshot was made or loaded, of the shard where that is longest ago.",
                oldest.map { Double(MonotonicTime.nanoseconds() - $0) / 1e9 }
            ),
            gauge(
                "replay_seconds",
                "How long it took at the start until the samples were back.",
                board.recovery?.seconds
            ),
        ]
    }
}
