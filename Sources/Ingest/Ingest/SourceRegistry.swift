package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// What every source is doing: the page of `sloctl sources`, the status page and `tocsin_source_*`.
package final class SourceRegistry: Sendable {
    private struct Entry {
        var isOn = true
        /// Whether it works is told by `judged`, not by what is let in.
        var isJudged = false
        /// Why it is off and how to turn it on.
        var offAdvice = ""
        /// What a person should know although nothing is wrong.
        var notice = ""
        /// The last failure and its remedy; nil once something worked again.
        var failure: String?
        var failures = 0
        /// The last refusal in words.
        var refusal: (text: String, at: Timestamp)?
        var lastSuccess: Timestamp?
        var watermark: Timestamp?
        var accepted = 0
        var duplicates = 0
        var revised = 0
        var batches = 0
        var overloads = 0
        var refused: [String: Int] = [:]
        /// Samples that came in late.
        var late = 0
        /// How far ahead of this machine's clock the newest sample of the last batch was; below zero: behind.
        var ahead: Duration?
        var rate = RecentRate()
        /// The last failure or refusal, also when it is over.
        var lastError: (text: String, at: Timestamp)?
    }

    /// Times that are further ahead of this machine's clock than this are told of.
    package static let skewShown = Duration.seconds(10)
    /// How long a refusal stays in a source's advice.
    package static let refusalShown = Duration.seconds(600)

    private let entries = Mutex<[String: Entry]>([:])
    private let clock: any WallClock

    /// A registry whose figures also appear in `metrics`.
    package init(clock: any WallClock, metrics: MetricsRegistry) {
        self.clock = clock
        metrics.collect { [weak self] in self?.families() ?? [] }
    }

    /// Says that a source exists; one that is off gives the reason and how to turn it on.
    ///
    /// - Parameters:
    ///   - name: The source's.
    ///   - isOn: Whether it works at all.
    ///   - advice: Why it is off and how to turn it on.
    ///   - notice: What a person should know although nothing is wrong.
    package func declare(
        _ name: String,
        isOn: Bool,
        advice: String = "",
        notice: String = ""
    ) {
        update(name) { entry in
            entry.isOn = isOn
            entry.offAdvice = advice
            entry.notice = notice
        }
    }

    /// A source worked, now or at a moment before, though it may have had nothing new.
    package func succeeded(_ name: String, at moment: Timestamp? = nil) {
        let moment = moment ?? clock.now()
        update(name) { entry in
            entry.lastSuccess = moment
            entry.failure = nil
        }
    }

    /// A source failed; `advice` says what, where and how to mend it.
    package func failed(_ name: String, advice: String) {
        let now = clock.now()
        update(name) { entry in
            entry.failure = advice
            entry.lastError = (advice, now)
            entry.failures += 1
        }
    }

    /// Says that a source of many parts exists and is on; `judged` tells how it is doing, and nothing else does.
    package func declareJudged(_ name: String) {
        update(name) { entry in
            entry.isOn = true
            entry.isJudged = true
        }
    }

    /// Tells how a source of many parts is doing, in place of what is let in: some of its parts may be down.
    ///
    /// `worked`: one of the parts has worked just now; `failure`: what, where and how to mend it, nil when all
    /// parts work.
    package func judged(_ name: String, worked: Bool, failure: String?) {
        let now = clock.now()
        update(name) { entry in
            entry.isJudged = true
            if worked { entry.lastSuccess = now }
            if !worked, failure != nil { entry.failures += 1 }
            entry.failure = failure
            if let failure { entry.lastError = (failure, now) }
        }
    }

    /// The source is there no more.
    package func forget(_ name: String) {
        entries.withLock { $0[name] = nil }
    }

    /// Something of a source was refused before it was a sample or a record.
    package func refused(_ name: String, cause: String, count: Int = 1, _ message: String) {
        let now = clock.now()
        update(name) { entry in
            entry.refused[cause, default: 0] += count
            entry.refusal = (message, now)
            entry.lastError = (message, now)
        }
    }

    /// A batch was let in.
    package func admitted(_ name: String, _ result: AppendResult, newest: Timestamp?) {
        let now = clock.now()
        update(name) { entry in
            entry.batches += 1
            entry.accepted += result.accepted
            entry.rate.add(result.accepted, at: now)
            entry.duplicates += result.duplicates
            entry.revised += result.revised
            for (cause, count) in result.refused {
                entry.refused[cause.rawValue, default: 0] += count
            }
            if let refusal = result.firstRefusal {
                entry.refusal = (refusal, now)
                entry.lastError = (refusal, now)
            }
            if !entry.isJudged {
                entry.lastSuccess = now
                entry.failure = nil
            }
            if let newest { entry.watermark = max(entry.watermark ?? newest, newest) }
        }
    }

    /// Samples were left out on purpose, as a rule says.
    package func dropped(_ name: String, cause: String, count: Int) {
        update(name) { $0.refused[cause, default: 0] += count }
    }

    /// How the times of a batch stand to this machine's clock: how far the newest is ahead, how many are late.
    package func timed(_ name: String, ahead: Duration?, late: Int) {
        update(name) { entry in
            entry.late += late
            if let ahead { entry.ahead = ahead }
        }
    }

    /// A batch was turned away for now.
    package func overloaded(_ name: String) {
        update(name) { $0.overloads += 1 }
    }

    /// Every source, by name.
    package var statuses: [SourceStatus] {
        let now = clock.now()
        return entries.withLock { $0 }.map { name, entry in
            var status = SourceStatus(
                name: name,
                isOn: entry.isOn,
                advice: SourceRegistry.advice(entry, now: now),
                lastSuccess: entry.lastSuccess,
                watermark: entry.watermark,
                accepted: entry.accepted,
                refused: entry.refused,
                health: SourceRegistry.health(entry, now: now),
                perSecond: entry.rate.perSecond(at: now),
                overloads: entry.overloads,
                lastError: entry.lastError?.text ?? "",
                lastErrorAt: entry.lastError?.at
            )
            status.notice = entry.notice
            return status
        }.sorted { $0.name < $1.name }
    }

    /// The newest event time that a source has brought; nil before the first.
    package func watermark(of name: String) -> Timestamp? {
        entries.withLock { $0[name]?.watermark }
    }

    private static func health(_ entry: Entry, now: Timestamp) -> SourceHealth {
        guard entry.isOn else { return .off }
        guard entry.failure == nil else { return .failing }
        if let refusal = entry.refusal, now - refusal.at <= refusalShown { return .refusing }
        return entry.lastSuccess == nil ? .waiting : .ok
    }

    private static func advice(_ entry: Entry, now: Timestamp) -> String {
        guard entry.isOn else { return entry.offAdvice }
        if let failure = entry.failure { return failure }
        if let refusal = entry.refusal, now - refusal.at <= refusalShown { return refusal.text }
        guard let ahead = entry.ahead, ahead > skewShown else { return "" }
        return
            "its newest samples are \(Int(ahead.inSeconds)) s ahead of this machine's clock; set both "
            + "clocks by NTP"
    }

    private func update(_ name: String, _ change: (inout Entry) -> Void) {
        entries.withLock { change(&$0[name, default: Entry()]) }
    }

    private func families() -> [MetricFamily] {
        let entries = self.entries.withLock { $0 }.sorted { $0.key < $1.key }
        func family(
            _ name: String,
            _ kind: MetricKind,
            _ help: String,
            _ value: (Entry) -> Double?
        ) -> MetricFamily {
            MetricFamily(
                name,
                help: help,
                kind: kind,
                points: entries.compactMap { source, entry in
                    value(entry).map { MetricPoint([("source", source)], $0) }
                }
            )
        }
        let refused = entries.flatMap { source, entry in
            entry.refused.sorted { $0.key < $1.key }.map {
                MetricPoint([("source", source), ("cause", $0.key)], Double($0.value))
            }
        }
        return [
            family("tocsin_source_on", .gauge, "1 when the source is on.") { $0.isOn ? 1 : 0 },
            family("tocsin_source_accepted", .counter, "Samples or records let in.") {
                Double($0.accepted)
            },
            family("tocsin_source_duplicates", .counter, "Samples that were there already.") {
                Double($0.duplicates)
            },
            family("tocsin_source_revised", .counter, "Samples that replaced another value.") {
                Double($0.revised)
            },
            family("tocsin_source_batches", .counter, "Batches let in.") { Double($0.batches) },
            family("tocsin_source_overloads", .counter, "Batches turned away for now.") {
                Double($0.overloads)
            },
            family(
                "tocsin_source_late",
                .counter,
                "Samples that came in more than five minutes after their time."
            ) { Double($0.late) },
            family(
                "tocsin_source_ahead_seconds",
                .gauge,
                "How far the newest sample of the last batch was ahead of the clock."
            ) { $0.ahead?.inSeconds },
            family("tocsin_source_failures", .counter, "Failures of the source itself.") {
                Double($0.failures)
            },
            MetricFamily(
                "tocsin_source_refused",
                help: "Samples, records or messages refused, by cause.",
                kind: .counter,
                points: refused
            ),
            family(
                "tocsin_source_watermark_timestamp_seconds",
                .gauge,
                "Newest event time that the source has brought."
            ) { $0.watermark?.seconds },
            family(
                "tocsin_source_last_success_timestamp_seconds",
                .gauge,
                "When the source last worked."
            ) { $0.lastSuccess?.seconds },
        ]
    }
}
