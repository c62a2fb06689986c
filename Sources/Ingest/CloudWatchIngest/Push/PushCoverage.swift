import Synchronization
package import Timekeeping

/// What metric streams have brought lately, so that a pull need not pay for it as well.
///
/// Kept in memory alone: after a start everything is pulled until it has been pushed once.
package final class PushCoverage: Sendable {
    /// One statistic of one metric.
    package struct Item: Hashable, Sendable {
        package var pushed: PushedMetric
        package var statistic: CloudWatchStatistic

        package init(_ pushed: PushedMetric, _ statistic: CloudWatchStatistic) {
            self.pushed = pushed
            self.statistic = statistic
        }
    }

    /// What has not been pushed for this long, or for three of its polls, is pulled again.
    package static let silenceMax = Duration.seconds(900)

    private let itemsMax: Int
    private let seen = Mutex<[Item: Timestamp]>([:])

    /// A memory of at most `itemsMax` statistics; what does not fit is pulled as well as pushed.
    package init(itemsMax: Int) { self.itemsMax = itemsMax }

    /// Notes what a request brought.
    package func note(_ items: some Sequence<Item>, at now: Timestamp) {
        seen.withLock { seen in
            if seen.count >= itemsMax {
                // Resources come and go; what has not come for a day makes room.
                seen = seen.filter { now - $0.value < .seconds(86400) }
            }
            for item in items where seen[item] != nil || seen.count < itemsMax {
                seen[item] = now
            }
        }
    }

    /// Leaves out of a plan what is pushed: exactly this metric of exactly this account, in this statistic.
    ///
    /// Counters that are silent when they are zero go on being pulled until they have been pushed, and with them the
    /// RequestCount that tells zero from silence. An owner whose account is not known leaves nothing out: two accounts
    /// may have a metric of one name.
    /// What is pulled again is read from where the stream stopped.
    package func leaveOut(of plan: PollPlan, _ owner: MetricOwner, at now: Timestamp) -> PollPlan {
        guard owner.accountID != nil else { return plan }
        var left = plan
        var pushed: Set<QueryKey> = []
        seen.withLock { seen in
            guard !seen.isEmpty else { return }
            for (index, query) in plan.queries.enumerated() {
                let item = Item(PushedMetric(query.key.metric, owner), query.key.statistic)
                guard let last = seen[item] else { continue }
                let silence = max(Self.silenceMax, query.timing.pollEvery * 3)
                if now - last < silence {
                    pushed.insert(query.key)
                } else {
                    let gap = silence + query.timing.settle + query.timing.reread
                    left.queries[index].reach = max(query.reach, gap)
                }
            }
        }
        guard !pushed.isEmpty else { return left }
        let companions = Set(
            plan.queries.lazy.map(\.key).filter { !pushed.contains($0) }
                .compactMap(LoadBalancerZeros.companion)
        )
        left.queries.removeAll { pushed.contains($0.key) && !companions.contains($0.key) }
        return left
    }
}
