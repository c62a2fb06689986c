package import Timekeeping

/// A span of every day on a wall clock, start included, end not; past midnight when the end is earlier.
package struct DailyHours: Hashable, Sendable {
    package var from: WallTime
    package var to: WallTime
    package var timeZone: TimeZoneRules

    /// 08:00 to 22:00: when a person who is on call for something minor may be notified.
    package static func waking(in timeZone: TimeZoneRules) -> DailyHours {
        DailyHours(
            from: WallTime(hour: 8, minute: 0),
            to: WallTime(hour: 22, minute: 0),
            timeZone: timeZone
        )
    }

    package init(from: WallTime, to: WallTime, timeZone: TimeZoneRules) {
        self.from = from
        self.to = to
        self.timeZone = timeZone
    }

    /// True when the wall clock is within the hours; hours of no length hold never.
    package func contains(_ moment: Timestamp) -> Bool {
        let wall = timeZone.local(moment)
        let minute = wall.hour * 60 + wall.minute
        return from <= to
            ? minute >= from.minuteOfDay && minute < to.minuteOfDay
            : minute >= from.minuteOfDay || minute < to.minuteOfDay
    }

    /// The moment itself when the hours hold, else when they begin next.
    package func next(from moment: Timestamp) -> Timestamp {
        guard !contains(moment) else { return moment }
        let today = CivilDay(at: moment, in: timeZone)
        for days in 0...3 {
            let start = today.advanced(by: days).moment(from, in: timeZone)
            if start > moment { return start }
        }
        preconditionFailure("every three days have a start of hours")
    }
}

/// The hours and days of an office.
package struct BusinessHours: Hashable, Sendable {
    /// Not empty.
    package var days: Set<Weekday>
    package var from: WallTime
    /// Later than `from`.
    package var to: WallTime
    package var timeZone: TimeZoneRules

    /// Monday to Friday, 09:00 to 17:00.
    package static func usual(in timeZone: TimeZoneRules) -> BusinessHours {
        BusinessHours(
            days: [.monday, .tuesday, .wednesday, .thursday, .friday],
            from: WallTime(hour: 9, minute: 0),
            to: WallTime(hour: 17, minute: 0),
            timeZone: timeZone
        )
    }

    package init(days: Set<Weekday>, from: WallTime, to: WallTime, timeZone: TimeZoneRules) {
        precondition(!days.isEmpty && from < to, "business hours have days and a length")
        self.days = days
        self.from = from
        self.to = to
        self.timeZone = timeZone
    }

    /// When the office opens next, strictly after a moment.
    package func nextOpening(after moment: Timestamp) -> Timestamp {
        nextDay(after: CivilDay(at: moment, in: timeZone).advanced(by: -1)) { day in
            day.moment(from, in: timeZone)
        } until: {
            $0 > moment
        }
    }

    /// When the next business day that has not begun yet ends.
    package func endOfNextDay(after moment: Timestamp) -> Timestamp {
        let opening = nextOpening(after: moment)
        return CivilDay(at: opening, in: timeZone).moment(to, in: timeZone)
    }

    private func nextDay(
        after day: CivilDay,
        _ moment: (CivilDay) -> Timestamp,
        until: (Timestamp) -> Bool
    ) -> Timestamp {
        var day = day
        while true {
            day = day.advanced(by: 1)
            guard days.contains(day.weekday) else { continue }
            let found = moment(day)
            if until(found) { return found }
        }
    }
}
