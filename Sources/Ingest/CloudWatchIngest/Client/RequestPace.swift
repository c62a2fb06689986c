package import Timekeeping

/// A token bucket for all requests of one client, which slows down when it is throttled and recovers slowly.
///
/// The quotas of an account are shared with the customer's other tools, so this client gives way first:
/// a throttled reply halves the rate, each good one gives back a twentieth of the full rate.
package struct RequestPace: Sendable {
    /// Requests a second when all is well.
    package let rateMax: Double
    /// Requests a second at the slowest.
    package let rateMin: Double
    /// Requests that may go at once after a pause.
    package let burst: Double
    /// Requests a second now.
    package private(set) var rate: Double
    private var tokens: Double
    private var filledAt: Timestamp?

    package init(rateMax: Double = 10, rateMin: Double = 0.2, burst: Double = 10) {
        self.rateMax = rateMax
        self.rateMin = rateMin
        self.burst = burst
        rate = rateMax
        tokens = burst
    }

    /// Takes the place of one request.
    ///
    /// - Returns: How long to wait before sending; zero when a token was there.
    package mutating func take(at now: Timestamp) -> Duration {
        let elapsed = filledAt.map { max(0, (now - $0).inSeconds) } ?? 0
        filledAt = now
        tokens = min(burst, tokens + elapsed * rate)
        tokens -= 1
        guard tokens < 0 else { return .zero }
        return .milliseconds(Int64((-tokens / rate * 1000).rounded(.up)))
    }

    /// A reply said "too fast".
    package mutating func throttled() {
        rate = max(rateMin, rate / 2)
        tokens = min(tokens, 0)
    }

    /// A reply came without complaint.
    package mutating func succeeded() {
        rate = min(rateMax, rate + rateMax / 20)
    }
}

/// When a failed request is tried again: full jitter, as AWS's architecture blog recommends.
package struct RetryPolicy: Sendable {
    /// Tries in all, the first included.
    package var attemptsMax: Int
    /// Upper bound of the wait before the second try; it doubles from there.
    package var base: Duration
    /// Upper bound of any wait.
    package var cap: Duration

    package init(
        attemptsMax: Int = 4,
        base: Duration = .milliseconds(500),
        cap: Duration = .seconds(20)
    ) {
        self.attemptsMax = attemptsMax
        self.base = base
        self.cap = cap
    }

    /// A wait between zero and the bound of `attempt`, the number of tries already made.
    package func wait(
        after attempt: Int,
        using random: inout some RandomNumberGenerator
    ) -> Duration {
        let doubled = base.milliseconds << Int64(min(30, max(0, attempt - 1)))
        let bound = max(0, min(cap.milliseconds, doubled))
        return .milliseconds(Int64.random(in: 0...bound, using: &random))
    }
}
