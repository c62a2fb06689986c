import Matching
import Model
import YAML

/// Reads what becomes of a field on its way into a label: `{field: status, as: class}` and the like.
struct LogLabelReader {
    let map: MappingReader

    private enum Form: String, CaseIterable {
        case `class`, route
    }

    /// Values in a table of a label at most.
    static let entriesMax = 200

    /// The label's source; nil when something is wrong, which is reported.
    func source(of label: String) -> LogMetricDefinition.LabelSource? {
        defer { map.finish() }
        if let template = map.string("template") {
            for key in ["field", "as", "routes", "map", "other"] where map.has(key) {
                map.report(key, "\"\(key)\" does not go with \"template\"; use one of them")
            }
            return LogMetricDefinition.LabelSource(
                label: label,
                field: template,
                mapping: .template
            )
        }
        guard let field = map.requiredString("field") else { return nil }
        let form: Form? = map.choice("as")
        let patterns = map.strings("routes")
        let table = table()
        let other = map.string("other")
        guard [map.has("as"), map.has("routes"), map.has("map")].count(where: \.self) <= 1 else {
            map.problems.report(
                map.location,
                "a label has one of \"as\", \"routes\" and \"map\"; choose one"
            )
            return nil
        }
        for pattern in patterns where !pattern.hasPrefix("/") {
            map.report("routes", "route \"\(pattern)\" must begin with /, such as /orders/{id}")
        }
        let mapping: LogMetricDefinition.Mapping =
            if map.has("routes") {
                .route(patterns: patterns, other: other ?? "other")
            } else if map.has("map") {
                .table(table, other: other)
            } else {
                switch form {
                case nil: LogMetricDefinition.Mapping.none
                case .class: .statusClass
                case .route: .route(patterns: [], other: "")
                }
            }
        if map.has("other"), !map.has("routes"), !map.has("map") {
            map.report("other", "\"other\" goes with \"routes\" or \"map\"; remove it")
        }
        return LogMetricDefinition.LabelSource(label: label, field: field, mapping: mapping)
    }

    private func table() -> [LogMetricDefinition.Mapping.Entry] {
        guard let node = map.node("map") else { return [] }
        guard let entries = node.entries, entries.count <= LogLabelReader.entriesMax else {
            map.report(
                "map",
                "\"map\" must be up to \(LogLabelReader.entriesMax) entries value: label"
            )
            return []
        }
        return entries.compactMap { entry in
            guard let value = entry.key.text, let label = entry.value.text else {
                map.problems.report(
                    entry.value.location,
                    "an entry of \"map\" must be value: label, not \(entry.value.inWords)"
                )
                return nil
            }
            if value.count > 2, value.hasPrefix("/"), value.hasSuffix("/") {
                do {
                    _ = try Pattern(String(value.dropFirst().dropLast()))
                } catch {
                    map.problems.report(entry.key.location, "\(error)")
                }
            }
            return LogMetricDefinition.Mapping.Entry(value: value, label: label)
        }
    }
}
