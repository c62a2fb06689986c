package import Model

/// Counts over the labels of all series, for `/api/v1/status/tsdb`.
package struct SeriesCensus: Sendable {
    /// A name and a count.
    struct Row: Hashable {
        var name: String
        var count: Int
    }

    private(set) var valuesByLabel: [Row] = []
    private(set) var bytesByLabel: [Row] = []
    private(set) var seriesByPair: [Row] = []

    /// - Parameter series: The labels of every series, each once.
    package init(_ series: [LabelSet]) {
        var pairs: [Label: Int] = [:]
        for labels in series {
            for label in labels.labels { pairs[label, default: 0] += 1 }
        }
        var values: [ByteText: Int] = [:]
        var bytes: [ByteText: Int] = [:]
        for (label, _) in pairs {
            values[ByteText(label.name), default: 0] += 1
            bytes[ByteText(label.name), default: 0] += label.value.utf8.count
        }
        valuesByLabel = SeriesCensus.sorted(values.map { Row(name: $0.key.text, count: $0.value) })
        bytesByLabel = SeriesCensus.sorted(bytes.map { Row(name: $0.key.text, count: $0.value) })
        seriesByPair = SeriesCensus.sorted(
            pairs.map { Row(name: "\($0.key.name)=\($0.key.value)", count: $0.value) }
        )
    }

    private static func sorted(_ rows: [Row]) -> [Row] {
        rows.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }
}
