import Buffers
import Matching
import Model
import Timekeeping
import YAML

/// Reads the entries of `log_rules`.
struct LogRuleReader {
    private let map: MappingReader

    private enum KindName: String, CaseIterable {
        case any, frequency, spike, flatline, change, blacklist, whitelist
        case newTerm = "new_term"
        case cardinality
        case metricAggregation = "metric_aggregation"
        case spikeAggregation = "spike_aggregation"
        case percentageMatch = "percentage_match"
    }

    private static let longest = Duration.seconds(90 * 86400)
    /// Entries of a black or white list, files included.
    static let entriesMax = 100_000

    static func logRules(of root: MappingReader) -> [LogRuleDefinition] {
        root.mappings("log_rules", "a log rule").compactMap { LogRuleReader(map: $0).read() }
    }

    private func read() -> LogRuleDefinition? {
        let name = map.requiredString("alert")
        let kindName: KindName? = map.required("type") == nil ? nil : map.choice("type")
        let needsTimeframe =
            switch kindName {
            case .frequency, .spike, .flatline, .cardinality, .metricAggregation, .spikeAggregation,
                .percentageMatch:
                true
            case nil, .any, .change, .blacklist, .whitelist, .newTerm: false
            }
        if needsTimeframe { _ = map.required("timeframe") }
        let timeframe =
            map.duration("timeframe", in: .seconds(1)...LogRuleReader.longest) ?? .zero
        let kind = kindName.flatMap(readKind)
        let every = map.duration("every", in: .seconds(1) ... .seconds(86400))
        let labels = LabelMapReader.labels(in: map, "labels")
        var definition = LogRuleDefinition(
            name: name ?? "",
            kind: kind ?? .any,
            filter: filter(),
            timeframe: timeframe,
            keys: map.strings("key"),
            labels: labels,
            annotations: LabelMapReader.annotations(in: map),
            action: map.string("action"),
            runbook: map.string("runbook"),
            location: map.location
        )
        // Windows are looked at sixty times at most, and once a minute at least.
        let sixtieth = Duration.milliseconds(max(1000, timeframe.milliseconds / 60_000 * 1000))
        definition.every = every ?? (needsTimeframe ? min(sixtieth, .seconds(60)) : .seconds(60))
        if needsTimeframe, let every, every > timeframe, timeframe > .zero {
            map.report("every", "\"every\" is longer than \"timeframe\"; shorten it")
        }
        definition.lateness =
            map.duration("late", in: .zero ... .seconds(86400)) ?? .seconds(30)
        definition.resolveAfter =
            map.duration("resolve_after", in: .seconds(1)...LogRuleReader.longest)
            ?? max(.seconds(300), timeframe)
        definition.priority =
            map.choice("priority", among: Priority.allCases.map { ($0.description, $0) }) ?? .p3
        map.finish()
        return name == nil || kind == nil ? nil : definition
    }

