import Glibc

/// Numbers as exposition formats write them: Go's `ParseFloat` without hexadecimal and underscores.
enum FloatText {
    /// Powers of ten that a double holds exactly.
    private static let exactPowers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
    /// Bytes of the longest number.
    private static let bytesMax = 512

    /// The NaN that is stored for every NaN that is read, so that none is a staleness marker.
    static let notANumber = Double(bitPattern: 0x7ff8_0000_0000_0001)

    /// The number in `range`; nil when it is none, or is finite and over a double's range.
    static func parse(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
        var offset = range.lowerBound
        let end = range.upperBound
        guard offset < end, range.count <= bytesMax else { return nil }
        let sign = bytes[offset]
        let isNegative = sign == 0x2d
        if isNegative || sign == 0x2b { offset += 1 }
        let first = offset
        var mantissa: UInt64 = 0
        var digits = 0
        var isExact = true
        var power = 0
        while offset < end, case let digit = bytes[offset] &- 0x30, digit < 10 {
            // Nineteen digits fit; what follows is left to the long way.
            if digits < 19 { mantissa = mantissa &* 10 &+ UInt64(digit) } else { isExact = false }
            if mantissa > 0 || digits > 0 { digits += 1 }
            offset += 1
        }
        var places = offset - first
        if offset < end, bytes[offset] == 0x2e {
            offset += 1
            while offset < end, case let digit = bytes[offset] &- 0x30, digit < 10 {
                if digits < 19 {
                    mantissa = mantissa &* 10 &+ UInt64(digit)
                    power -= 1
                } else {
                    isExact = false
                }
                if mantissa > 0 || digits > 0 { digits += 1 }
                offset += 1
                places += 1
            }
        }
        guard places > 0 else {
            return special(bytes, first..<end, isNegative, hasSign: first > range.lowerBound)
        }
        if offset < end {
            guard let exponent = exponent(bytes, &offset, end), offset == end else { return nil }
            power += exponent
        }
        if isExact, mantissa <= 1 << 53, power >= -22, power <= 22 {
            // Clinger: both operands are exact, so one rounding gives the nearest double.
            let value =
                power < 0
                ? Double(mantissa) / exactPowers[-power] : Double(mantissa) * exactPowers[power]
            return isNegative ? -value : value
        }
        let value = long(bytes, range)
        return value.isFinite ? value : nil
    }

    /// `e` or `E`, a sign and digits; nil when it is anything else.
    private static func exponent(_ bytes: Span<UInt8>, _ offset: inout Int, _ end: Int) -> Int? {
        guard bytes[offset] | 0x20 == 0x65 else { return nil }
        offset += 1
        guard offset < end else { return nil }
        let isNegative = bytes[offset] == 0x2d
        if isNegative || bytes[offset] == 0x2b { offset += 1 }
        let first = offset
        var value = 0
        while offset < end, case let digit = bytes[offset] &- 0x30, digit < 10 {
            value = min(99999, value * 10 + Int(digit))
            offset += 1
        }
        guard offset > first else { return nil }
        return isNegative ? -value : value
    }

    /// Infinities and NaN, in any case.
    private static func special(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ isNegative: Bool,
        hasSign: Bool
    ) -> Double? {
        if matches(bytes, range, "inf") || matches(bytes, range, "infinity") {
            return isNegative ? -.infinity : .infinity
        }
        return !hasSign && matches(bytes, range, "nan") ? notANumber : nil
    }

    private static func matches(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ word: StaticString
    ) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<range.count
        // A static string's bytes live for ever and the count was just compared.
        where unsafe bytes[range.lowerBound + index] | 0x20 != word.utf8Start[index] {
            return false
        }
        return true
    }

    /// The nearest double by the C library, of a text that was found to be a number.
    private static func long(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: range.count + 1) { text in
            for index in 0..<range.count {
                unsafe text[index] = CChar(bitPattern: bytes[range.lowerBound + index])
            }
            unsafe text[range.count] = 0
            return unsafe text.baseAddress.map { unsafe strtod($0, nil) } ?? notANumber
        }
    }
}
