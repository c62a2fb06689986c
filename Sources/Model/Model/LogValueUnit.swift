/// What the numbers of a log field count, so that the metric is in Prometheus's base unit: seconds, bytes, a ratio.
package enum LogValueUnit: String, Hashable, Sendable, CaseIterable {
    case nanoseconds = "ns"
    case microseconds = "us"
    case milliseconds = "ms"
    case seconds = "s"
    case minutes = "m"
    case hours = "h"
    /// A text with its units in it, such as `1.5ms` or `1m30s`; a bare number is seconds.
    case duration
    case bytes = "B"
    case kilobytes = "kB"
    case megabytes = "MB"
    case gigabytes = "GB"
    case kibibytes = "KiB"
    case mebibytes = "MiB"
    case gibibytes = "GiB"
    /// A text with its unit in it, such as `12KiB` or `1.5 MB`; a bare number is bytes.
    case size
    /// `12.5` or `12.5%` becomes 0.125.
    case percent

    /// The value in the base unit; nil when it is no such quantity.
    package func convert(_ value: LogValue) -> Double? {
        switch self {
        case .nanoseconds: value.numeric.map { $0 / 1e9 }
        case .microseconds: value.numeric.map { $0 / 1e6 }
        case .milliseconds: value.numeric.map { $0 / 1e3 }
        case .seconds, .bytes: value.numeric
        case .minutes: value.numeric.map { $0 * 60 }
        case .hours: value.numeric.map { $0 * 3600 }
        case .kilobytes: value.numeric.map { $0 * 1e3 }
        case .megabytes: value.numeric.map { $0 * 1e6 }
        case .gigabytes: value.numeric.map { $0 * 1e9 }
        case .kibibytes: value.numeric.map { $0 * 1024 }
        case .mebibytes: value.numeric.map { $0 * 1_048_576 }
        case .gibibytes: value.numeric.map { $0 * 1_073_741_824 }
        case .duration: value.numeric ?? LogValueUnit.duration(value.text)
        case .size: value.numeric ?? LogValueUnit.size(value.text)
        case .percent:
            (value.numeric ?? LogValueUnit.number(value.text, before: "%")).map { $0 / 100 }
        }
    }

    /// Go's durations (`1h2m3.5s`, `250µs`), and one number with a unit behind a space (`12 ms`).
    private static func duration(_ text: String) -> Double? {
        let units: [(String, Double)] = [
            ("ns", 1e9), ("us", 1e6), ("µs", 1e6), ("μs", 1e6), ("ms", 1e3),
        ]
        let wholes: [(String, Double)] = [
            ("s", 1), ("sec", 1), ("m", 60), ("min", 60), ("h", 3600), ("d", 86400),
        ]
        var rest = text[...]
        var total = 0.0
        let isNegative = rest.first == "-"
        if isNegative { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
            let unit = rest.prefix { !$0.isNumber && $0 != "." && $0 != " " }
            if let divisor = units.first(where: { $0.0 == unit })?.1 {
                total += number / divisor
            } else if let factor = wholes.first(where: { $0.0 == unit })?.1 {
                total += number * factor
            } else {
                return nil
            }
            rest = rest.dropFirst(unit.count).drop { $0 == " " }
        }
        return isNegative ? -total : total
    }

    private static func size(_ text: String) -> Double? {
        let units: [(String, Double)] = [
            ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824), ("tib", 1_099_511_627_776),
            ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("k", 1024), ("m", 1_048_576),
            ("g", 1_073_741_824), ("b", 1),
        ]
        let text = text.lowercased()
        for (unit, factor) in units {
            if let number = number(text, before: unit) { return number * factor }
        }
        return nil
    }

    private static func number(_ text: String, before suffix: String) -> Double? {
        guard text.hasSuffix(suffix) else { return nil }
        var digits = text.dropLast(suffix.count)
        while digits.last == " " { digits.removeLast() }
        return Double(digits)
    }
}
