import Timekeeping

/// A pair of windows that must both burn faster than a factor.
package struct BurnRatePair: Hashable, Sendable {
    package enum Tier: Int, Hashable, Sendable, Comparable, Codable {
        /// Look at it in working hours.
        case ticket
        /// Wake somebody.
        case page

        package static func < (left: Tier, right: Tier) -> Bool { left.rawValue < right.rawValue }
    }

    package var long: Duration
    package var short: Duration
    /// Multiples of the rate that spends the budget exactly over the whole window; never under 1.
    package var factor: Double
    package var tier: Tier
    /// Bad events in the long window below which the pair stays quiet.
    package var badEventsMin: Int64

    /// The SRE workbook's pairs for 30 days: 14.4x 1h/5m and 6x 6h/30m page, 3x 1d/2h and 1x 3d/6h ticket.
    ///
    /// For other windows the factors keep the share of budget spent (2, 5, 10, 10 %), clamped to at
    /// least 1: a factor below it would alert while perfectly on budget.
    package static func standard(window: Duration) -> [BurnRatePair] {
        let scale = window.inSeconds / (30 * 86400)
        func pair(
            _ long: Duration,
            _ short: Duration,
            _ factor: Double,
            _ tier: Tier,
            _ floor: Int64
        ) -> BurnRatePair {
            BurnRatePair(
                long: long,
                short: short,
                factor: max(1, factor * scale),
                tier: tier,
                badEventsMin: floor
            )
        }
        return [
            pair(.seconds(3600), .seconds(300), 14.4, .page, 5),
            pair(.seconds(6 * 3600), .seconds(1800), 6, .page, 5),
            pair(.seconds(86400), .seconds(2 * 3600), 3, .ticket, 3),
            pair(.seconds(3 * 86400), .seconds(6 * 3600), 1, .ticket, 3),
        ]
    }
}

/// The state of an objective's one burn alert.
package enum BurnAlertState: String, Hashable, Sendable, Codable {
    case quiet
    /// The 1x pair: budget spent just faster than it lasts.
    case slowTicket
    case fastTicket
    case page
    /// 100x over five minutes and one: nearly everything fails.
    case outage
}
