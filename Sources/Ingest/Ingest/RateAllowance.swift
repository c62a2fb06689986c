import Timekeeping

/// How much one source may still send: a bucket that refills with time.
///
/// A batch is let in whole while anything is left, and the bucket then goes below zero, so that a batch larger
/// than the bucket is not shut out for ever.
struct RateAllowance: Sendable {
    let perSecond: Int
    let burst: Duration
    private var tokens: Double
    private var updated: Timestamp

    init(perSecond: Int, burst: Duration, at now: Timestamp) {
        self.perSecond = perSecond
        self.burst = burst
        tokens = Double(perSecond) * burst.inSeconds
        updated = now
    }

    /// Takes `count` when anything is left.
    ///
    /// - Returns: Nil when taken; otherwise how long until something is left again.
    mutating func take(_ count: Int, at now: Timestamp) -> Duration? {
        // A clock that steps back gives nothing and takes nothing.
        let elapsed = max(0, (now - updated).inSeconds)
        tokens = min(Double(perSecond) * burst.inSeconds, tokens + elapsed * Double(perSecond))
        updated = now
        guard tokens > 0 else {
            return .milliseconds(Int64(((1 - tokens) / Double(perSecond) * 1000).rounded(.up)))
        }
        tokens -= Double(count)
        return nil
    }
}
