import Timekeeping

/// What one call of the query API may take; a query over a limit is answered with an error and counted by outcome in
/// `tocsin_queries_total`.
package struct QueryLimits: Hashable, Sendable {
    /// How long a query may run; a `timeout` of its own can only shorten it.
    package var timeMax: Duration = .seconds(120)
    /// Steps that a range query may have.
    package var stepsMax = 11000

    package init() {}

    /// `stepsMax` as Prometheus writes it, `11,000`.
    var stepsText: String {
        var digits = String(stepsMax)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}

/// When a query ends unanswered: at its time's end, or when the service stops.
struct QueryDeadline: Sendable {
    private let monotonic: @Sendable () -> UInt64
    private let isStopping: @Sendable () -> Bool
    private let end: UInt64

    /// - Parameters:
    ///   - allowance: From now on; zero or less is over at once.
    ///   - monotonic: Nanoseconds on a clock that nobody sets.
    ///   - isStopping: True when no query may go on.
    init(
        in allowance: Duration,
        monotonic: @escaping @Sendable () -> UInt64,
        isStopping: @escaping @Sendable () -> Bool
    ) {
        self.monotonic = monotonic
        self.isStopping = isStopping
        end = monotonic() &+ UInt64(max(0, allowance.milliseconds)) &* 1_000_000
    }

    /// True when the query's time is over.
    var isOver: Bool { monotonic() >= end || isStopping() }

    /// What a query that was ended by this deadline answers.
    var failure: PrometheusFailure {
        isStopping()
            ? PrometheusFailure(type: .unavailable, message: "the service is stopping; ask again")
            : PrometheusFailure(
                type: .timeout,
                message: "query timed out in expression evaluation"
            )
    }
}
