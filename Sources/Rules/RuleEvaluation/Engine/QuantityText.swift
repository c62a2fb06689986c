/// Values in words: a number with the unit a rule gives it.
package enum QuantityText {
    /// `612 ms`, `0.52 %`, `1.5 GiB`, `4/h`; a unit that is not known stands behind the number.
    ///
    /// - Parameters:
    ///   - value: In `unit`.
    ///   - unit: As rule files name it; nil for a plain number.
    /// - Returns: Text of about four digits that matter.
    package static func text(_ value: Double, unit: String?) -> String {
        guard value.isFinite else { return GoNumber.fixed(value) }
        return switch unit {
        case "s": time(value)
        case "ms": time(value / 1000)
        case "us": time(value / 1e6)
        case "ns": time(value / 1e9)
        case "min": time(value * 60)
        case "h": time(value * 3600)
        case "d": time(value * 86400)
        case "ratio": "\(number(value * 100)) %"
        case "percent": "\(number(value)) %"
        case "bytes": bytes(value)
        case "bytes_per_second": "\(bytes(value))/s"
        case "per_second": "\(number(value))/s"
        case "per_minute": "\(number(value))/min"
        case "per_hour": "\(number(value))/h"
        case "per_day": "\(number(value))/d"
        case "usd": value < 0 ? "-$\(number(-value))" : "$\(number(value))"
        case nil, "count", "": number(value)
        case let other?: "\(number(value)) \(other)"
        }
    }

    /// A change as a ratio: `+62 %`.
    package static func change(_ ratio: Double) -> String {
        guard ratio.isFinite else { return ratio < 0 ? "-Inf %" : "+Inf %" }
        return (ratio >= 0 ? "+" : "") + "\(number(ratio * 100)) %"
    }

    /// Four digits that matter, never an exponent for what a person reads as a number.
    private static func number(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case 1000..<1e15: GoNumber.fixed(value.rounded())
        case 1e-4..<1000: GoNumber.general(value, precision: 4)
        default: GoNumber.general(value, precision: 4)
        }
    }

    private static func time(_ seconds: Double) -> String {
        switch abs(seconds) {
        case 0: "0 s"
        case ..<1e-3: "\(number(seconds * 1e6)) us"
        case ..<1: "\(number(seconds * 1000)) ms"
        case ..<120: "\(number(seconds)) s"
        default: Humanize.duration(seconds)
        }
    }

    private static func bytes(_ value: Double) -> String {
        var rest = value
        var prefix = ""
        for next in ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] where abs(rest) >= 1024 {
            rest /= 1024
            prefix = next
        }
        return "\(number(rest)) \(prefix)B"
    }
}
