import Model
import SampleLog
import StoreTestSupport
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// Snapshots whose checksums are right and whose contents are not.
@Suite struct SnapshotDamageTests {
    @Test func totalsThatCannotBeArePutAside() throws {
        let files = FaultyFiles()
        let settings = MetricStoreSettings(shards: 1)
        let harness = StoreHarness(settings, durability: DurabilityTests.durability(files))
        _ = try harness.store.waitUntilRecovered()
        #expect(harness.append(["__name__": "m"], [(0, 1)]).accepted == 1)
        try harness.store.takeSnapshot()
        let path = try #require(files.paths.first { $0.hasSuffix(".snapshot") })
        let whole = files.contents(path)
        let totals = whole.count - MemoryLayout<SnapshotTotals>.size
        // Heads, pairs, samples and changes: found by the fuzzer, which put all ones there.
        for field in 0..<4 {
            var bytes = whole
            for offset in 0..<8 { bytes[totals + 8 * field + offset] = 0xff }
            unsafe bytes.withUnsafeMutableBytes {
                unsafe SnapshotSection.correct(
                    UnsafeMutableRawBufferPointer(
                        rebasing: $0[(totals - SnapshotSection.byteCount)...]
                    )
                )
            }
            let damaged = files.afterKill()
            damaged.overwrite(path, bytes)
            let again = StoreHarness(
                settings,
                durability: DurabilityTests.durability(damaged),
                clock: harness.clock
            )
            _ = try again.store.waitUntilRecovered()
            #expect(damaged.paths.contains(path + ".damaged"), "field \(field)")
            #expect(try again.samples("m").count == 1, "the log since the beginning is still there")
        }
    }
}
