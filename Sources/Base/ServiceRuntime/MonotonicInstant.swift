import Timekeeping

/// A moment on the monotonic clock, for deadlines; no clock step moves it.
package struct MonotonicInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's arbitrary start.
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The moment of the call.
    package static func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: MonotonicTime.nanoseconds())
    }

    package static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Saturates at the ends of the range instead of trapping.
    package static func + (moment: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        let offset = duration.wholeNanoseconds
        let (sum, overflow) =
            offset < 0
            ? moment.nanoseconds.subtractingReportingOverflow(offset.magnitude)
            : moment.nanoseconds.addingReportingOverflow(offset.magnitude)
        guard overflow else { return MonotonicInstant(nanoseconds: sum) }
        return MonotonicInstant(nanoseconds: offset < 0 ? 0 : .max)
    }

    /// The time from `earlier` to `later`; negative when they are the other way round.
    package static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        later >= earlier
            ? .nanoseconds(Int64(clamping: later.nanoseconds - earlier.nanoseconds))
            : .nanoseconds(-Int64(clamping: earlier.nanoseconds - later.nanoseconds))
    }
}

extension Duration {
    /// Nanoseconds, fractions cut off, saturating at 292 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || carried ? (seconds < 0 ? .min : .max) : sum
    }
}
