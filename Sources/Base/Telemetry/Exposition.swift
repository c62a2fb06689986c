/// The text formats a scraper may ask for.
package enum ExpositionFormat: Sendable {
    /// Prometheus text format 0.0.4.
    case text
    /// OpenMetrics 1.0.0.
    case openMetrics

    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The best format for an Accept header; text when nothing known is asked for.
    package init(accept: String?) {
        var best = ExpositionFormat.text
        var bestQuality = 0.0
        for offer in (accept ?? "").split(separator: ",") {
            let parts = offer.split(separator: ";").map { part in
                String(part.filter { !$0.isWhitespace }).lowercased()
            }
            guard let type = parts.first else { continue }
            let weight = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            let quality = weight ?? 1
            let version = parts.first { $0.hasPrefix("version=") }?.dropFirst(8)
            let found: ExpositionFormat?
            switch type {
            case "application/openmetrics-text":
                found =
                    version == nil || version == "1.0.0" || version == "0.0.1" ? .openMetrics : nil
            case "text/plain", "text/*", "*/*": found = .text
            default: found = nil
            }
            if let found, quality > bestQuality {
                best = found
                bestQuality = quality
            }
        }
        self = best
    }
}

/// Writes metric families as text, one format at a time.
struct ExpositionWriter {
    private let format: ExpositionFormat
    private var text = ""

    init(format: ExpositionFormat) {
        self.format = format
    }

    mutating func header(_ name: String, help: String, kind: MetricKind) {
        let family = format == .text && kind == .counter ? name + "_total" : name
        text += "# HELP \(family) \(escaped(help, quotes: format == .openMetrics))\n"
        text += "# TYPE \(family) \(kind.rawValue)\n"
    }

    mutating func sample(
        _ name: String,
        _ kind: MetricKind,
        _ labels: [(name: String, value: String)],
        _ value: Double
    ) {
        line(kind == .counter ? name + "_total" : name, labels, value)
    }

    mutating func histogram(
        _ name: String,
        _ labels: [(name: String, value: String)],
        _ histogram: Histogram
    ) {
        let (cumulative, sum) = histogram.snapshot
        let bounds = histogram.bounds.map { number($0) } + ["+Inf"]
        for (bound, count) in zip(bounds, cumulative) {
            line(name + "_bucket", labels + [("le", bound)], Double(count))
        }
        line(name + "_sum", labels, sum)
        line(name + "_count", labels, Double(cumulative.last ?? 0))
    }

    consuming func finished() -> String {
        format == .openMetrics ? text + "# EOF\n" : text
    }

    private mutating func line(
        _ name: String,
        _ labels: [(name: String, value: String)],
        _ value: Double
    ) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(number(value))\n"
    }

    /// OpenMetrics wants `1.0` where the older text prints `1`.
    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        guard value == value.rounded(), abs(value) < 1e15 else { return "\(value)" }
        return format == .openMetrics ? "\(Int64(value)).0" : "\(Int64(value))"
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
