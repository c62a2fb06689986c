package import Timekeeping

/// How an objective stands.
package enum BudgetVerdict: String, Hashable, Sendable, Codable {
    case ok = "OK"
    /// A burn alert fires, little budget is left, or it will be gone soon at the present rates.
    case warning = "WARNING"
    /// More bad events than the budget allows.
    case breached = "BREACHED"
    /// No events, or too many minutes that nobody reported on.
    case insufficientData = "INSUFFICIENT_DATA"
}

/// The answer to "how much error budget is left": whole counts, and ratios derived from them alone.
///
/// Nil means unknown; nothing here is ever NaN.
package struct BudgetStatus: Hashable, Sendable {
    package struct Window: Hashable, Sendable {
        /// `rolling` or `calendar_month`.
        package var type: String
        /// Inclusive, on a whole minute.
        package var start: Timestamp
        /// Exclusive, on a whole minute.
        package var end: Timestamp
    }

    package struct Burn: Hashable, Sendable {
        package var window: Duration
        /// Multiples of the rate that would spend the budget exactly; nil without events.
        package var rate: Double?
        /// The factor at which the pair with this long window fires; nil for windows that are only shown.
        package var threshold: Double?
        package var isFiring: Bool
    }

    package struct Exhaustion: Hashable, Sendable {
        /// Nil: now.
        package var earliest: Timestamp
        /// Nil: not within the window at the slower rates.
        package var latest: Timestamp?
        /// Which burn windows the two come from, `6h / 3d rate`.
        package var basis: String
    }

    package struct Day: Hashable, Sendable {
        /// The day's first minute, UTC.
        package var start: Timestamp
        package var good: Int64
        package var total: Int64
        /// The share of the whole window's budget that the day's bad events spent; nil without data.
        package var spentRatio: Double?
    }

    package var name: String
    package var objective: Double
    package var window: Window
    package var verdict: BudgetVerdict
    package var good: Int64
    package var bad: Int64
    package var total: Int64
    /// good / total; nil without events.
    package var attained: Double?
    /// Bad events the window may have: budget ratio times total.
    package var budgetEvents: Double?
    /// Below zero never, above 1 when overspent.
    package var consumedRatio: Double?
    /// 1 - consumed; below zero when overspent.
    package var remainingRatio: Double?
    /// Whole bad events still allowed, negative when overspent.
    package var remainingEvents: Int64?
    /// The same as seconds of full outage at the window's mean traffic.
    package var remainingSeconds: Double?
    package var burns: [Burn]
    package var exhaustion: Exhaustion?
    /// When the overspent budget first is back by old errors leaving the window, without new ones.
    package var recoveryAt: Timestamp?
    /// Known minutes over the minutes since data first came (or the window's start, whichever is later); nil before any.
    package var coverage: Double?
    /// When data first came; nil before.
    package var measuredSince: Timestamp?
    package var days: [Day]
    /// The moment the answer is for.
    package var asOf: Timestamp
}
