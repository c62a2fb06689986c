package import SampleLog

/// Where and how the metric store keeps its samples on disk.
package struct StoreDurability: Sendable {
    /// The folder; made when it is missing (`store.path`, `samples` below it).
    package var folder: String
    package var files: any StoreFiles
    /// How much may be lost with the machine's power; zero: a batch is synced before it is acknowledged
    /// (`store.commit_interval`).
    package var commitInterval: Duration
    /// True: damage in the middle of a log ends it there; false: the store does not start
    /// (`store.on_corruption`).
    package var cutsDamage: Bool
    /// Bytes after which a segment of the log is full.
    package var segmentBytesMax: Int
    /// Bytes of records that may wait for a disk that takes none; samples of senders are refused from the
    /// first on, those that the service computes itself only past this.
    package var unwrittenBytesMax: Int
    /// Bytes of log in one shard after which a snapshot is made even while much comes in; at least the size of the
    /// last one, so that snapshots never write more than the log.
    package var snapshotLogBytes: Int
    /// The same while little comes in; at least an eighth of the size of the last one.
    package var snapshotQuietLogBytes: Int

    package init(
        folder: String,
        files: any StoreFiles = DiskFiles(),
        commitInterval: Duration = .seconds(1),
        cutsDamage: Bool = false,
        segmentBytesMax: Int = 8 << 20,
        unwrittenBytesMax: Int = 16 << 20,
        snapshotLogBytes: Int = 64 << 20,
        snapshotQuietLogBytes: Int = 4 << 20
    ) {
        self.folder = folder
        self.files = files
        self.commitInterval = commitInterval
        self.cutsDamage = cutsDamage
        self.segmentBytesMax = segmentBytesMax
        self.unwrittenBytesMax = unwrittenBytesMax
        self.snapshotLogBytes = snapshotLogBytes
        self.snapshotQuietLogBytes = snapshotQuietLogBytes
    }

    /// True when a batch is acknowledged only once it is synced.
    var syncsFirst: Bool { commitInterval <= .zero }
}
