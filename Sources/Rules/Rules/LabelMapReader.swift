import Model
import YAML

/// Reads label and annotation mappings, whose names Prometheus checks.
enum LabelMapReader {
    /// Labels to put on series and alerts; `__name__` is not among them.
    static func labels(in map: MappingReader, _ key: String) -> [String: String] {
        check(map, key, "label")
        if let node = map.node(key)?.entries?.first(where: { $0.key.text == LabelSet.metricName }) {
            map.problems.report(
                node.key.location,
                "label \"__name__\" cannot be set here; the metric name comes from the rule"
            )
        }
        return map.stringMap(key)
    }

    static func annotations(in map: MappingReader) -> [String: String] {
        check(map, "annotations", "annotation")
        return map.stringMap("annotations")
    }

    /// Names may be any text but the empty one, as in Prometheus 3.
    private static func check(_ map: MappingReader, _ key: String, _ what: String) {
        for entry in map.node(key)?.entries ?? [] where entry.key.text?.isEmpty == true {
            map.problems.report(
                entry.key.location,
                "the \(what) has no name; give it one or remove it"
            )
        }
    }
}
