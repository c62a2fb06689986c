/// A moment in the proleptic Gregorian calendar, UTC, for any value a sample may have.
struct CivilMoment {
    var year: Int
    /// From 1.
    var month: Int
    /// Day of the month, from 1.
    var day: Int
    /// From 1.
    var dayOfYear: Int
    /// Sunday is 0.
    var weekday: Int
    var hour: Int
    var minute: Int

    /// The moment so many seconds after 1970.
    ///
    /// The fraction is cut off. What does not fit 64 bits, NaN and infinities among it, is what Prometheus makes of it
    /// on the common processors: the second 2^63, in December of the year 292277026596.
    init(seconds: Double) {
        let isSecond = seconds > -0x1p63 && seconds < 0x1p63
        self.init(seconds: isSecond ? Int128(seconds) : Int128(1) << 63)
    }

    private init(seconds: Int128) {
        let secondsADay: Int128 = 86400
        var day = seconds / secondsADay
        var second = Int(seconds % secondsADay)
        if second < 0 {
            day -= 1
            second += 86400
        }
        // Days since 1 March of year 0, the start of a cycle of 400 years.
        let days = Int(day) + 719_468
        let cycle = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfCycle = days - cycle * 146_097
        let yearOfCycle =
            (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfMarchYear =
            dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfMarchYear + 2) / 153
        self.day = dayOfMarchYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
        // 1 January 1970 was a Thursday.
        weekday = ((Int(day) % 7) + 11) % 7
        hour = second / 3600
        minute = second / 60 % 60
        dayOfYear = self.day
        for earlier in 1..<13 where earlier < month {
            dayOfYear += CivilMoment.days(inMonth: earlier, of: year)
        }
    }

    var daysInMonth: Int { CivilMoment.days(inMonth: month, of: year) }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
