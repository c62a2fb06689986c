/// Names of metrics and labels, as Prometheus makes them of OTLP's.
///
/// - Source: OpenTelemetry "Prometheus and OpenMetrics Compatibility"; Prometheus 3 with its default
///   `translation_strategy: UnderscoreEscapingWithSuffixes`.
package enum OTLPNames {
    /// What a metric is, as far as its name shows it.
    package enum Kind: Hashable, Sendable {
        case gauge, counter, other
    }

    private static let units = [
        "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds",
        "us": "microseconds", "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes",
        "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes", "KBy": "kilobytes",
        "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes", "m": "meters", "V": "volts",
        "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz",
        "1": "", "%": "percent",
    ]
    private static let perUnits = [
        "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month",
        "y": "year",
    ]

    /// A metric's name: words joined by `_`, then its unit, then `total` or `ratio`; empty when nothing is left.
    package static func metric(_ name: String, unit: String, kind: Kind) -> String {
        var words = name.unicodeScalars.split { !isPlain($0) && $0 != ":" || $0 == "_" }.map(
            String.init
        )
        let (main, per) = suffixes(unit)
        for suffix in [main, per] where !suffix.isEmpty && !words.contains(suffix) {
            words.append(suffix)
        }
        if kind == .counter { words = words.filter { $0 != "total" } + ["total"] }
        if kind == .gauge, unit == "1" { words = words.filter { $0 != "ratio" } + ["ratio"] }
        let joined = words.joined(separator: "_")
        return startsWithDigit(joined) ? "_" + joined : joined
    }

    /// The unit in words, as metadata tells it.
    package static func unit(_ unit: String) -> String {
        let (main, per) = suffixes(unit)
        return [main, per].filter { !$0.isEmpty }.joined(separator: "_")
    }

    /// A label's name: what is no letter, digit or `_` becomes one; a digit in front gets `key_` before it.
    package static func label(_ name: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in name.unicodeScalars { result.append(isPlain(scalar) ? scalar : "_") }
        let label = String(result)
        if startsWithDigit(label) { return "key_" + label }
        return label.hasPrefix("_") && !label.hasPrefix("__") ? "key" + label : label
    }

    private static func suffixes(_ unit: String) -> (main: String, per: String) {
        let parts = unit.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            .map { part in String(part.filter { $0 != " " && $0 != "\t" }) }
        func isUsable(_ part: String) -> Bool {
            !part.isEmpty && !part.contains { $0 == "{" || $0 == "}" }
        }
        var main = ""
        if let first = parts.first, isUsable(first) { main = cleaned(units[first] ?? first) }
        guard parts.count > 1, isUsable(parts[1]) else { return (main, "") }
        let per = cleaned(perUnits[parts[1]] ?? parts[1])
        while main.hasSuffix("_") { main.removeLast() }
        return (main, per.isEmpty ? "" : "per_" + per)
    }

    /// Letters, digits and `:`, with one `_` for whatever is between them.
    private static func cleaned(_ unit: String) -> String {
        var result = ""
        for scalar in unit.unicodeScalars {
            if scalar != "_", isPlain(scalar) || scalar == ":" {
                result.unicodeScalars.append(scalar)
            } else if !result.hasSuffix("_") {
                result += "_"
            }
        }
        return result.hasPrefix("_") ? String(result.dropFirst()) : result
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": true
        default: scalar == "_"
        }
    }

    private static func startsWithDigit(_ text: String) -> Bool {
        text.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    }
}
