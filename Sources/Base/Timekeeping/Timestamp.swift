/// A moment: whole milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// A moment given in seconds; fractions are rounded to the nearest millisecond.
    package init(seconds: Double) {
        milliseconds = Int64((seconds * 1000).rounded())
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    /// Seconds since 1970, exact for any date before the year 285,000.
    package var seconds: Double { Double(milliseconds) / 1000 }

    package static let distantPast = Timestamp(milliseconds: .min)
    package static let distantFuture = Timestamp(milliseconds: .max)

    @inlinable package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Saturates at the ends of the range instead of trapping.
    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        let (sum, overflow) = moment.milliseconds.addingReportingOverflow(duration.milliseconds)
        return overflow
            ? (duration.milliseconds < 0 ? .distantPast : .distantFuture)
            : Timestamp(milliseconds: sum)
    }

    package static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        moment + Duration.milliseconds(-duration.milliseconds)
    }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.milliseconds.subtractingReportingOverflow(
            earlier.milliseconds
        )
        return .milliseconds(overflow ? (later > earlier ? Int64.max : Int64.min) : difference)
    }

    /// The latest multiple of `step` since 1970 that is not after this moment; `step` is positive.
    package func floored(to step: Duration) -> Timestamp {
        let width = step.milliseconds
        precondition(width > 0, "a step is positive")
        let remainder = milliseconds % width
        return Timestamp(
            milliseconds: milliseconds - (remainder < 0 ? remainder + width : remainder)
        )
    }
}

/// A span of time, open on the left and closed on the right: `(start, end]`, as PromQL 3 reads ranges.
package struct TimeRange: Hashable, Sendable {
    package var start: Timestamp
    package var end: Timestamp

    package init(after start: Timestamp, through end: Timestamp) {
        self.start = start
        self.end = end
    }

    @inlinable package func contains(_ moment: Timestamp) -> Bool {
        moment > start && moment <= end
    }
}

extension Duration {
    /// Whole milliseconds, rounded toward zero; saturating.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds with their fraction.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
