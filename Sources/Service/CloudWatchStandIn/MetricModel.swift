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
    /// Single values in `recorded`.
    private var valueCount = 0
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
        valueCount += observations.values.count
        recorded[Self.second(time), default: []].append(
            Contribution(observations: observations, visibleAt: visibleAt)
        )
    }

    /// Forgets what was recorded in `[start, end)`.
    mutating func remove(from start: Timestamp, to end: Timestamp) {
        for second in Self.second(start)..<max(Self.second(start), Self.second(end)) {
            forget(second)
        }
    }

    /// Forgets the oldest seconds beyond `seconds`, and beyond `values` single values; gives how many.
    ///
    /// Works only when a limit is passed by a sixteenth, so that a full model is not trimmed at every record.
    mutating func trim(seconds: Int, values: Int) -> Int {
        guard recorded.count > seconds + seconds / 16 || valueCount > values + values / 16 else {
            return 0
        }
        var forgotten = 0
        for second in recorded.keys.sorted() {
            guard recorded.count > max(1, seconds) || (valueCount > values && recorded.count > 1)
            else { break }
            forget(second)
            forgotten += 1
        }
        return forgotten
    }

    private mutating func forget(_ second: Int64) {
        guard let contributions = recorded.removeValue(forKey: second) else { return }
        valueCount -= contributions.reduce(0) { $0 + $1.observations.values.count }
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
