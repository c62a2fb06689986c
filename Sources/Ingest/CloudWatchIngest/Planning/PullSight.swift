package import Model
import Synchronization
package import Timekeeping

/// What was read of the series of one name, where it was read least.
package struct SeriesSight: Hashable, Sendable {
    /// Everything before it has been read; nil before the first complete read.
    package var coveredTo: Timestamp?
    /// When the next complete read should have come at the usual pace, none missed.
    package var dueBy: Timestamp
    /// The same, two missed.
    package var missedBy: Timestamp
    /// When the newest sample that may have been read had settled; who looks back so far from then sees nothing more.
    package var newestAt: Timestamp
    /// True when it is read less often than usual, to keep to the budget.
    package var isSlowed: Bool

    package init(
        coveredTo: Timestamp?,
        dueBy: Timestamp,
        missedBy: Timestamp,
        newestAt: Timestamp,
        isSlowed: Bool = false
    ) {
        self.coveredTo = coveredTo
        self.dueBy = dueBy
        self.missedBy = missedBy
        self.newestAt = newestAt
        self.isSlowed = isSlowed
    }

    /// Until when absence means something to who looks back as far as `reach`.
    ///
    /// Two polls may fail, if samples of before are within reach meanwhile: so nothing ends because of a poll that
    /// did.
    func seenUntil(reach: Duration) -> Timestamp {
        max(dueBy, min(missedBy, newestAt + reach))
    }
}

/// Whether the absence of a CloudWatch series may be taken for what it is: all that should have been read was.
///
/// Kept for each region and series name, so that a region that answers does not speak for one that does not, and one
/// metric that is forbidden not for the others.
package final class PullSight: Sendable {
    /// What one region has read.
    package struct Region: Hashable, Sendable {
        /// By series name; names that are asked for only.
        package var series: [String: SeriesSight]
        /// Namespaces of which no list could be had yet: which of their metrics exist is not known.
        package var unlisted: Set<String>
        /// What is wrong, and how to mend it; empty when all is well.
        package var advice: String

        package init(series: [String: SeriesSight], unlisted: Set<String> = [], advice: String = "")
        {
            self.series = series
            self.unlisted = unlisted
            self.advice = advice
        }
    }

    /// What can be said of the absence of series.
    package enum Verdict: Hashable, Sendable {
        /// No region asks for them, and each knows what exists.
        case notAsked
        /// They would have been read.
        case seen
        /// They have not been read for the first time yet.
        case awaited
        /// They have not been read for too long; why, and whether something failed.
        case unseen(isFailure: Bool, reason: String)
    }

    private let regions = Mutex<[String: Region]>([:])

    package init() {}

    /// Takes what a source has read by now.
    package func note(_ region: Region, of source: String) {
        regions.withLock { $0[source] = region }
    }

    /// What the absence of the series that a need selects by name means; the worst that any region says.
    package func verdict(on need: SelectorNeed, at now: Timestamp) -> Verdict {
        guard let text = NeedIndex.nameText(of: need) else { return .notAsked }
        let onName = need.matchers.filter { $0.name == LabelSet.metricName }
        var worst = Verdict.notAsked
        for (source, region) in regions.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            let known: [(key: String, value: SeriesSight)]
            if let name = need.metricName {
                known = region.series[name].map { [(name, $0)] } ?? []
            } else {
                known = region.series.filter { one in onName.allSatisfy { $0.matches(one.key) } }
                    .sorted { $0.key < $1.key }
            }
            for (name, sight) in known {
                if now > sight.seenUntil(reach: need.reach) {
                    return Self.unseen(source, name, sight, region.advice)
                }
                if sight.coveredTo == nil {
                    worst = .awaited
                } else if worst == .notAsked {
                    worst = .seen
                }
            }
            let unlisted = region.unlisted.sorted().first {
                text.contains(SeriesNaming.prefix(ofNamespace: $0))
            }
            if let unlisted {
                return .unseen(
                    isFailure: !region.advice.isEmpty,
                    reason: "\(source): the metrics of \(unlisted) have not been listed yet"
                        + (region.advice.isEmpty ? "" : ": \(region.advice)")
                )
            }
        }
        return worst
    }

    private static func unseen(
        _ source: String,
        _ name: String,
        _ sight: SeriesSight,
        _ advice: String
    ) -> Verdict {
        let since = sight.coveredTo.map { "since \($0.rfc3339)" } ?? "yet"
        let why =
            !advice.isEmpty
            ? ": \(advice)"
            : sight.isSlowed ? ": it is read less often, to keep to budget_usd_per_month" : ""
        return .unseen(
            isFailure: !advice.isEmpty,
            reason: "\(source): \(name) has not been read \(since)\(why)"
        )
    }
}
