import Model
import Timekeeping
import YAML

/// Reads one Prometheus rule: `record` or `alert`.
enum PrometheusRuleReader {
    static func rule(in map: MappingReader) -> Rule? {
        let record = map.string("record") ?? ""
        let alert = map.string("alert") ?? ""
        let expr = ExpressionReader(problems: map.problems).expression(in: map, "expr")
        let hold = map.duration("for")
        let keepFiringFor = map.duration("keep_firing_for")
        let labels = LabelMapReader.labels(in: map, "labels")
        let annotations = LabelMapReader.annotations(in: map)
        map.finish()
        switch (record.isEmpty, alert.isEmpty) {
        case (true, true):
            map.problems.report(
                map.location,
                "a rule needs \"record\" or \"alert\"; add the one that it is"
            )
            return nil
        case (false, false):
            map.problems.report(
                map.keyLocation("record"),
                "a rule has either \"record\" or \"alert\", not both; split it into two rules"
            )
            return nil
        case (false, true):
            refuseAlertKeys(map)
            if record.contains(where: { $0 == "{" || $0 == "}" }) {
                map.report(
                    "record",
                    "\"\(record)\" is no metric name: it has braces; put the selector into expr "
                        + "and labels into labels:"
                )
            }
            return expr.map {
                .recording(
                    RecordingRule(record: record, expr: $0, labels: labels, location: map.location)
                )
            }
        case (true, false):
            return expr.map {
                .alerting(
                    AlertingRule(
                        alert: alert,
                        expr: $0,
                        hold: hold ?? .zero,
                        keepFiringFor: keepFiringFor ?? .zero,
                        labels: labels,
                        annotations: annotations,
                        location: map.location
                    )
                )
            }
        }
    }

    private static func refuseAlertKeys(_ map: MappingReader) {
        for key in ["for", "keep_firing_for", "annotations"] where map.has(key) {
            map.problems.report(
                map.keyLocation(key),
                "\"\(key)\" has no meaning in a recording rule; remove it, or use alert instead of record"
            )
        }
    }
}
