import Timekeeping

/// How long to wait before the next try: seconds, because a page that comes after minutes is late.
package struct RetrySchedule: Hashable, Sendable {
    /// The longest wait after each failure in turn; the last one holds for all that follow.
    package var waits: [Duration]
    /// The longest wait that a receiver may ask for by Retry-After.
    package var retryAfterMax: Duration

    package init(
        waits: [Duration] = [1, 2, 4, 8, 15, 30, 60].map { .seconds($0) },
        retryAfterMax: Duration = .seconds(60)
    ) {
        precondition(!waits.isEmpty, "a retry schedule has waits")
        self.waits = waits
        self.retryAfterMax = retryAfterMax
    }

    /// The wait after a failure: evenly between nothing and the schedule's wait (full jitter), so that many
    /// pages that failed together do not come back together; longer when the receiver asks for it.
    ///
    /// - Parameters:
    ///   - failures: Failed tries so far, this one included.
    ///   - retryAfter: What the receiver asked for.
    ///   - random: The source of the jitter.
    /// - Returns: Whole milliseconds.
    package func wait(
        afterFailure failures: Int,
        retryAfter: Duration?,
        using random: inout some RandomNumberGenerator
    ) -> Duration {
        let longest = waits[min(max(failures, 1), waits.count) - 1]
        let jittered = Duration.milliseconds(
            Int64.random(in: 0...longest.milliseconds, using: &random)
        )
        guard let retryAfter else { return jittered }
        return max(jittered, min(retryAfter, retryAfterMax))
    }
}
