import APIModel
import Timekeeping

/// A query's answer as a person or a spreadsheet reads it.
struct QueryAnswer {
    struct Series {
        var labels: [String: String]
        var points: [InstantQueryPayload.PointValue]
    }

    var series: [Series]
    /// True when every series has one point at one time.
    private let isInstant: Bool

    init(_ result: InstantQueryPayload.Result) {
        switch result {
        case .point(let point):
            series = [Series(labels: [:], points: [point])]
            isInstant = true
        case .items(let items):
            isInstant = items.allSatisfy { $0.values == nil }
            series = items.map { item in
                Series(
                    labels: item.metric,
                    points: item.values ?? item.value.map { [$0] } ?? []
                )
            }
        }
    }

    /// Series with their values; over time one line a point below the series' name.
    func table(_ terminal: Terminal) -> String {
        guard isInstant else { return series.map { lines($0, terminal) }.joined(separator: "\n") }
        if series.count == 1, series[0].labels.isEmpty {
            return (series[0].points.first?.text ?? "") + "\n"
        }
        var table = TableText(header: ["SERIES", "VALUE"])
        for one in series {
            table.add([QueryAnswer.name(one.labels), one.points.first?.text ?? ""])
        }
        return table.text
    }

    private func lines(_ one: Series, _ terminal: Terminal) -> String {
        var text = terminal.colored(QueryAnswer.name(one.labels), .bold)
        if terminal.isInteractive {
            // The newest points, as many as fit beside each other.
            let values = one.points.suffix(60).map {
                Double($0.text).flatMap { $0.isFinite ? $0 : nil }
            }
            text += "  " + QueryAnswer.sparkline(values)
        }
        text += "\n"
        for point in one.points {
            text += "  \(QueryAnswer.time(point.seconds))  \(point.text)\n"
        }
        return text
    }

    /// The course of values between the least and the greatest.
    private static func sparkline(_ values: [Double?]) -> String {
        let known = values.compactMap { $0 }
        guard let low = known.min(), let high = known.max() else { return "" }
        return BudgetTable.sparkline(values.map { $0.map { high > low ? $0 - low : 0 } })
    }

    /// One line a point: a column for each label there is, then `timestamp` and `value`; RFC 4180.
    var csv: String {
        let names = Set(series.flatMap(\.labels.keys)).sorted()
        var text = QueryAnswer.record(names + ["timestamp", "value"])
        for one in series {
            let labels = names.map { one.labels[$0] ?? "" }
            for point in one.points {
                text += QueryAnswer.record(labels + [QueryAnswer.time(point.seconds), point.text])
            }
        }
        return text
    }

    private static func record(_ fields: [String]) -> String {
        fields.map { field in
            field.unicodeScalars.contains { "\",\r\n".unicodeScalars.contains($0) }
                ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
        }.joined(separator: ",") + "\r\n"
    }

    private static func time(_ seconds: Double) -> String { Timestamp(seconds: seconds).rfc3339 }

    /// `up{job="api"}`, or `{}` for a series without labels.
    static func name(_ labels: [String: String]) -> String {
        let name = labels["__name__"] ?? ""
        let pairs = labels.filter { $0.key != "__name__" }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(quoted($0.value))" }
        return pairs.isEmpty && !name.isEmpty
            ? name : "\(name){\(pairs.joined(separator: ", "))}"
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(plain.replacing("\n", with: "\\n"))\""
    }
}