    /// `from` and `where` together.
    private func filter() -> LogFilter {
        var parts = map.stringMap("from").sorted { $0.key < $1.key }.map { field, value in
            LogFilter.oneOf(field: field, values: [value])
        }
        if let text = map.string("where") {
            if let filter = filter(text, "where", map) { parts.append(filter) }
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private func filter(_ text: String, _ key: String, _ map: MappingReader) -> LogFilter? {
        do {
            return try LogFilterText.filter(in: text)
        } catch {
            map.report(key, "\(key): \(error.message)")
            return nil
        }
    }

    // MARK: Kinds

    private func readKind(_ name: KindName) -> LogRuleDefinition.Kind? {
        switch name {
        case .any: return .any
        case .frequency:
            _ = map.required("num_events")
            return map.integer("num_events", in: 1...10_000_000).map { .frequency(events: $0) }
        case .spike:
            let field = map.string("field")
            return readSpike().map { .spike($0, field: field) }
        case .flatline:
            _ = map.required("threshold")
            let forgets = map.bool("forget_keys") ?? false
            return map.integer("threshold", in: 1...10_000_000).map {
                .flatline(threshold: $0, forgetsKeys: forgets)
            }
        case .change:
            _ = map.required("fields")
            let ignoresNull = map.bool("ignore_null") ?? false
            let fields = map.strings("fields")
            return fields.isEmpty ? nil : .change(fields: fields, ignoresNull: ignoresNull)
        case .blacklist:
            let values = readList()
            return map.requiredString("field").map { .blacklist(field: $0, values: values) }
        case .whitelist:
            let values = readList()
            let ignoresNull = map.bool("ignore_null") ?? false
            return map.requiredString("field").map {
                .whitelist(field: $0, values: values, ignoresNull: ignoresNull)
            }
        case .newTerm: return readNewTerm()
        case .cardinality:
            let most = map.integer("max", in: 0...1_000_000)
            let least = map.integer("min", in: 0...1_000_000)
            requireOne(most == nil && least == nil)
            return map.requiredString("field").map {
                .cardinality(field: $0, max: most, min: least)
            }
        case .metricAggregation:
            let (most, least) = readBounds()
            let aggregation = readAggregation()
            return map.requiredString("field").flatMap { field in
                aggregation.map { .metricAggregation(field: field, $0, max: most, min: least) }
            }
        case .spikeAggregation:
            let aggregation = readAggregation()
            let spike = readSpike()
            guard let field = map.requiredString("field"), let aggregation, let spike else {
                return nil
            }
            return .spikeAggregation(field: field, aggregation, spike)
        case .percentageMatch:
            let (most, least) = readBounds()
            let denominator = map.integer("min_denominator", in: 0...1_000_000_000) ?? 0
            guard let text = map.requiredString("match"), let match = filter(text, "match", map)
            else { return nil }
            return .percentageMatch(
                match: match,
                max: most,
                min: least,
                denominatorMin: denominator
            )
        }
    }

    private func requireOne(_ isMissing: Bool) {
        guard isMissing else { return }
        map.problems.report(
            map.location,
            "\(map.what) of this type needs \"max\" or \"min\"; add one"
        )
    }

    private func readBounds() -> (max: Double?, min: Double?) {
        let bounds = (map.number("max"), map.number("min"))
        requireOne(bounds.0 == nil && bounds.1 == nil)
        return bounds
    }

    private func readSpike() -> LogRuleDefinition.Spike? {
        _ = map.required("spike_height")
        let height = map.number("spike_height", in: 1...1e9)
        let direction: LogRuleDefinition.Direction =
            map.choice("spike_type") ?? .both
        let spike = height.map {
            LogRuleDefinition.Spike(
                height: $0,
                direction: direction,
                referenceMin: map.number("threshold_ref", in: 0...1e15) ?? 0,
                currentMin: map.number("threshold_cur", in: 0...1e15) ?? 0,
                alertsOnNewKeys: map.bool("alert_on_new_data") ?? false
            )
        }
        for key in ["threshold_ref", "threshold_cur", "alert_on_new_data"] { _ = map.node(key) }
        return spike
    }

    private func readAggregation() -> LogRuleDefinition.Aggregation? {
        _ = map.required("aggregation")
        if let node = map.node("aggregation"), node.entries != nil {
            let inner = map.mapping("aggregation", "aggregation")
            let percent = inner?.number("percentile", in: 0...100)
            _ = inner?.required("percentile")
            inner?.finish()
            return percent.map { .percentile($0) }
        }
        return map.choice(
            "aggregation",
            among: [
                ("min", .min), ("max", .max), ("avg", .average), ("sum", .sum),
                ("value_count", .valueCount), ("cardinality", .cardinality),
            ]
        )
    }

    /// Fields, or lists of fields for combinations.
    private func readNewTerm() -> LogRuleDefinition.Kind? {
        _ = map.required("fields")
        var fields: [[String]] = []
        if let items = map.node("fields")?.items {
            for item in items {
                if let text = item.text {
                    fields.append([text])
                } else if let parts = item.items {
                    fields.append(parts.compactMap(\.text))
                }
            }
        } else {
            fields = map.strings("fields").map { [$0] }
        }
        if fields.contains(where: \.isEmpty) {
            map.report("fields", "\"fields\" lists fields, or lists of fields for combinations")
        }
        let window = map.duration("window", in: .seconds(1)...LogRuleReader.longest)
        let learning = map.duration("learn", in: .zero...LogRuleReader.longest)
        let alertsOnMissing = map.bool("alert_on_missing_field") ?? false
        guard !fields.isEmpty, !fields.contains(where: \.isEmpty) else { return nil }
        return .newTerm(
            fields: fields,
            window: window ?? .seconds(30 * 86400),
            learning: learning ?? .seconds(3600),
            alertsOnMissing: alertsOnMissing
        )
    }

    /// Values, and the lines of files for `!file PATH`.
    private func readList() -> [String] {
        _ = map.required("values")
        var values: [String] = []
        for text in map.strings("values") {
            guard text.hasPrefix("!file") else {
                values.append(text)
                continue
            }
            let path = text.dropFirst(5).trimmed
            do {
                values += try WholeFile.text(at: path).split(whereSeparator: \.isNewline)
                    .map(String.init)
            } catch {
                map.report("values", "the list \(path) cannot be read: \(error)")
            }
        }
        if values.count > LogRuleReader.entriesMax {
            map.report("values", "more than \(LogRuleReader.entriesMax) values; shorten the list")
            return []
        }
        return values
    }
}
