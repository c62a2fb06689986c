import CloudWatchIngest
import Timekeeping

/// What the stand-in knows of one metric: recorded observations by second, and a function for the rest.
struct MetricModel: Sendable {
    /// Something observed, and when the API begins to show it.
    struct Contribution: Sendable {
        var observations: Observations
        var visibleAt: Timestamp
    }

    /// By second since 1970.
    private var recorded: [Int64: [Contribution]] = [:]
    /// Values seen in the second that begins at the given moment.
    var function: (@Sendable (Timestamp) -> [Double])?
    /// When the metric was first heard of.
    let createdAt: Timestamp

    init(createdAt: Timestamp) {
        self.createdAt = createdAt
    }

    /// The newest second with recorded observations.
    var newest: Timestamp? { recorded.keys.max().map { Timestamp(milliseconds: $0 * 1000) } }

    mutating func record(_ observations: Observations, at time: Timestamp, visibleAt: Timestamp) {
        recorded[Self.second(time), default: []].append(
            Contribution(observations: observations, visibleAt: visibleAt)
        )
    }

    /// Forgets what was recorded in `[start, end)`.
    mutating func remove(from start: Timestamp, to end: Timestamp) {
        for second in Self.second(start)..<max(Self.second(start), Self.second(end)) {
            recorded[second] = nil
        }
    }

    /// Forgets the oldest seconds beyond `limit`; gives how many.
    mutating func trim(to limit: Int) -> Int {
        let excess = recorded.count - limit
        guard excess > 0 else { return 0 }
        for second in recorded.keys.sorted().prefix(excess) { recorded[second] = nil }
        return excess
    }

    /// What is visible at `now` of `[start, start + period)`.
    func observations(
        from start: Timestamp,
        for period: Duration,
        at now: Timestamp
    ) -> Observations {
        var found = Observations()
        let first = Self.second(start)
        for second in first..<(first + max(1, period.components.seconds)) {
            for one in recorded[second] ?? [] where one.visibleAt <= now {
                found.add(one.observations)
            }
            let moment = Timestamp(milliseconds: second * 1000)
            if let function, moment <= now { found.add(Observations(function(moment))) }
        }
        return found
    }

    private static func second(_ time: Timestamp) -> Int64 {
        time.floored(to: .seconds(1)).milliseconds / 1000
    }
}
