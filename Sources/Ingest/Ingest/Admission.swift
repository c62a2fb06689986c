package import Model
import Synchronization
package import Timekeeping

/// The one door: limits, watermarks and counters for every source, then the stores.
///
/// A batch is let in whole or turned away whole. Samples that the store refuses by themselves (out of order,
/// too far in the future, over a series limit) are counted by cause and do not hold up the others.
package final class Admission: SampleAdmitting, LogAdmitting, PageAdmitting, Sendable {
    private let settings: AdmissionSettings
    private let samples: any SampleTaking
    private let records: any RecordTaking
    private let preparation: LogPreparation?
    private let logMetrics: LogMetrics
    private let judge: (any RecordJudging)?
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let relabeller: BatchRelabeller?
    private let allowances = Mutex<[String: RateAllowance]>([:])

    /// A door in front of these stores; without a preparation, records are taken as they come.
    package init(
        settings: AdmissionSettings = AdmissionSettings(),
        samples: any SampleTaking,
        records: any RecordTaking,
        preparation: LogPreparation? = nil,
        logMetrics: LogMetrics,
        judge: (any RecordJudging)? = nil,
        sources: SourceRegistry,
        clock: any WallClock
    ) {
        self.settings = settings
        self.samples = samples
        self.records = records
        self.preparation = preparation
        self.logMetrics = logMetrics
        self.judge = judge
        self.sources = sources
        self.clock = clock
        let rules = settings.writeRelabelling
        relabeller = rules.isEmpty ? nil : BatchRelabeller(rules)
    }

    package func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
        let now = clock.now()
        if let turnedAway = overLimit(batch.sampleCount, source, now) { return turnedAway }
        var batch = batch
        var dropped = 0
        if let relabeller, Admission.isPushed(source) {
            let outcome = relabeller.apply(to: batch)
            batch = outcome.batch
            dropped = outcome.dropped
        }
        batch.source = source
        guard let result = samples.tryAppend(batch) else { return storeIsBehind(source) }
        if let turnedAway = notTaken(result, source) { return turnedAway }
        if dropped > 0 { sources.dropped(source, cause: Admission.relabelCause, count: dropped) }
        note(times(of: batch.timestamps, now), of: source, result, now)
        return .admitted(result)
    }

    /// What rules of `sources.write_relabel_configs` drop is counted as this.
    package static let relabelCause = "write_relabel"

    /// True for sources whose series are named by somebody else, who sends them here.
    private static func isPushed(_ source: String) -> Bool {
        !source.hasPrefix("scrape/") && !source.hasPrefix("cloudwatch") && source != "firehose"
    }

    /// The times of a batch, as far as they matter to its source's standing.
    private struct Times {
        /// The newest that is not further ahead than may be.
        var newest = Int64.min
        /// The newest of all.
        var furthest = Int64.min
        var late = 0
    }

    private func times(of timestamps: [Int64], _ now: Timestamp) -> Times {
        let horizon = (now + settings.futureSkewMax).milliseconds
        let late = (now - settings.lateAfter).milliseconds
        var times = Times()
        for timestamp in timestamps {
            if timestamp <= horizon { times.newest = max(times.newest, timestamp) }
            times.furthest = max(times.furthest, timestamp)
            if timestamp < late { times.late += 1 }
        }
        return times
    }

    private func note(
        _ times: Times,
        of source: String,
        _ result: AppendResult,
        _ now: Timestamp
    ) {
        sources.admitted(
            source,
            result,
            newest: times.newest == .min ? nil : Timestamp(milliseconds: times.newest)
        )
        sources.timed(
            source,
            ahead: times.furthest == .min
                ? nil : Timestamp(milliseconds: times.furthest) - now,
            late: times.late
        )
    }

    package func admit(_ batch: [LogRecord], from source: String) -> AdmissionOutcome {
        let now = clock.now()
        if let turnedAway = overLimit(batch.count, source, now) { return turnedAway }
        // Counts must not be lost once they are taken, so the store is asked before, and then waited for.
        guard !samples.isOverloaded else { return storeIsBehind(source) }
        var turnedAway: AdmissionOutcome?
        let prepared = prepare(batch) { prepared in
            turnedAway = notTaken(
                count(prepared.counted, mayComeAgain: true, from: source),
                source
            )
            return turnedAway == nil
        }
        if let turnedAway { return turnedAway }
        keep(prepared?.kept ?? [])
        return taken(batch, from: source, now)
    }

    package func admit(
        _ page: inout PulledPage,
        from source: String,
        commit: @escaping @Sendable ([LogTotal]) throws -> Void
    ) -> AdmissionOutcome {
        let now = clock.now()
        if let turnedAway = overLimit(page.records.count, source, now) { return turnedAway }
        guard !samples.isOverloaded else { return storeIsBehind(source) }
        guard logMetrics.isReady else { return storeIsStarting(source) }
        let records = page.records
        var isJudged = page.isJudged
        var turnedAway: AdmissionOutcome?
        let prepared = prepare(records) { prepared in
            // Before the position is on disk: a page that is read again after a kill is judged twice rather than never.
            if !isJudged, !prepared.kept.isEmpty { judge?.judge(prepared.kept, from: source) }
            isJudged = true
            // Once the position is on disk the page is counted, even when the rings take its samples only later.
            let committed = Atomic(false)
            let result = logMetrics.count(prepared.counted, into: samples, from: source) { totals in
                try commit(totals)
                committed.store(true, ordering: .relaxed)
            }
            guard !committed.load(ordering: .relaxed) else { return true }
            turnedAway = notTaken(result, source) ?? storeIsStarting(source)
            return false
        }
        page.isJudged = isJudged
        if let turnedAway { return turnedAway }
        let kept = prepared?.kept ?? []
        if !kept.isEmpty { self.records.append(kept) }
        return taken(records, from: source, now)
    }

    /// Notes a batch that is in.
    private func taken(
        _ batch: [LogRecord],
        from source: String,
        _ now: Timestamp
    ) -> AdmissionOutcome {
        var taken = AppendResult()
        taken.accepted = batch.count
        let horizon = now + settings.futureSkewMax
        let newest = batch.lazy.map(\.eventTime).filter { $0 <= horizon }.max()
        sources.admitted(source, taken, newest: newest)
        return .admitted(taken)
    }

    /// Ends log events that have gone quiet, and keeps quiet series of log metrics alive; call every second
    /// from a thread that may block.
    package func tick() {
        endOpen(everything: false)
        logMetrics.tick(into: samples)
        judge?.tick()
    }

    /// Counts and keeps what waits for more lines; call it when nothing more comes.
    package func drain() {
        endOpen(everything: true)
    }

    /// Hands a batch over as its stream definitions make it; nil when it is not taken.
    private func prepare(
        _ batch: [LogRecord],
        handOver: (LogPreparation.Prepared) -> Bool
    ) -> LogPreparation.Prepared? {
        if let preparation { return preparation.take(batch, handOver: handOver) }
        let prepared = LogPreparation.Prepared(counted: batch, kept: batch)
        return handOver(prepared) ? prepared : nil
    }

    /// Counts and keeps records that were acknowledged before and will not come again.
    ///
    /// While log metrics are not ready to count they stay where they are, unless it is for the last time.
    private func endOpen(everything: Bool) {
        let prepared = preparation?.flush(everything: everything) { prepared in
            count(prepared.counted, mayComeAgain: false, from: nil) != nil || everything
        }
        keep(prepared?.kept ?? [])
    }

    /// Judges complete records and puts them into the rings.
    private func keep(_ complete: [LogRecord]) {
        guard !complete.isEmpty else { return }
        judge?.judge(complete)
        records.append(complete)
    }

    /// Nil when nothing can be counted yet.
    private func count(
        _ records: [LogRecord],
        mayComeAgain: Bool,
        from source: String?
    ) -> AppendResult? {
        guard !records.isEmpty else { return AppendResult() }
        return logMetrics.count(
            records,
            into: samples,
            mayComeAgain: mayComeAgain,
            from: source
        )
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

    /// Turns a batch away whose samples the store could not keep; nil when it could.
    private func notTaken(_ result: AppendResult?, _ source: String) -> AdmissionOutcome? {
        guard let result else { return storeIsStarting(source) }
        if result.refused[.stopping] != nil { return storeIsStarting(source) }
        guard result.refused[.notStored] != nil else { return nil }
        sources.overloaded(source)
        return .overloaded(
            retryAfter: settings.retryAfter,
            reason: result.firstRefusal ?? "the disk takes no samples"
        )
    }

    private func storeIsStarting(_ source: String) -> AdmissionOutcome {
        sources.overloaded(source)
        return .overloaded(
            retryAfter: settings.retryAfter,
            reason: "the metric store is starting or stopping; come again"
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
