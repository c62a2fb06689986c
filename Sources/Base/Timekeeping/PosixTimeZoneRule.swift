/// A rule in POSIX form with RFC 9636's extensions: `EET-2EEST,M3.5.0/3,M10.5.0/4`.
struct PosixTimeZoneRule: Hashable, Sendable {
    /// A day of the year on which clocks change.
    enum Day: Hashable, Sendable {
        /// 1...365, February 29 never counted.
        case julian(Int)
        /// 0...365, February 29 counted.
        case ordinal(Int)
        /// Week 5 is the last one; weekday 0 is Sunday.
        case weekday(month: Int, week: Int, weekday: Int)
    }

    struct Switch: Hashable, Sendable {
        var day: Day
        /// Seconds after local midnight, -167 to 167 hours.
        var seconds: Int
    }

    /// Seconds east of UTC.
    let standardOffset: Int
    private let summer: (offset: Int, start: Switch, end: Switch)?

    static func == (left: PosixTimeZoneRule, right: PosixTimeZoneRule) -> Bool {
        left.standardOffset == right.standardOffset && left.summer?.offset == right.summer?.offset
            && left.summer?.start == right.summer?.start && left.summer?.end == right.summer?.end
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(standardOffset)
        hasher.combine(summer?.offset)
        hasher.combine(summer?.start)
        hasher.combine(summer?.end)
    }

    init?(_ text: String) {
        var rest = Substring(text)
        guard PosixTimeZoneRule.skipName(&rest),
            let standard = PosixTimeZoneRule.time(&rest)
        else { return nil }
        standardOffset = -standard
        guard !rest.isEmpty else {
            summer = nil
            return
        }
        guard PosixTimeZoneRule.skipName(&rest) else { return nil }
        var offset = standardOffset + 3600
        if rest.first != "," {
            guard let written = PosixTimeZoneRule.time(&rest) else { return nil }
            offset = -written
        }
        guard let start = PosixTimeZoneRule.dayAndTime(&rest),
            let end = PosixTimeZoneRule.dayAndTime(&rest), rest.isEmpty
        else { return nil }
        summer = (offset, start, end)
    }

    func offsetSeconds(at moment: Timestamp) -> Int {
        guard summer != nil else { return standardOffset }
        let year = (moment + .seconds(standardOffset)).utc.year
        let changes = ((year - 1)...(year + 1)).flatMap(changes(in:)).sorted { $0.at < $1.at }
        return changes.last { $0.at <= moment }?.offsetSeconds ?? standardOffset
    }

    func nextChange(after moment: Timestamp) -> TimeZoneRules.Change? {
        guard summer != nil else { return nil }
        let year = (moment + .seconds(standardOffset)).utc.year
        let changes = ((year - 1)...(year + 2)).flatMap(changes(in:)).sorted { $0.at < $1.at }
        var previous = offsetSeconds(at: moment)
        for change in changes where change.at > moment {
            if change.offsetSeconds != previous { return change }
            previous = change.offsetSeconds
        }
        return nil
    }

    /// Both changes of a year, in no order.
    ///
    /// Their times of day are on the clock that ends with them.
    private func changes(in year: Int) -> [TimeZoneRules.Change] {
        guard let summer else { return [] }
        let start = midnight(of: summer.start.day, year) + .seconds(summer.start.seconds)
        let end = midnight(of: summer.end.day, year) + .seconds(summer.end.seconds)
        return [
            TimeZoneRules.Change(
                at: start - .seconds(standardOffset),
                offsetSeconds: summer.offset
            ),
            TimeZoneRules.Change(at: end - .seconds(summer.offset), offsetSeconds: standardOffset),
        ]
    }

    /// Midnight that begins the day, as if it were UTC.
    private func midnight(of day: Day, _ year: Int) -> Timestamp {
        switch day {
        case .julian(let number):
            let isLeap = Timestamp(year: year, month: 2, day: 1).utc.daysInMonth == 29
            let extra = isLeap && number >= 60 ? 1 : 0
            return Timestamp(year: year, month: 1, day: number + extra)
        case .ordinal(let number):
            return Timestamp(year: year, month: 1, day: number + 1)
        case .weekday(let month, let week, let weekday):
            let first = Timestamp(year: year, month: month, day: 1).utc
            var date = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            if date > first.daysInMonth { date -= 7 }
            return Timestamp(year: year, month: month, day: date)
        }
    }

    // MARK: Reading

    /// Three or more letters, or anything in angle brackets.
    private static func skipName(_ rest: inout Substring) -> Bool {
        if rest.first == "<" {
            guard let end = rest.firstIndex(of: ">") else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        let name = rest.prefix { $0.isASCII && $0.isLetter }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    private static func number(_ rest: inout Substring, _ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        guard let value = Int(digits), range.contains(value) else { return nil }
        return value
    }

    private static func skip(_ character: Character, _ rest: inout Substring) -> Bool {
        guard rest.first == character else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func time(_ rest: inout Substring) -> Int? {
        let isNegative = skip("-", &rest)
        if !isNegative { _ = skip("+", &rest) }
        guard var seconds = number(&rest, 0...167).map({ $0 * 3600 }) else { return nil }
        for width in [60, 1] where skip(":", &rest) {
            guard let part = number(&rest, 0...59) else { return nil }
            seconds += part * width
        }
        return isNegative ? -seconds : seconds
    }

    private static func dayAndTime(_ rest: inout Substring) -> Switch? {
        guard skip(",", &rest) else { return nil }
        let day: Day
        if skip("M", &rest) {
            guard let month = number(&rest, 1...12), skip(".", &rest),
                let week = number(&rest, 1...5), skip(".", &rest),
                let weekday = number(&rest, 0...6)
            else { return nil }
            day = .weekday(month: month, week: week, weekday: weekday)
        } else if skip("J", &rest) {
            guard let ordinal = number(&rest, 1...365) else { return nil }
            day = .julian(ordinal)
        } else {
            guard let ordinal = number(&rest, 0...365) else { return nil }
            day = .ordinal(ordinal)
        }
        guard skip("/", &rest) else { return Switch(day: day, seconds: 7200) }
        return time(&rest).map { Switch(day: day, seconds: $0) }
    }
}
