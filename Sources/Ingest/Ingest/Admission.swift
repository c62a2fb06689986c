package import Model
import Synchronization
package import Timekeeping

/// The one door: limits, watermarks and counters for every source, then the stores.
///
/// A batch is let in whole or turned away whole. Samples that the store refuses by themselves (out of order,
/// too far in the future, over a series limit) are counted by cause and do not hold up the others.
package final class Admission: SampleAdmitting, LogAdmitting, Sendable {
    private let settings: AdmissionSettings
    private let samples: any SampleTaking
    private let records: any RecordTaking
    private let preparation: LogPreparation?
    private let logMetrics: LogMetrics
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let allowances = Mutex<[String: RateAllowance]>([:])

    /// A door in front of these stores; without a preparation, records are taken as they come.
    package init(
        settings: AdmissionSettings = AdmissionSettings(),
        samples: any SampleTaking,
        records: any RecordTaking,
        preparation: LogPreparation? = nil,
        logMetrics: LogMetrics,
        sources: SourceRegistry,
        clock: any WallClock
    ) {
        self.settings = settings
        self.samples = samples
        self.records = records
        self.preparation = preparation
        self.logMetrics = logMetrics
        self.sources = sources
        self.clock = clock
    }

    package func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
        let now = clock.now()
        if let turnedAway = overLimit(batch.sampleCount, source, now) { return turnedAway }
        var batch = batch
        batch.source = source
        guard let result = samples.tryAppend(batch) else { return storeIsBehind(source) }
        guard result.refused[.stopping] == nil else {
            sources.overloaded(source)
            return .overloaded(
                retryAfter: settings.retryAfter,
                reason: "the metric store is starting or stopping; come again"
            )
        }
        guard result.refused[.notStored] == nil else {
            sources.overloaded(source)
            return .overloaded(
                retryAfter: settings.retryAfter,
                reason: result.firstRefusal ?? "the disk takes no samples"
            )
        }
        let horizon = (now + settings.futureSkewMax).milliseconds
        var newest = Int64.min
        for timestamp in batch.timestamps where timestamp <= horizon {
            newest = max(newest, timestamp)
        }
        sources.admitted(
            source,
            result,
            newest: newest == .min ? nil : Timestamp(milliseconds: newest)
        )
        return .admitted(result)
    }

    package func admit(_ batch: [LogRecord], from source: String) -> AdmissionOutcome {
        let now = clock.now()
        if let turnedAway = overLimit(batch.count, source, now) { return turnedAway }
        // Counts must not be lost once they are taken, so the store is asked before, and then waited for.
        guard !samples.isOverloaded else { return storeIsBehind(source) }
        if let preparation {
            take(preparation.take(batch))
        } else {
            logMetrics.count(batch, into: samples)
            records.append(batch)
        }
        var result = AppendResult()
        result.accepted = batch.count
        let horizon = now + settings.futureSkewMax
        let newest = batch.lazy.map(\.eventTime).filter { $0 <= horizon }.max()
        sources.admitted(source, result, newest: newest)
        return .admitted(result)
    }

    /// Ends log events that have gone quiet, and keeps quiet series of log metrics alive; call every second
    /// from a thread that may block.
    package func tick() {
        if let preparation { take(preparation.flush()) }
        logMetrics.tick(into: samples)
    }

    /// Counts and keeps what waits for more lines; call it when nothing more comes.
    package func drain() {
        if let preparation { take(preparation.flush(everything: true)) }
    }

    private func take(_ prepared: LogPreparation.Prepared) {
        if !prepared.counted.isEmpty { logMetrics.count(prepared.counted, into: samples) }
        if !prepared.kept.isEmpty { records.append(prepared.kept) }
    }

    private func overLimit(_ count: Int, _ source: String, _ now: Timestamp) -> AdmissionOutcome? {
        guard let perSecond = settings.samplesPerSecondMax else { return nil }
        let wait = allowances.withLock { allowances in
            allowances[
                source,
                default: RateAllowance(perSecond: perSecond, burst: settings.burst, at: now)
            ].take(count, at: now)
        }
        guard let wait else { return nil }
        sources.overloaded(source)
        return .overloaded(
            retryAfter: max(wait, settings.retryAfter),
            reason: "\(source) sends more than \(perSecond) samples a second; send less or raise "
                + "sources.max_samples_per_second"
        )
    }

    private func storeIsBehind(_ source: String) -> AdmissionOutcome {
        sources.overloaded(source)
        return .overloaded(
            retryAfter: settings.retryAfter,
            reason: "the metric store is behind with the samples it has; come again in "
                + settings.retryAfter.prometheusText
        )
    }
}
