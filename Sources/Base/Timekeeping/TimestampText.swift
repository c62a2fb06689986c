/// Calendar fields of a moment in UTC, by the proleptic Gregorian calendar.
package struct UTCFields: Hashable, Sendable {
    package var year: Int
    /// From 1 to 12.
    package var month: Int
    /// From 1 to 31.
    package var day: Int
    package var hour: Int
    package var minute: Int
    package var second: Int
    package var millisecond: Int
    /// 0 is Sunday.
    package var weekday: Int
    /// From 1 to 366.
    package var dayOfYear: Int
    package var daysInMonth: Int
}

extension Timestamp {
    /// This moment's fields in UTC (days-from-civil arithmetic, Howard Hinnant's formulas).
    package var utc: UTCFields {
        let millisecondsOfDay = ((milliseconds % 86_400_000) + 86_400_000) % 86_400_000
        let days = Int((milliseconds - millisecondsOfDay) / 86_400_000)
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfShiftedYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfShiftedYear + 2) / 153
        let day = dayOfShiftedYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let second = Int(millisecondsOfDay / 1000)
        return UTCFields(
            year: year,
            month: month,
            day: day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            millisecond: Int(millisecondsOfDay % 1000),
            weekday: ((days + 4) % 7 + 7) % 7,
            dayOfYear: lengths[..<(month - 1)].reduce(0, +) + day,
            daysInMonth: lengths[month - 1]
        )
    }

    /// The moment of a UTC date and time; fields outside their ranges carry over.
    package init(
        year: Int,
        month: Int,
        day: Int,
        hour: Int = 0,
        minute: Int = 0,
        second: Int = 0,
        millisecond: Int = 0
    ) {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second
        self.init(milliseconds: Int64(seconds) * 1000 + Int64(millisecond))
    }

    /// RFC 3339 in UTC: `2026-11-24T07:00:00Z`, with `.123` when there are milliseconds.
    package var rfc3339: String {
        let fields = utc
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let fraction = fields.millisecond == 0 ? "" : "." + padded(fields.millisecond, 3)
        return "\(padded(fields.year, 4))-\(padded(fields.month, 2))-\(padded(fields.day, 2))T"
            + "\(padded(fields.hour, 2)):\(padded(fields.minute, 2)):\(padded(fields.second, 2))"
            + "\(fraction)Z"
    }

    /// Reads RFC 3339 (`2026-11-24T07:00:00.123+01:00`, any number of decimals); nil when it is not.
    package init?(rfc3339 text: String) {
        var bytes = Array(text.utf8)[...]
        func number(_ width: Int) -> Int? {
            guard bytes.count >= width else { return nil }
            var value = 0
            for byte in bytes.prefix(width) {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            bytes = bytes.dropFirst(width)
            return value
        }
        func skip(_ allowed: String) -> Bool {
            guard let first = bytes.first, allowed.utf8.contains(first) else { return false }
            bytes = bytes.dropFirst()
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"),
            let day = number(2), skip("Tt "), let hour = number(2), skip(":"),
            let minute = number(2), skip(":"), let second = number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var millisecond = 0
        if skip(".") {
            let digits = bytes.prefix { $0 >= 48 && $0 <= 57 }
            guard !digits.isEmpty else { return nil }
            bytes = bytes.dropFirst(digits.count)
            for index in 0..<3 {
                let digit = digits.count > index ? digits[digits.startIndex + index] - 48 : 0
                millisecond = millisecond * 10 + Int(digit)
            }
        }
        var offsetMinutes = 0
        if !skip("Zz") {
            let negative = bytes.first == UInt8(ascii: "-")
            guard skip("+-"), let hours = number(2), skip(":"), let minutes = number(2),
                hours < 24, minutes < 60
            else { return nil }
            offsetMinutes = (negative ? -1 : 1) * (hours * 60 + minutes)
        }
        guard bytes.isEmpty else { return nil }
        self.init(
            year: year,
            month: month,
            day: day,
            hour: hour,
            minute: minute - offsetMinutes,
            second: second,
            millisecond: millisecond
        )
        let expected = Timestamp(year: year, month: month, day: 1).utc.daysInMonth
        guard day <= expected else { return nil }
    }
}
