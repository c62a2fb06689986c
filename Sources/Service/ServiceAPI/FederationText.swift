import Model
import PromQLSyntax
import Timekeeping

/// Samples of the rings in the text format that a Prometheus scrapes from `/federate`.
enum FederationText {
    /// One line a series, grouped by metric, types unknown to the rings.
    static func text(_ samples: [LabelSet: Sample]) -> String {
        var text = ""
        var last = ""
        let sorted = samples.sorted { left, right in
            left.key.name == right.key.name
                ? left.key < right.key
                : left.key.name.utf8.lexicographicallyPrecedes(right.key.name.utf8)
        }
        for (labels, sample) in sorted {
            let name = labels.name
            if name != last {
                text += "# TYPE \(isMetricName(name) ? name : quoted(name)) untyped\n"
                last = name
            }
            let pairs = labels.labels.filter { $0.name != LabelSet.metricName }
                .map { "\(isPlain($0.name) ? $0.name : quoted($0.name))=\(quoted($0.value))" }
            let isBare = isMetricName(name)
            let inside = (isBare ? [] : [quoted(name)]) + pairs
            text += isBare ? name : ""
            if !inside.isEmpty { text += "{\(inside.joined(separator: ","))}" }
            text += " \(SampleText.value(sample.value)) \(sample.timestamp.milliseconds)\n"
        }
        return text
    }

    /// Quoted as the format has it: three escapes, all else as it is.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"": result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Names that are no identifiers stand in quotes, as in Prometheus 3.
    private static func isMetricName(_ name: String) -> Bool {
        isPlain(name.replacing(":", with: "_"))
    }

    private static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, !isDigit(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                true
            default: isDigit(byte)
            }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
