/// How long some series must be kept, and how much of them, because a rule reads them so far back.
///
/// A store keeps all samples for a while. Of what is older it keeps the series that rules need, thinned to
/// about a sample a minute where that tells the rules what they ask for.
package struct RetentionNeed: Hashable, Sendable {
    /// What is kept beside the first sample of each minute.
    package struct Detail: OptionSet, Hashable, Sendable {
        /// The samples before and after each one that is less than the one before, and all that are NaN.
        package static let resets = Detail(rawValue: 1)
        /// The least and the greatest sample of each minute.
        package static let extremes = Detail(rawValue: 2)

        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }
    }

    /// Which series; all that satisfy every matcher.
    package var matchers: [LabelMatcher]
    /// How far back samples are read: the window, its offset and the subqueries around it.
    package var reach: Duration
    /// How far back every sample counts; zero when a sample a minute will do, at most `reach`.
    package var wholeReach: Duration
    package var detail: Detail

    package init(
        matchers: [LabelMatcher],
        reach: Duration,
        wholeReach: Duration = .zero,
        detail: Detail = []
    ) {
        self.matchers = matchers
        self.reach = reach
        self.wholeReach = wholeReach
        self.detail = detail
    }

    /// The metric's name, when a matcher asks for it by equality.
    package var metricName: String? {
        matchers.first { $0.operation == .equal && $0.name == LabelSet.metricName }?.value
    }

    /// Asks for what either asks for; the matchers stay.
    package mutating func formUnion(_ other: RetentionNeed) {
        reach = max(reach, other.reach)
        wholeReach = max(wholeReach, other.wholeReach)
        detail.formUnion(other.detail)
    }
}
