package import Timekeeping

/// When a document says that its event was.
///
/// - Source: Elasticsearch `strict_date_optional_time||epoch_millis`, and what shippers send besides.
package enum DocumentTime {
    /// Fields that say when, the first that is there counts.
    static let fields: [StaticString] = ["@timestamp", "timestamp", "time"]

    /// A number by its size: seconds, milliseconds, microseconds or nanoseconds since 1970.
    ///
    /// Seconds reach to the year 5138 and milliseconds begin in 1973, so none can be taken for another.
    package static func time(number: Double) -> Timestamp? {
        guard number.isFinite, number > 0 else { return nil }
        let milliseconds: Double =
            switch number {
            case ..<1e11: number * 1000
            case ..<1e14: number
            case ..<1e17: number / 1e3
            case ..<1e20: number / 1e6
            default: .infinity
            }
        guard milliseconds < 253_402_300_800_000 else { return nil }
        return Timestamp(milliseconds: Int64(milliseconds))
    }

    /// A text: ISO 8601 with any number of decimals, with or without a time and a zone, or a number.
    ///
    /// - Parameters:
    ///   - bytes: What the text stands in.
    ///   - range: Where it stands, in bounds.
    /// - Returns: Nil when it is no time; what lies below a millisecond is cut off.
    package static func time(text bytes: Span<UInt8>, _ range: Range<Int>) -> Timestamp? {
        var cursor = Cursor(bytes, range)
        guard let year = cursor.number(4), cursor.skip("-") else {
            return number(bytes, range)
        }
        guard let month = cursor.number(2), (1...12).contains(month), cursor.skip("-"),
            let day = cursor.number(2), (1...31).contains(day)
        else { return nil }
        var (hour, minute, second, millisecond, offset) = (0, 0, 0, 0, 0)
        if cursor.skip("T") || cursor.skip("t") || cursor.skip(" ") {
            guard let hours = cursor.number(2), hours < 24, cursor.skip(":"),
                let minutes = cursor.number(2), minutes < 60
            else { return nil }
            (hour, minute) = (hours, minutes)
            if cursor.skip(":") {
                guard let seconds = cursor.number(2), seconds <= 60 else { return nil }
                second = seconds
                if cursor.skip(".") || cursor.skip(",") {
                    guard let fraction = cursor.milliseconds() else { return nil }
                    millisecond = fraction
                }
            }
            guard let zone = cursor.offsetMinutes() else { return nil }
            offset = zone
        }
        guard cursor.isAtEnd else { return nil }
        let time = Timestamp(
            year: year,
            month: month,
            day: day,
            hour: hour,
            minute: minute - offset,
            second: second,
            millisecond: millisecond
        )
        return day <= 28 || day <= lastDay(year, month) ? time : nil
    }

    private static func lastDay(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Digits with or without decimals.
    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Timestamp? {
        var value = 0.0
        var scale = 1.0
        var isFraction = false
        guard !range.isEmpty, range.count <= 32 else { return nil }
        for index in range {
            let byte = bytes[index]
            if byte == UInt8(ascii: "."), !isFraction, index > range.lowerBound {
                isFraction = true
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Double(byte - 0x30)
            if isFraction { scale *= 10 }
        }
        return time(number: value / scale)
    }

    /// A place in the text.
    private struct Cursor: ~Escapable {
        private let bytes: Span<UInt8>
        private var position: Int
        private let end: Int

        @_lifetime(copy bytes)
        init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
            self.bytes = bytes
            position = range.lowerBound
            end = range.upperBound
        }

        var isAtEnd: Bool { position == end }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard position < end, bytes[position] == UInt8(truncatingIfNeeded: character.value)
            else { return false }
            position += 1
            return true
        }

        /// A number of exactly so many digits; nothing is passed when there is none.
        mutating func number(_ digits: Int) -> Int? {
            guard end - position >= digits else { return nil }
            var value = 0
            for index in position..<position + digits {
                let digit = bytes[index] &- 0x30
                guard digit < 10 else { return nil }
                value = value * 10 + Int(digit)
            }
            position += digits
            return value
        }

        /// Decimals of a second, at least one; those behind the third are passed.
        mutating func milliseconds() -> Int? {
            var value = 0
            var count = 0
            while position < end, case let digit = bytes[position] &- 0x30, digit < 10 {
                if count < 3 { value = value * 10 + Int(digit) }
                count += 1
                position += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<max(3, count) { value *= 10 }
            return value
        }

        /// `Z`, `+01:00`, `+0100`, `+01`, or nothing, which is UTC as in Elasticsearch.
        mutating func offsetMinutes() -> Int? {
            guard !isAtEnd else { return 0 }
            if skip("Z") || skip("z") { return 0 }
            let isNegative = bytes[position] == UInt8(ascii: "-")
            guard skip("+") || skip("-"), let hours = number(2), hours < 24 else { return nil }
            var minutes = 0
            if skip(":") || !isAtEnd {
                guard let more = number(2), more < 60 else { return nil }
                minutes = more
            }
            return (isNegative ? -1 : 1) * (hours * 60 + minutes)
        }
    }
}
