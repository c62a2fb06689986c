import MetricStore
import Model
import SampleLog
import StoreTestSupport
import Telemetry
import TestSupport
import Timekeeping

private let folder = "data"
private let settings = MetricStoreSettings(shards: 1, maxSeries: 2000, maxMemoryBytes: 16 << 20)
private let clock = ManualClock()

private func store(_ files: FaultyFiles) -> MetricStore {
    let store = MetricStore(
        settings: settings,
        durability: StoreDurability(folder: folder, files: files, commitInterval: .zero),
        clock: clock,
        metrics: MetricsRegistry()
    )
    store.start()
    return store
}

/// Files of a store with a snapshot, made once.
private let whole: (files: FaultyFiles, path: String, bytes: [UInt8]) = {
    let files = FaultyFiles()
    let made = store(files)
    _ = try? made.waitUntilRecovered()
    var batch = SampleBatch()
    for series in 0..<40 {
        batch.append(
            ["__name__": "m\(series % 3)", "i": "\(series)"],
            samples: (0..<20).map { Sample(clock.now() - .seconds(20 - $0), Double($0)) }
        )
    }
    _ = made.append(batch)
    try? made.takeSnapshot()
    made.stop()
    let path = files.paths.first { $0.hasSuffix(".snapshot") } ?? ""
    return (files.afterKill(), path, files.contents(path))
}()

/// A snapshot in which bytes were changed and the checksums are right all the same is loaded or put aside.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var bytes = whole.bytes
    precondition(bytes.count > SnapshotHeader.byteCount, "a snapshot was made")
    // Triples: where, and what to put there.
    for index in stride(from: 0, to: count - 3, by: 4) {
        let place =
            unsafe Int(start[index]) << 16 | Int(start[index + 1]) << 8 | Int(start[index + 2])
        let offset = SnapshotHeader.byteCount + place % (bytes.count - SnapshotHeader.byteCount)
        bytes[offset] = unsafe start[index + 3]
    }
    var offset = SnapshotHeader.byteCount
    unsafe bytes.withUnsafeMutableBytes { bytes in
        while bytes.count - offset >= SnapshotSection.byteCount {
            let length = unsafe bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
            guard length <= UInt64(bytes.count - offset - SnapshotSection.byteCount) else { break }
            unsafe SnapshotSection.correct(
                UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
            )
            offset += SnapshotSection.byteCount + Int(length)
        }
    }
    let files = whole.files.afterKill()
    files.overwrite(whole.path, bytes)
    let loaded = store(files)
    let recovery = try? loaded.waitUntilRecovered()
    precondition(recovery.map { $0.series <= 40 } ?? true, "no series out of nothing")
    loaded.stop()
    return 0
}
