package import Timekeeping

/// Queries of one call, all of one range: at most 500 by GetMetricData, or some statistics of one metric by
/// GetMetricStatistics.
package struct PollCall: Sendable {
    /// Inclusive; a multiple of the period.
    package var start: Timestamp
    /// Exclusive; everything before it has settled.
    package var end: Timestamp
    package var queries: [PlannedQuery]
    /// True for GetMetricStatistics.
    package var isStatistics: Bool

    package init(
        start: Timestamp,
        end: Timestamp,
        queries: [PlannedQuery],
        isStatistics: Bool = false
    ) {
        self.start = start
        self.end = end
        self.queries = queries
        self.isStatistics = isStatistics
    }
}

/// What became of one query of a poll.
package enum PollOutcome: Hashable, Sendable {
    /// Every point of the range is in the rings.
    case complete
    /// Points may be missing; the range stays owed and is read again.
    case incomplete
    /// CloudWatch does not allow this metric; asked again seldom.
    case forbidden
    /// The call failed or the rings were full; try again after the pause.
    case failed(retryAfter: Duration)
}

/// Decides which query is read when and over which range: a pure state machine.
///
/// Each poll reads from what is still owed, or the re-read window if that reaches further back, up to the last
/// settled period. Polls fall on a stable moment after a period settles, never on the full minute.
package struct PollSchedule: Sendable {
    private struct Entry {
        var query: PlannedQuery
        var nextAt: Timestamp
        let adoptedAt: Timestamp
        /// Everything before it has been read completely; nil before the first complete read.
        var coveredTo: Timestamp?
        /// Where the first read began; it does not move while that read is not complete.
        var firstStart: Timestamp?
        /// Distance of this query's polls from the moment its period settles.
        var jitter: Duration
    }

    /// How long the calls of a poll may take before what they read counts as late: half a period, within these.
    private static let (readingMin, readingMax) = (Duration.seconds(10), Duration.seconds(30))
    /// Pause after a metric was refused.
    package static let forbiddenPause = Duration.seconds(15 * 60)

    private let sourceName: String
    private let backfillMax: Duration
    private var entries: [QueryKey: Entry] = [:]

    /// - Parameters:
    ///   - sourceName: Gives each source its own moment.
    ///   - backfillMax: How far back the first read of a series goes at most.
    package init(sourceName: String, backfillMax: Duration) {
        self.sourceName = sourceName
        self.backfillMax = backfillMax
    }

    /// Takes a new plan: new queries are due at once, others keep their place, dropped ones are forgotten.
    package mutating func adopt(_ queries: [PlannedQuery], at now: Timestamp) {
        var next: [QueryKey: Entry] = [:]
        let slots = max(
            1,
            (queries.count + CloudWatchProtocol.queriesPerCallMax - 1)
                / CloudWatchProtocol.queriesPerCallMax
        )
        for query in queries {
            let jitter = Self.jitter(query, source: sourceName, slots: slots)
            var entry =
                entries[query.key]
                ?? Entry(
                    query: query,
                    nextAt: now,
                    adoptedAt: now,
                    coveredTo: nil,
                    jitter: jitter
                )
            if entry.query.reach < query.reach {
                // A rule looks further back than any did: read the older part too.
                let start = firstStart(query, now: now)
                entry.coveredTo = entry.coveredTo.map { min($0, start) }
                entry.firstStart = entry.firstStart.map { min($0, start) }
                entry.nextAt = now
            }
            entry.query = query
            entry.jitter = jitter
            entry.nextAt = min(entry.nextAt, now + query.timing.pollEvery + jitter)
            next[query.key] = entry
        }
        entries = next
    }

    /// The calls that are due now, in a stable order.
    package mutating func due(at now: Timestamp) -> [PollCall] {
        struct Window: Hashable {
            var start: Timestamp
            var end: Timestamp
        }
        var windows: [Window: [PlannedQuery]] = [:]
        for (key, entry) in entries where entry.nextAt <= now {
            let next = nextPoll(entry, after: now)
            entries[key]?.nextAt = next
            guard let range = range(of: entry, at: now) else { continue }
            if entry.firstStart == nil { entries[key]?.firstStart = range.start }
            windows[Window(start: range.start, end: range.end), default: []].append(entry.query)
        }
        return windows.sorted { ($0.key.end, $0.key.start) < ($1.key.end, $1.key.start) }
            .flatMap { window, queries in
                PollSchedule.calls(queries, from: window.start, to: window.end)
            }
    }

    /// The calls for queries of one range.
    private static func calls(
        _ queries: [PlannedQuery],
        from start: Timestamp,
        to end: Timestamp
    ) -> [PollCall] {
        struct Request: Hashable {
            var metric: CloudWatchMetric
            var period: Duration
            var form: CloudWatchStatistic.StatisticsForm?
        }
        var requests: [Request: [PlannedQuery]] = [:]
        var data: [PlannedQuery] = []
        for query in queries.sorted(by: { $0.key.description < $1.key.description }) {
            let points = (end - start) / query.key.period
            // A long first read is more than one answer of GetMetricStatistics can hold.
            if query.requestShare != nil, query.key.statistic.statisticsForm != nil,
                points <= Double(CloudWatchProtocol.statisticsDatapointsMax)
            {
                let request = Request(
                    metric: query.key.metric,
                    period: query.key.period,
                    form: query.key.statistic.statisticsForm
                )
                requests[request, default: []].append(query)
            } else {
                data.append(query)
            }
        }
        func parts(_ queries: [PlannedQuery], of most: Int, isStatistics: Bool) -> [PollCall] {
            stride(from: 0, to: queries.count, by: most).map { first in
                PollCall(
                    start: start,
                    end: end,
                    queries: Array(queries[first..<min(first + most, queries.count)]),
                    isStatistics: isStatistics
                )
            }
        }
        return parts(data, of: CloudWatchProtocol.queriesPerCallMax, isStatistics: false)
            + requests.values.sorted { $0[0].key.description < $1[0].key.description }
            .flatMap { queries in
                let isPlain = queries[0].key.statistic.statisticsForm == .plain
                return parts(
                    queries,
                    of: isPlain ? CallChoice.statisticsMax : CallChoice.percentilesMax,
                    isStatistics: true
                )
            }
    }

    /// Takes the outcome of a query of a call.
    package mutating func finished(
        _ key: QueryKey,
        _ outcome: PollOutcome,
        through end: Timestamp,
        at now: Timestamp
    ) {
        guard var entry = entries[key] else { return }
        switch outcome {
        case .complete: entry.coveredTo = max(entry.coveredTo ?? end, end)
        case .incomplete: break
        case .forbidden: entry.nextAt = max(entry.nextAt, now + Self.forbiddenPause)
        case .failed(let pause): entry.nextAt = min(entry.nextAt, now + pause)
        }
        entries[key] = entry
    }

    /// When the next query is due; nil when there is none.
    package var nextDue: Timestamp? { entries.values.map(\.nextAt).min() }

    /// The moment up to which every query of the fastest pace has been read; nil before that is known.
    package var watermark: Timestamp? {
        guard let fastest = entries.values.map(\.query.timing.pollEvery).min() else { return nil }
        let covered = entries.values.filter { $0.query.timing.pollEvery == fastest }
            .compactMap(\.coveredTo)
        return covered.min()
    }

    /// What was read of each series name, where it was read least.
    package var sight: [String: SeriesSight] {
        var found: [String: SeriesSight] = [:]
        for entry in entries.values {
            let timing = entry.query.timing
            let pace = max(timing.usualEvery, timing.period)
            let covered = entry.coveredTo ?? entry.adoptedAt
            // The next period is complete, has settled and is read.
            let next = entry.coveredTo == nil ? covered : covered + timing.period + timing.settle
            let reading = min(Self.readingMax, max(Self.readingMin, timing.period / 2))
            let dueBy = next + entry.jitter + pace + reading
            let sight = SeriesSight(
                coveredTo: entry.coveredTo,
                dueBy: dueBy,
                missedBy: dueBy + pace,
                newestAt: covered - timing.period + timing.settle,
                isSlowed: timing.pollEvery > timing.usualEvery
            )
            for name in entry.query.names
            where found[name].map({ sight.dueBy < $0.dueBy }) ?? true {
                found[name] = sight
            }
        }
        return found
    }

    private func range(of entry: Entry, at now: Timestamp) -> (start: Timestamp, end: Timestamp)? {
        let timing = entry.query.timing
        let end = (now - timing.settle).floored(to: timing.period)
        let owed = entry.coveredTo ?? entry.firstStart ?? firstStart(entry.query, now: now)
        let oldest = end - max(backfill(timing), timing.reread)
        let start = max(min(owed, end - timing.reread), oldest).floored(to: timing.period)
        return start < end ? (start, end) : nil
    }

    /// Where the first read of a query begins.
    private func firstStart(_ query: PlannedQuery, now: Timestamp) -> Timestamp {
        let timing = query.timing
        let end = (now - timing.settle).floored(to: timing.period)
        return end - min(backfill(timing), max(query.reach, timing.reread))
    }

    /// How far back a range may begin: periods under a minute are kept for three hours, and a range that begins
    /// before that is answered with nothing at all.
    private func backfill(_ timing: PollTiming) -> Duration {
        timing.period < .seconds(60) ? min(backfillMax, .seconds(10_000)) : backfillMax
    }

    private func nextPoll(_ entry: Entry, after now: Timestamp) -> Timestamp {
        let timing = entry.query.timing
        let phase = timing.settle + entry.jitter
        let next = (now - phase).floored(to: timing.pollEvery) + timing.pollEvery + phase
        // A poll that could find no new period would cost as much as any.
        let read = (now - timing.settle).floored(to: timing.period)
        return (next - timing.settle).floored(to: timing.period) > read
            ? next : next + timing.pollEvery
    }

    /// A stable distance of a third to a half of the period, 20 to 30 s for a minute, which only as many
    /// slots share as the queries need calls.
    ///
    /// Metrics of one resource share a slot, so that their values can be compared.
    private static func jitter(_ query: PlannedQuery, source: String, slots: Int) -> Duration {
        let period = min(query.timing.period, .seconds(60))
        let base = period / 3
        let spread = period / 6
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        mix(source)
        let ofSource = Double(hash % 1000) / 1000
        mix(query.key.metric.namespace)
        for dimension in query.key.metric.dimensions {
            mix(dimension.name)
            mix(dimension.value)
        }
        let slot = Double(hash % UInt64(slots))
        let share = (slot + ofSource) / Double(slots)
        return .milliseconds(
            base.milliseconds + Int64(Double(spread.milliseconds) * share)
        )
    }
}
