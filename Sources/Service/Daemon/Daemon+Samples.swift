import Buffers
import Configuration
import MetricStore
import SampleLog
import Telemetry

extension Daemon {
    /// Where the samples are kept on disk; nil when they are not.
    static func durability(_ store: DaemonSettings.Store) -> StoreDurability? {
        guard store.samplesOnDisk else { return nil }
        return StoreDurability(
            folder: store.path + "/samples",
            commitInterval: store.commitInterval,
            cutsDamage: store.onCorruption == .cut
        )
    }

    /// Waits until the samples that were on disk are back, and says what was found.
    ///
    /// - Throws: Why they cannot be had.
    func recoverSamples() async throws {
        let outcome = await offPool { [store] () -> Result<StoreRecovery?, SampleLogProblem> in
            Result { () throws(SampleLogProblem) in try store.waitUntilRecovered() }
        }
        guard let recovery = try outcome.get() else { return }
        for cut in recovery.cuts {
            log.warn(
                cut.isDamage
                    ? "the sample log was damaged; it ends there now, the rest is put aside as *.damaged"
                    : "the sample log ended in the middle of a write; the torn end was cut off",
                ["file": cut.path, "offset": "\(cut.offset)", "bytes": "\(cut.bytes)"]
            )
        }
        if recovery.seriesLeftOut > 0 {
            log.warn(
                "store.max_series is lower than what was on disk; some series were left out",
                ["series": "\(recovery.seriesLeftOut)"]
            )
        }
        log.info(
            "samples are back",
            [
                "series": "\(recovery.series)",
                "samples": "\(recovery.samples)",
                "seconds": "\(Double(Int(recovery.seconds * 1000)) / 1000)",
                "log_bytes": "\(recovery.logBytes)",
                "bytes_cut": "\(recovery.bytesCut)",
            ]
        )
    }
}
