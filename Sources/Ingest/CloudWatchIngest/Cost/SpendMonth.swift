package import Timekeeping

/// A calendar month in UTC, which is what AWS bills by.
package struct SpendMonth: Hashable, Sendable, CustomStringConvertible {
    package let year: Int
    /// From 1 to 12.
    package let month: Int

    package init(containing moment: Timestamp) {
        let fields = moment.utc
        year = fields.year
        month = fields.month
    }

    /// Inclusive.
    package var start: Timestamp { Timestamp(year: year, month: month, day: 1) }
    /// Exclusive.
    package var end: Timestamp {
        month == 12
            ? Timestamp(year: year + 1, month: 1, day: 1)
            : Timestamp(year: year, month: month + 1, day: 1)
    }

    package var length: Duration { end - start }

    /// The same month of the year before.
    package var yearBefore: SpendMonth {
        SpendMonth(containing: Timestamp(year: year - 1, month: month, day: 1))
    }

    /// `2026-11`; sorts as time does.
    package var description: String { String(start.rfc3339.prefix(7)) }
}
