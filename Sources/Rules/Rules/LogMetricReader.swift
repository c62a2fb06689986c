import Matching
import Model
import YAML

/// Reads the entries of `log_metrics`.
struct LogMetricReader {
    private let map: MappingReader

    /// Upper bounds of a histogram that names none, in the unit of its field: Prometheus's defaults.
    static let defaultBounds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    static let boundsMax = 64

    static func logMetrics(of root: MappingReader) -> [LogMetricDefinition] {
        root.mappings("log_metrics", "a log metric").compactMap { LogMetricReader(map: $0).read() }
    }

    private func read() -> LogMetricDefinition? {
        let name = map.requiredString("name")
        if let name, !LogMetricReader.isMetricName(name) {
            map.report(
                "name",
                "\"\(name)\" is no metric name; use letters, digits, \"_\" and \":\", no digit first"
            )
        }
        let from = map.stringMap("from")
        let parser = readParser()
        let field = map.string("field")
        let conditions = readConditions()
        let labels = readLabels()
        let kind = readKind(labels)
        let unit = readUnit()
        let seriesMax = map.integer("max_series", in: 1...1_000_000) ?? 1000
        let usesEventTime =
            map.choice("time", among: [("event", true), ("arrival", false)]) ?? false
        map.finish()
        guard let name, let kind, let parser else { return nil }
        return LogMetricDefinition(
            name: name,
            from: from,
            parser: parser,
            parseField: field,
            conditions: conditions,
            labels: labels,
            kind: kind,
            unit: unit,
            seriesMax: seriesMax,
            usesEventTime: usesEventTime,
            location: map.location
        )
    }

    /// `json`, `logfmt`, `combined`, `none`, or `{regex: '...'}`.
    private func readParser() -> LogMetricDefinition.Parser? {
        guard let node = map.node("parse") else { return LogMetricDefinition.Parser.none }
        guard node.entries != nil else {
            return map.choice(
                "parse",
                among: [
                    ("json", .json), ("logfmt", .logfmt), ("combined", .combined),
                    ("none", LogMetricDefinition.Parser.none),
                ]
            )
        }
        guard let inner = map.mapping("parse", "parse") else { return nil }
        let text = inner.requiredString("regex")
        inner.finish()
        guard let text else { return nil }
        do {
            let pattern = try Pattern(text)
            guard (1...max(1, pattern.groupCount)).contains(where: { pattern.groupName($0) != nil })
            else {
                inner.report(
                    "regex",
                    "the expression has no named group, so it gives no field; write (?P<name>...)"
                )
                return nil
            }
        } catch {
            inner.report("regex", "\(error)")
            return nil
        }
        return .regex(text)
    }

    private func readConditions() -> [LogMetricDefinition.Condition] {
        guard let text = map.string("where"), let node = map.node("where") else { return [] }
        return LogMetricReader.conditions(text, at: node.location, "where", map.problems)
    }

    /// `[status, method]`, or `{label: field}` when the names differ, or `{label: {field: , as: class}}`.
    private func readLabels() -> [LogMetricDefinition.LabelSource] {
        guard let node = map.node("labels") else { return [] }
        var sources: [(source: LogMetricDefinition.LabelSource, location: SourceLocation)] = []
        if let entries = node.entries {
            for entry in entries {
                guard let label = entry.key.text else { continue }
                if let field = entry.value.text, !entry.value.isNull {
                    sources.append(
                        (
                            LogMetricDefinition.LabelSource(label: label, field: field),
                            entry.key.location
                        )
                    )
                } else {
                    let inner = MappingReader(entry.value, "label \"\(label)\"", map.problems)
                    guard let source = LogLabelReader(map: inner).source(of: label) else {
                        continue
                    }
                    sources.append((source, entry.key.location))
                }
            }
        } else {
            sources = map.strings("labels").map {
                (LogMetricDefinition.LabelSource(label: $0, field: $0), node.location)
            }
        }
        var seen: Set<String> = []
        for (source, location) in sources {
            if !LogMetricReader.isLabelName(source.label) {
                map.problems.report(
                    location,
                    "\"\(source.label)\" is no label name; use letters, digits and \"_\", no digit "
                        + "first: labels: {name: \(source.label)}"
                )
            } else if !seen.insert(source.label).inserted {
                map.problems.report(
                    location,
                    "label \"\(source.label)\" is listed twice; remove one of them"
                )
            }
        }
        return sources.map(\.source)
    }

    /// What the values count; only where there are values.
    private func readUnit() -> LogValueUnit? {
        guard map.has("unit") else { return nil }
        guard map.has("value") else {
            map.report(
                "unit",
                "a unit is of the numbers under \"value\"; name their field, or remove it"
            )
            return nil
        }
        return map.choice("unit")
    }

    private func readKind(
        _ labels: [LogMetricDefinition.LabelSource]
    ) -> LogMetricDefinition.Kind? {
        enum Kind: String, CaseIterable { case counter, histogram, gauge }
        let kind = map.has("type") ? map.choice("type", Kind.self) : .counter
        let value = map.string("value")
        if kind != .histogram, map.has("buckets") {
            map.problems.report(
                map.keyLocation("buckets"),
                "\"buckets\" belongs to a histogram; remove it or write type: histogram"
            )
        }
        switch kind {
        case nil: return nil
        case .counter: return .counter(value: value)
        case .histogram:
            if labels.contains(where: { $0.label == "le" }) {
                map.report("labels", "label \"le\" is the histogram's own; choose another name")
            }
            let bounds = readBounds()
            return map.requiredString("value").map { .histogram(value: $0, bounds: bounds) }
        case .gauge: return map.requiredString("value").map { .gauge(value: $0) }
        }
    }

    private func readBounds() -> [Double] {
        guard let node = map.node("buckets") else { return LogMetricReader.defaultBounds }
        let bounds = map.list("buckets").compactMap { item -> Double? in
            guard let bound = item.text.flatMap({ Double($0) }), bound.isFinite else {
                map.problems.report(
                    item.location,
                    "a bucket must be a number, not \(item.inWords); +Inf is added by itself"
                )
                return nil
            }
            return bound
        }
        guard !bounds.isEmpty, bounds.count <= LogMetricReader.boundsMax,
            zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            map.problems.report(
                node.location,
                "\"buckets\" must be 1 to \(LogMetricReader.boundsMax) rising numbers"
            )
            return LogMetricReader.defaultBounds
        }
        return bounds
    }

    /// The conditions in a text; empty, with a report, when it is none.
    static func conditions(
        _ text: String,
        at location: SourceLocation,
        _ key: String,
        _ problems: DiagnosticCollector
    ) -> [LogMetricDefinition.Condition] {
        do {
            return try LogConditionText.conditions(in: text)
        } catch {
            problems.report(location, "\(key): \(error.message)")
            return []
        }
    }

    private static func isMetricName(_ text: String) -> Bool {
        isLabelName(text.replacing(":", with: "_"))
    }

    private static func isLabelName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !("0"..."9").contains(Unicode.Scalar(first)) else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
