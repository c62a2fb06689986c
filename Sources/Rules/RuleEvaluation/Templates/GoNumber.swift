import Buffers
import Timekeeping

/// Numbers and times as Go's fmt prints them, which is what people see in Prometheus's alerts.
package enum GoNumber {
    /// The shortest text that reads back the same: `%v` and `%g`.
    package static func shortest(_ value: Double) -> String {
        if let special = special(value) { return special }
        // Swift's description has the shortest digits too; only their layout differs.
        let (digits, exponent) = decimal(value)
        let sign = value.sign == .minus ? "-" : ""
        guard exponent < -4 || exponent >= 6 else {
            return sign + plain(digits, exponent)
        }
        let mantissa = digits.count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
        let magnitude = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
        return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(magnitude)"
    }

    /// Decimal notation without an exponent, shortest: how Prometheus writes values in its API and series.
    package static func fixed(_ value: Double) -> String {
        if let special = special(value) { return special }
        let (digits, exponent) = decimal(value)
        return (value.sign == .minus ? "-" : "") + plain(digits, exponent)
    }

    /// `%.4g` and its like; trailing zeros are dropped.
    package static func general(_ value: Double, precision: Int) -> String {
        special(value) ?? PrintfNumber.general(value, digits: precision)
    }

    /// A verb of `printf`: e, E, f, F, g or G with a precision.
    static func formatted(_ value: Double, verb: Character, precision: Int) -> String {
        special(value) ?? PrintfNumber.text(value, verb: verb, precision: precision)
    }

    /// A time in UTC: `2006-01-02 15:04:05.999 +0000 UTC`.
    static func time(_ moment: Timestamp) -> String {
        var text = moment.rfc3339
        text.removeLast()
        if let point = text.firstIndex(of: ".") {
            while text.last == "0" { text.removeLast() }
            if text.index(after: point) == text.endIndex { text.removeLast() }
        }
        return String(text.map { $0 == "T" ? " " : $0 }) + " +0000 UTC"
    }

    /// `1h2m3.5s`, as a Go duration prints.
    static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        guard milliseconds != 0 else { return "0s" }
        let sign = milliseconds < 0 ? "-" : ""
        let total = milliseconds.magnitude
        guard total >= 1000 else { return "\(sign)\(total)ms" }
        let seconds = GoNumber.fixed(Double(total % 60000) / 1000)
        let minutes = total / 60000
        if minutes == 0 { return "\(sign)\(seconds)s" }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)s" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)s"
    }

    /// A number as Go's ParseFloat reads it.
    static func parse(_ text: String) -> Double? {
        switch text.lowercased() {
        case "nan": .nan
        case "inf", "+inf", "infinity", "+infinity": .infinity
        case "-inf", "-infinity": -.infinity
        default: text.contains { $0.isWhitespace } ? nil : Double(text)
        }
    }

    private static func special(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return nil
    }

    /// The shortest digits and the power of ten of the first one.
    private static func decimal(_ value: Double) -> (digits: String, exponent: Int) {
        guard value != 0 else { return ("0", 0) }
        let parts = "\(abs(value))".split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = mantissa[0]
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        let all = String(whole + fraction)
        let leading = all.prefix { $0 == "0" }.count
        var digits = String(all.dropFirst(leading))
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        return (digits, whole.count - 1 - leading + power)
    }

    private static func plain(_ digits: String, _ exponent: Int) -> String {
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + digits }
        guard digits.count > exponent + 1 else {
            return digits + String(repeating: "0", count: exponent + 1 - digits.count)
        }
        return digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
    }
}
