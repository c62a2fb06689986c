import Timekeeping

/// A time of day on a wall clock, to the minute.
package struct WallTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0 is midnight, 1439 is 23:59.
    package let minuteOfDay: Int

    package init(hour: Int, minute: Int) {
        precondition((0..<24).contains(hour) && (0..<60).contains(minute), "a time of day")
        minuteOfDay = hour * 60 + minute
    }

    /// Reads `09:00`; hours 00 to 23.
    package init?(text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 2, parts[1].utf8.count == 2,
            text.utf8.allSatisfy({ $0 == 58 || (48...57).contains($0) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        self.init(hour: hour, minute: minute)
    }

    package var hour: Int { minuteOfDay / 60 }
    package var minute: Int { minuteOfDay % 60 }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.minuteOfDay < right.minuteOfDay
    }

    package var description: String {
        "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
    }
}

/// A day of the week.
package enum Weekday: Int, Hashable, Sendable, CaseIterable {
    case sunday, monday, tuesday, wednesday, thursday, friday, saturday

    /// `Mon`, as the file writes it.
    package var abbreviation: String {
        switch self {
        case .sunday: "Sun"
        case .monday: "Mon"
        case .tuesday: "Tue"
        case .wednesday: "Wed"
        case .thursday: "Thu"
        case .friday: "Fri"
        case .saturday: "Sat"
        }
    }

    /// Reads `Mon` or `Monday`, in any case.
    package init?(text: String) {
        let name = text.lowercased()
        guard
            let found = Weekday.allCases.first(where: {
                $0.abbreviation.lowercased() == name || "\($0)" == name
            })
        else { return nil }
        self = found
    }
}

/// A day of the calendar, counted from 1970-01-01; arithmetic needs no time zone.
struct CivilDay: Hashable, Comparable, Sendable {
    var number: Int

    init(number: Int) { self.number = number }

    /// The date that a wall clock shows at a moment.
    init(at moment: Timestamp, in zone: TimeZoneRules) {
        let wall = zone.local(moment)
        self.init(year: wall.year, month: wall.month, day: wall.day)
    }

    init(year: Int, month: Int, day: Int) {
        let midnight = Timestamp(year: year, month: month, day: day).milliseconds
        number = Int((Double(midnight) / 86_400_000).rounded(.down))
    }

    var weekday: Weekday {
        Weekday.allCases[((number + 4) % 7 + 7) % 7]
    }

    /// The moment at which a wall clock shows this date and a time.
    func moment(_ time: WallTime, in zone: TimeZoneRules) -> Timestamp {
        let date = Timestamp(milliseconds: Int64(number) * 86_400_000).utc
        return zone.moment(
            year: date.year,
            month: date.month,
            day: date.day,
            hour: time.hour,
            minute: time.minute
        )
    }

    func advanced(by days: Int) -> CivilDay { CivilDay(number: number + days) }

    static func < (left: CivilDay, right: CivilDay) -> Bool { left.number < right.number }
}
