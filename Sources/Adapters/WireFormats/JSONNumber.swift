/// Numbers of a JSON text, by the strict grammar.
enum JSONNumber {
    /// Powers of ten that a double holds exactly.
    private static let exactPowers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]

    /// Reads the number at `offset`, moving behind it; a number over a double's range is infinite, as
    /// everywhere.
    static func read(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        _ end: Int
    ) throws(WireFormatError) -> JSONToken {
        let start = offset
        let isNegative = bytes[offset] == 0x2d
        if isNegative { offset += 1 }
        var mantissa: UInt64 = 0
        var isExact = true
        var fractionDigits = 0
        func digits(_ count: inout Int) {
            while offset < end, case let digit = bytes[offset] &- 0x30, digit < 10 {
                let (scaled, overflow) = mantissa.multipliedReportingOverflow(by: 10)
                let (sum, carry) = scaled.addingReportingOverflow(UInt64(digit))
                if overflow || carry { isExact = false } else { mantissa = sum }
                offset += 1
                count += 1
            }
        }
        var wholeDigits = 0
        let firstDigit = offset
        digits(&wholeDigits)
        guard wholeDigits > 0 else {
            throw WireFormatError(offset < end ? .expected("a digit") : .truncated, at: offset)
        }
        guard wholeDigits == 1 || bytes[firstDigit] != 0x30 else {
            throw WireFormatError(.expected("no digit after a leading zero"), at: firstDigit + 1)
        }
        var isInteger = true
        if offset < end, bytes[offset] == 0x2e {
            isInteger = false
            offset += 1
            digits(&fractionDigits)
            guard fractionDigits > 0 else {
                throw WireFormatError(offset < end ? .expected("a digit") : .truncated, at: offset)
            }
        }
        var exponent = 0
        if offset < end, bytes[offset] | 0x20 == 0x65 {
            isInteger = false
            exponent = try self.exponent(bytes, &offset, end)
        }
        if isInteger, isExact {
            if !isNegative, let value = Int64(exactly: mantissa) { return .integer(value) }
            if isNegative, mantissa > 0, mantissa <= 1 << 63 {
                return .integer(Int64(truncatingIfNeeded: 0 &- mantissa))
            }
        }
        let power = exponent - fractionDigits
        if isExact, mantissa <= 1 << 53, abs(power) <= 22 {
            // Clinger: both operands are exact, so one rounding gives the nearest double.
            let value =
                power < 0
                ? Double(mantissa) / exactPowers[-power] : Double(mantissa) * exactPowers[power]
            return .number(isNegative ? -value : value)
        }
        let text = WireText.repaired(bytes, start..<offset)
        guard let value = Double(text) else {
            throw WireFormatError(.expected("a number"), at: start)
        }
        return .number(value)
    }

    /// The exponent behind `e`, held within ±99,999, where every double is 0 or infinite already.
    private static func exponent(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        _ end: Int
    ) throws(WireFormatError) -> Int {
        offset += 1
        var isNegative = false
        if offset < end, bytes[offset] == 0x2b || bytes[offset] == 0x2d {
            isNegative = bytes[offset] == 0x2d
            offset += 1
        }
        var value = 0
        let start = offset
        while offset < end, case let digit = bytes[offset] &- 0x30, digit < 10 {
            value = min(99999, value * 10 + Int(digit))
            offset += 1
        }
        guard offset > start else {
            throw WireFormatError(offset < end ? .expected("a digit") : .truncated, at: offset)
        }
        return isNegative ? -value : value
    }
}
