package import YAML

extension RelabelRule {
    /// Reads the list of rules under a key, such as `metric_relabel_configs`; problems are reported.
    package static func list(_ key: String, of map: MappingReader) -> [RelabelRule] {
        map.mappings(key, "a rule of \(key)").compactMap(read)
    }

    private static func read(_ map: MappingReader) -> RelabelRule? {
        var rule = Definition()
        rule.sourceLabels = map.strings("source_labels")
        rule.separator = map.string("separator") ?? rule.separator
        // A regex that is given empty matches only what is empty.
        rule.regex = map.string("regex") ?? rule.regex
        rule.modulus = UInt64(map.integer("modulus", in: 0 ... .max) ?? 0)
        rule.targetLabel = map.string("target_label") ?? ""
        rule.replacement = map.string("replacement") ?? rule.replacement
        let action = map.parsed(
            "action",
            "one of \(Action.allCases.map(\.rawValue).joined(separator: ", "))"
        ) { Action(rawValue: $0.lowercased()) }
        map.finish()
        guard action != nil || !map.has("action") else { return nil }
        rule.action = action ?? rule.action
        do {
            return try RelabelRule(rule)
        } catch {
            map.problems.report(map.location, error.reason)
            return nil
        }
    }
}
