import PromQLSyntax
import Timekeeping

/// Numbers and times exactly as Prometheus's HTTP API writes them.
enum SampleText {
    /// The value of a sample in a vector or matrix: shortest, with an exponent below 1e-6 and from 1e21 on.
    static func value(_ value: Double) -> String {
        let size = value.magnitude
        guard size.isFinite, size != 0, size < 1e-6 || size >= 1e21 else {
            return PromQLNumber.text(value)
        }
        return exponent(value)
    }

    /// The shortest digits with an exponent whatever the size, `1.5e+02`: the value of an alert.
    static func exponent(_ value: Double) -> String {
        guard value.isFinite else { return PromQLNumber.text(value) }
        let sign = value.sign == .minus ? "-" : ""
        let plain = PromQLNumber.text(value.magnitude)
        let whole = plain.prefix { $0 != "." }
        let digits = (whole + plain.dropFirst(whole.count + 1))
        let significant = digits.drop { $0 == "0" }
        guard let first = significant.first else { return sign + "0e+00" }
        let size = whole.count - 1 - (digits.count - significant.count)
        var tail = significant.dropFirst()
        while tail.last == "0" { tail = tail.dropLast() }
        let mark = size < 0 ? "-" : "+"
        let power = String(size.magnitude)
        return sign + String(first) + (tail.isEmpty ? "" : "." + tail) + "e" + mark
            + (power.count < 2 ? "0" + power : power)
    }

    /// The time of a sample: seconds, with three decimals unless they are all zero.
    static func time(_ moment: Timestamp) -> String {
        let rest = moment.milliseconds.magnitude % 1000
        let whole = "\(moment.milliseconds < 0 ? "-" : "")\(moment.milliseconds.magnitude / 1000)"
        return rest == 0 ? whole : whole + "." + String(String(1000 + rest).dropFirst())
    }

    /// The time of a scalar or string: seconds, decimals as few as will do.
    static func shortTime(_ moment: Timestamp) -> String {
        var text = time(moment)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }
}
