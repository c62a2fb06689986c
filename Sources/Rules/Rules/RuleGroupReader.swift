import Model
import Timekeeping
import YAML

/// Reads the groups of a rule file.
enum RuleGroupReader {
    static func groups(of root: MappingReader, file: String) -> [RuleGroup] {
        let groups = root.mappings("groups", "a rule group").compactMap {
            group(in: $0, file: file)
        }
        root.finish()
        return groups
    }

    private static func group(in map: MappingReader, file: String) -> RuleGroup? {
        let name = map.requiredString("name")
        let interval = map.duration("interval")
        let offset = map.duration("query_offset")
        let limit = map.integer("limit", in: 0 ... .max) ?? 0
        let labels = LabelMapReader.labels(in: map, "labels")
        let isEager = map.bool("eager") ?? false
        let rules = map.mappings("rules", "a rule").compactMap(PrometheusRuleReader.rule)
        let thresholds = map.mappings("thresholds", "a threshold").compactMap(
            ThresholdReader.threshold
        )
        let slos = map.mappings("slos", "an objective").compactMap(SLOReader.slo)
        map.finish()
        guard let name else { return nil }
        refuseDuplicates(rules: rules, thresholds: thresholds, map.problems)
        return RuleGroup(
            name: name,
            file: file,
            interval: interval == .zero ? nil : interval,
            queryOffset: offset,
            limit: limit,
            labels: labels,
            isEager: isEager,
            rules: rules,
            thresholds: thresholds,
            slos: slos,
            location: map.location
        )
    }

    /// A threshold's name is unique in its group; alerts may share one, as in Prometheus.
    private static func refuseDuplicates(
        rules: [Rule],
        thresholds: [ThresholdRule],
        _ problems: DiagnosticCollector
    ) {
        var lines: [String: Int] = [:]
        for case .alerting(let rule) in rules where lines[rule.alert] == nil {
            lines[rule.alert] = rule.location.line
        }
        for threshold in thresholds {
            if let line = lines[threshold.alert] {
                problems.report(
                    threshold.location,
                    "alert \"\(threshold.alert)\" is already defined at line \(line); "
                        + "rename one of them"
                )
            } else {
                lines[threshold.alert] = threshold.location.line
            }
        }
    }
}
