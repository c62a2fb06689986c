/// How an objective stands, as `GET /v1/slos/<name>` and `sloctl budget NAME -o json` give it.
///
/// The contract: every key is always there, unknown is null (never 0 or NaN), ratios are decimals, durations
/// seconds, times RFC 3339 in UTC. The schema is `docs/schema/budget.schema.json`.
package struct BudgetDocument: Codable, Hashable, Sendable {
    /// The `schema` value of this version.
    package static let schemaName = "tocsin.budget/1"

    package struct Window: Codable, Hashable, Sendable {
        /// `rolling` or `calendar_month`.
        package var type: String
        /// Inclusive, on a whole minute.
        package var start: String
        /// Exclusive, on a whole minute.
        package var end: String

        package init(type: String, start: String, end: String) {
            self.type = type
            self.start = start
            self.end = end
        }
    }

    package struct Budget: Codable, Hashable, Sendable {
        /// Bad events the window may have: (1 - objective) x total.
        @Null package var totalEvents: Double?
        @Null package var consumedRatio: Double?
        /// Negative when overspent.
        @Null package var remainingRatio: Double?
        /// Whole bad events still allowed; negative when overspent.
        @Null package var remainingEvents: Int64?
        /// The same as seconds of full outage.
        @Null package var remainingSeconds: Double?

        package init(
            totalEvents: Double?,
            consumedRatio: Double?,
            remainingRatio: Double?,
            remainingEvents: Int64?,
            remainingSeconds: Double?
        ) {
            self.totalEvents = totalEvents
            self.consumedRatio = consumedRatio
            self.remainingRatio = remainingRatio
            self.remainingEvents = remainingEvents
            self.remainingSeconds = remainingSeconds
        }
    }

    package struct Burn: Codable, Hashable, Sendable {
        /// As Prometheus writes it, `5m`.
        package var window: String
        package var windowSeconds: Int64
        @Null package var rate: Double?
        /// Null for windows without a rule of their own.
        @Null package var threshold: Double?
        package var firing: Bool

        package init(
            window: String,
            windowSeconds: Int64,
            rate: Double?,
            threshold: Double?,
            firing: Bool
        ) {
            self.window = window
            self.windowSeconds = windowSeconds
            self.rate = rate
            self.threshold = threshold
            self.firing = firing
        }
    }

    package struct Exhaustion: Codable, Hashable, Sendable {
        package var earliest: String
        @Null package var latest: String?
        /// Whose rates the two come from, `1h / 3d rate`.
        package var basis: String

        package init(earliest: String, latest: String?, basis: String) {
            self.earliest = earliest
            self.latest = latest
            self.basis = basis
        }
    }

    package struct Day: Codable, Hashable, Sendable {
        /// `2026-11-24`, a UTC day.
        package var date: String
        package var good: Int64
        package var total: Int64
        /// The share of the window's budget spent that day; null without data.
        @Null package var spentRatio: Double?

        package init(date: String, good: Int64, total: Int64, spentRatio: Double?) {
            self.date = date
            self.good = good
            self.total = total
            self.spentRatio = spentRatio
        }
    }

    package struct Exclusion: Codable, Hashable, Sendable {
        package var start: String
        package var end: String
        package var reason: String
    }

    package var schema = BudgetDocument.schemaName
    package var slo: String
    package var objective: Double
    package var window: Window
    /// `OK`, `WARNING`, `BREACHED` or `INSUFFICIENT_DATA`.
    package var status: String
    package var good: Int64
    package var total: Int64
    package var bad: Int64
    @Null package var attained: Double?
    package var budget: Budget
    package var burn: [Burn]
    @Null package var exhaustion: Exhaustion?
    /// When an overspent budget is back; null when it is not overspent.
    @Null package var recoveryAt: String?
    /// Known minutes over minutes since data first came.
    @Null package var coverage: Double?
    package var exclusions: [Exclusion] = []
    package var daily: [Day]
    @Null package var measuredSince: String?
    package var asOf: String

    package init(
        slo: String,
        objective: Double,
        window: Window,
        status: String,
        good: Int64,
        total: Int64,
        bad: Int64,
        attained: Double?,
        budget: Budget,
        burn: [Burn],
        exhaustion: Exhaustion?,
        recoveryAt: String?,
        coverage: Double?,
        daily: [Day],
        measuredSince: String?,
        asOf: String
    ) {
        self.slo = slo
        self.objective = objective
        self.window = window
        self.status = status
        self.good = good
        self.total = total
        self.bad = bad
        self.attained = attained
        self.budget = budget
        self.burn = burn
        self.exhaustion = exhaustion
        self.recoveryAt = recoveryAt
        self.coverage = coverage
        self.daily = daily
        self.measuredSince = measuredSince
        self.asOf = asOf
    }
}
