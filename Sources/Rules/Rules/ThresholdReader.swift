import Model
import Timekeeping
import YAML

/// Reads one entry of `thresholds`.
struct ThresholdReader {
    private let map: MappingReader
    private let alert: String

    static func threshold(in map: MappingReader) -> ThresholdRule? {
        ThresholdReader(map: map, alert: map.requiredString("alert") ?? "").read()
    }

    private func read() -> ThresholdRule? {
        let expr = ExpressionReader(problems: map.problems)
            .expression(in: map, "expr", judged: true)
        let unit = readUnit()
        let reference = readReference()
        let text = ThresholdText(unit: unit, isRelative: map.has("relative_to"))
        let warn = condition("warn", text)
        let crit = condition("crit", text)
        let clear = condition("clear", text)
        checkOrder(warn: warn, crit: crit, clear: clear)
        let priorities = readPriorities()
        let rule = ThresholdRule(
            alert: alert,
            expr: expr ?? RuleExpression(text: "", location: map.location),
            unit: unit?.name,
            warn: warn,
            crit: crit,
            relativeTo: reference,
            hold: map.duration("for") ?? .zero,
            clear: clear,
            datapoints: readDatapoints(),
            missing: map.choice("missing") ?? .hold,
            warnPriority: priorities.warn,
            critPriority: priorities.crit,
            labels: LabelMapReader.labels(in: map, "labels"),
            annotations: LabelMapReader.annotations(in: map),
            action: map.string("action"),
            runbook: map.string("runbook"),
            location: map.location
        )
        map.finish()
        return expr == nil || alert.isEmpty ? nil : rule
    }

    private func readUnit() -> MeasurementUnit? {
        map.choice("unit", among: MeasurementUnit.named.map { ($0.name, $0) })
    }

    private func readReference() -> ThresholdRule.Reference? {
        guard let inner = map.mapping("relative_to", "relative_to") else { return nil }
        let longest = Duration.seconds(90 * 86400)
        let shortest = Duration.seconds(1)
        let offset = inner.required("offset").flatMap { _ in
            inner.duration("offset", in: shortest...longest)
        }
        let window = inner.required("window").flatMap { _ in
            inner.duration("window", in: shortest...longest)
        }
        inner.finish()
        guard let offset, let window else { return nil }
        return ThresholdRule.Reference(offset: offset, window: window)
    }

    private func condition(_ key: String, _ text: ThresholdText) -> ThresholdCondition? {
        guard let written = map.string(key) else { return nil }
        do {
            return try text.condition(written, isClear: key == "clear")
        } catch {
            map.report(key, "\(key): \(error.message)")
            return nil
        }
    }

    private func checkOrder(
        warn: ThresholdCondition?,
        crit: ThresholdCondition?,
        clear: ThresholdCondition?
    ) {
        if !map.has("warn"), !map.has("crit") {
            map.problems.report(
                map.location,
                "threshold \"\(alert)\" has neither warn nor crit; add one of them"
            )
        }
        if let warn, let crit, !crit.isBeyond(warn) {
            map.report(
                "crit",
                "crit \"\(crit.text)\" is not beyond warn \"\(warn.text)\"; every crit value must be "
                    + "a warn value too"
            )
        }
        guard let clear else { return }
        for (name, level) in [("warn", warn), ("crit", crit)] {
            guard let level, clear.overlaps(level) else { continue }
            map.report(
                "clear",
                "clear \"\(clear.text)\" meets \(name) \"\(level.text)\"; it must lie on the OK side, "
                    + "such as \"\(opposite(of: level))\""
            )
            return
        }
    }

    /// The text of the condition that is met when `level` is not.
    private func opposite(of level: ThresholdCondition) -> String {
        let sign: ThresholdCondition.Comparison =
            switch level.comparison {
            case .greater: .lessOrEqual
            case .greaterOrEqual: .less
            case .less: .greaterOrEqual
            case .lessOrEqual: .greater
            case .equal: .notEqual
            case .notEqual: .equal
            }
        let quantity =
            level.text.hasPrefix(level.comparison.rawValue)
            ? level.text.dropFirst(level.comparison.rawValue.count) : level.text[...]
        return "\(sign.rawValue) \(quantity.drop { $0 == " " })"
    }

    /// How many of how many: `3 of 5`.
    private func readDatapoints() -> ThresholdRule.Datapoints? {
        map.parsed("datapoints", "\"N of M\" with 1 <= N <= M <= 100, such as \"3 of 5\"") { text in
            let words = text.split(separator: " ")
            guard words.count == 3, words[1] == "of", let needed = Int(words[0]),
                let of = Int(words[2]), (1...100).contains(of), (1...of).contains(needed)
            else { return nil }
            return ThresholdRule.Datapoints(needed: needed, of: of)
        }
    }

    /// One priority for both levels, or `{warn, crit}`.
    private func readPriorities() -> (warn: Priority, crit: Priority) {
        let named = Priority.allCases.map { ($0.description, $0) }
        if let node = map.node("priority"), node.entries == nil {
            let both = map.choice("priority", among: named) ?? .p3
            return (both, both)
        }
        guard let inner = map.mapping("priority", "priority") else { return (.p3, .p2) }
        let warn = inner.choice("warn", among: named) ?? .p3
        let crit = inner.choice("crit", among: named) ?? .p2
        inner.finish()
        if crit > warn {
            map.report(
                "priority",
                "priority of crit (\(crit)) is less urgent than of warn (\(warn)); swap them"
            )
        }
        return (warn, crit)
    }
}
