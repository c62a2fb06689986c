/// Prometheus's text for sample values.
package enum PromQLNumber {
    /// The shortest decimal that reads back as the same bits, never with an exponent: Go's
    /// `strconv.FormatFloat(value, 'f', -1, 64)`, as the HTTP API prints values.
    ///
    /// `1`, `0.1`, `100000000000000000000`, `+Inf`, `-Inf`, `NaN`, `-0`.
    package static func text(_ value: Double) -> String {
        guard value.isFinite else { return special(value) }
        var plain = value.description
        if !plain.utf8.contains(UInt8(ascii: "e")) {
            if plain.hasSuffix(".0") { plain.removeLast(2) }
            return plain
        }
        guard let (sign, digits, point) = shortest(value) else { return plain }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        let count = digits.utf8.count
        if point >= count { return sign + digits + String(repeating: "0", count: point - count) }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// Go's `%g` and `%v`: the shortest decimal, with an exponent below 1e-4 and from 1e6 on.
    package static func general(_ value: Double) -> String {
        guard value.isFinite, value != 0, let (sign, digits, point) = shortest(value),
            point - 1 < -4 || point - 1 >= 6
        else { return text(value) }
        let exponent = point - 1
        let tail = digits.dropFirst()
        let mark = exponent < 0 ? "-" : "+"
        let size = String(exponent.magnitude)
        return sign + digits.prefix(1) + (tail.isEmpty ? "" : "." + tail) + "e" + mark
            + (size.utf8.count < 2 ? "0" + size : size)
    }

    /// Go's `%f`: always six decimals, never an exponent.
    package static func fixed(_ value: Double) -> String {
        guard value.isFinite else { return special(value) }
        let sign = value.sign == .minus ? "-" : ""
        let size = value.magnitude
        // From 2^52 on every value is whole.
        guard size < 0x1p52 else {
            let whole = size < 0x1p127 ? String(Int128(size)) : text(size)
            return sign + whole + ".000000"
        }
        var whole = Int64(size)
        var micros = Int64(((size - Double(whole)) * 1_000_000).rounded(.toNearestOrEven))
        if micros == 1_000_000 {
            whole += 1
            micros = 0
        }
        let digits = String(micros)
        return sign + String(whole) + "." + String(repeating: "0", count: 6 - digits.utf8.count)
            + digits
    }

    private static func special(_ value: Double) -> String {
        value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf"
    }

    /// The shortest digits of a finite value as `0.DIGITS * 10^point`; "0" with point 1 for zero.
    private static func shortest(
        _ value: Double
    ) -> (sign: String, digits: String, point: Int)? {
        // Swift's description is the shortest text that reads back equal: "12.5", "1e-07", "5e+22".
        var text = Substring(value.magnitude.description)
        let sign = value.sign == .minus ? "-" : ""
        var exponent = 0
        if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            var size = text[text.index(after: mark)...]
            if size.first == "+" { size = size.dropFirst() }
            guard let parsed = Int(size) else { return nil }
            exponent = parsed
            text = text[..<mark]
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0]
        let fraction = parts.count > 1 ? parts[1] : ""
        var point = whole.utf8.count + exponent
        var digits = Substring(whole + fraction)
        while digits.utf8.count > 1, digits.first == "0" {
            digits = digits.dropFirst()
            point -= 1
        }
        while digits.utf8.count > 1, digits.last == "0" { digits = digits.dropLast() }
        if digits == "0" { point = 1 }
        return (sign, String(digits), point)
    }
}
