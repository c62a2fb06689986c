import Timekeeping

/// Numbers for people, with the exact output of Prometheus's template functions.
package enum Humanize {
    private static let large = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    private static let binary = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
    private static let small = ["m", "u", "n", "p", "f", "a", "z", "y"]

    /// `1.235M`, `12.5m`.
    package static func metric(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return GoNumber.general(value, precision: 4) }
        return abs(value) >= 1 ? scaled(value, 1000, large) : shrunk(value)
    }

    /// `1.177Mi`.
    package static func binary(_ value: Double) -> String {
        guard abs(value) > 1, value.isFinite else { return GoNumber.general(value, precision: 4) }
        return scaled(value, 1024, binary)
    }

    /// `1d 3h 2m 5s`, `15.43s`, `12ms`; takes seconds.
    package static func duration(_ value: Double) -> String {
        guard value.isFinite else { return GoNumber.general(value, precision: 4) }
        guard value != 0 else { return GoNumber.general(value, precision: 4) + "s" }
        guard abs(value) >= 1 else { return shrunk(value) + "s" }
        let sign = value < 0 ? "-" : ""
        let total = Int64(exactly: abs(value).rounded(.towardZero)) ?? .max
        let (days, hours, minutes, seconds) = (
            total / 86400, total / 3600 % 24, total / 60 % 60, total % 60
        )
        if days != 0 { return "\(sign)\(days)d \(hours)h \(minutes)m \(seconds)s" }
        if hours != 0 { return "\(sign)\(hours)h \(minutes)m \(seconds)s" }
        if minutes != 0 { return "\(sign)\(minutes)m \(seconds)s" }
        return sign + GoNumber.general(abs(value), precision: 4) + "s"
    }

    /// `12.35%` for 0.1235.
    package static func percentage(_ value: Double) -> String {
        GoNumber.general(value * 100, precision: 4) + "%"
    }

    private static func scaled(_ value: Double, _ base: Double, _ prefixes: [String]) -> String {
        var rest = value
        var prefix = ""
        for next in prefixes where abs(rest) >= base {
            prefix = next
            rest /= base
        }
        return GoNumber.general(rest, precision: 4) + prefix
    }

    private static func shrunk(_ value: Double) -> String {
        var rest = value
        var prefix = ""
        for next in small where abs(rest) < 1 {
            prefix = next
            rest *= 1000
        }
        return GoNumber.general(rest, precision: 4) + prefix
    }
}
