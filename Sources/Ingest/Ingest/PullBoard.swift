import Synchronization
package import Timekeeping

/// How far each pulled source of log records is read, for all who must not take its silence for health.
package final class PullBoard: Sendable {
    private struct Standing {
        var number: Int
        /// How long without a whole read is still usual.
        var patience: Duration
        var declared: Timestamp
        /// Everything before it has been read.
        var readTo: Timestamp?
        /// When a read of everything there was ended last.
        var completed: Timestamp?
        /// What is wrong, and how to mend it.
        var problem: String?
    }

    /// Of sources that send by themselves.
    package static let pushed: UInt64 = 1 << 63
    /// Pulled sources at most; each has a bit.
    package static let sourcesMax = 62

    private let standings = Mutex<[String: Standing]>([:])
    /// Sparing rules the lock while nothing is pulled.
    private let count = Atomic(0)

    package init() {}

    /// Says that a source is pulled; the first `sourcesMax` are watched.
    package func declare(_ source: String, patience: Duration, at now: Timestamp) {
        standings.withLock { standings in
            guard standings[source] == nil, standings.count < PullBoard.sourcesMax else { return }
            standings[source] = Standing(
                number: standings.count,
                patience: patience,
                declared: now
            )
            count.store(standings.count, ordering: .relaxed)
        }
    }

    /// A part was read: everything before `moment`.
    package func advanced(_ source: String, readTo moment: Timestamp) {
        standings.withLock { $0[source]?.readTo = moment }
    }

    /// Everything that there was at `now` has been read.
    package func completed(_ source: String, readTo moment: Timestamp, at now: Timestamp) {
        standings.withLock { standings in
            standings[source]?.readTo = moment
            standings[source]?.completed = now
            standings[source]?.problem = nil
        }
    }

    /// The source cannot be read.
    package func failed(_ source: String, problem: String) {
        standings.withLock { $0[source]?.problem = problem }
    }

    /// A source's bit; `pushed` for one that is not pulled, none for no source.
    package func bit(of source: String?) -> UInt64 {
        guard let source else { return 0 }
        guard count.load(ordering: .relaxed) > 0 else { return PullBoard.pushed }
        return standings.withLock { $0[source].map { 1 << UInt64($0.number) } } ?? PullBoard.pushed
    }

    /// The moment up to which silence of what these sources feed is known to be silence.
    ///
    /// - Parameters:
    ///   - feeders: Bits of the sources that feed a series.
    ///   - byEvent: True when its samples bear the events' times, not those of arrival.
    /// - Returns: Nil for now: none of them is pulled, or others feed it too.
    package func seenTo(_ feeders: UInt64, byEvent: Bool) -> Timestamp? {
        guard feeders & ~PullBoard.pushed != 0, feeders & PullBoard.pushed == 0 else { return nil }
        return standings.withLock { standings in
            standings.values.lazy.filter { feeders & (1 << UInt64($0.number)) != 0 }
                .map { (byEvent ? $0.readTo : $0.completed) ?? .distantPast }.min()
        }
    }

    /// Up to when all of these sources are read; nil when none of them is pulled.
    package func horizon(_ sources: Set<String>) -> Timestamp? {
        guard !sources.isEmpty else { return nil }
        return standings.withLock { standings in
            sources.compactMap { standings[$0] }.map { $0.readTo ?? .distantPast }.min()
        }
    }

    /// Why nothing can be said of what these sources feed; nil when one of them is seen.
    package func blindness(_ feeders: UInt64, at now: Timestamp) -> String? {
        guard feeders & PullBoard.pushed == 0, feeders != 0 else { return nil }
        return standings.withLock { standings in
            var reason: String?
            for (name, standing) in standings.sorted(by: { $0.value.number < $1.value.number })
            where feeders & (1 << UInt64(standing.number)) != 0 {
                let since = standing.completed ?? standing.declared
                guard now - since > standing.patience else { return nil }
                if reason == nil {
                    reason =
                        "\(name): "
                        + (standing.problem
                            ?? "late: read up to "
                            + (standing.readTo.map { String($0.rfc3339) } ?? "nothing yet"))
                }
            }
            return reason
        }
    }

    /// True while nothing is pulled.
    package var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }
}
