package import Model
import Timekeeping
import YAML

/// Turns ElastAlert 2 rule files into `log_rules`, and says what cannot be carried over.
package struct ElastAlertImport {
    /// What became of one file.
    package struct Outcome: Sendable {
        /// An entry of `log_rules`, each line indented by two; nil when the rule cannot be carried over.
        package var entry: String?
        /// What a person should know: what is left out, what is done otherwise.
        package var notes: [Diagnostic]
        /// Why there is no entry.
        package var problems: [Diagnostic]
    }

    private struct Failure: Error {
        var diagnostic: Diagnostic
    }

    private let root: YAMLNode
    private var notes: [Diagnostic] = []
    private var lines: [String] = []
    private var used: Set<String> = []

    /// Converts one file's text.
    package static func convert(_ bytes: [UInt8], file: String) -> Outcome {
        do {
            let node = try YAMLParser.parse(bytes, file: file)
            var conversion = ElastAlertImport(root: node)
            do throws(Failure) {
                let entry = try conversion.entry()
                return Outcome(entry: entry, notes: conversion.notes, problems: [])
            } catch {
                return Outcome(
                    entry: nil,
                    notes: conversion.notes,
                    problems: [error.diagnostic]
                )
            }
        } catch {
            return Outcome(entry: nil, notes: [], problems: error.diagnostics)
        }
    }

    private init(root: YAMLNode) { self.root = root }

    // MARK: Reading

    private mutating func node(_ key: String) -> YAMLNode? {
        used.insert(key)
        guard let node = root[key], !node.isNull else { return nil }
        return node
    }

    private mutating func text(_ key: String) -> String? { node(key)?.text }

    private mutating func texts(_ key: String) -> [String] {
        guard let node = node(key) else { return [] }
        if let text = node.text { return [text] }
        return (node.items ?? []).compactMap(\.text)
    }

    private mutating func isTrue(_ key: String) -> Bool {
        ["true", "True", "TRUE", "yes"].contains(text(key) ?? "")
    }

    /// A span as ElastAlert writes it: `{minutes: 5}`.
    private mutating func span(_ key: String) throws(Failure) -> Duration? {
        guard let node = node(key) else { return nil }
        let units: [String: Double] = [
            "weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1,
            "milliseconds": 0.001,
        ]
        var seconds = 0.0
        for entry in node.entries ?? [] {
            guard let unit = units[entry.key.text ?? ""],
                let count = entry.value.text.flatMap({ Double($0) })
            else {
                throw failure(entry.key, "\(key) must be a span such as {minutes: 5}")
            }
            seconds += unit * count
        }
        guard seconds > 0 else { throw failure(node, "\(key) must be a span such as {minutes: 5}") }
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }

    private func failure(_ node: YAMLNode, _ message: String) -> Failure {
        Failure(diagnostic: Diagnostic(node.location, message))
    }

    private mutating func required(_ key: String) throws(Failure) -> String {
        guard let text = text(key) else { throw failure(root, "\"\(key)\" is missing") }
        return text
    }

    private mutating func note(_ key: String, _ message: String) {
        let place = root.entries?.first { $0.key.text == key }?.key.location ?? root.location
        notes.append(Diagnostic(place, message))
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.value < 0x20 {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\x" + (digits.count < 2 ? "0" : "") + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    private func list(_ texts: [String]) -> String {
        "[" + texts.map(quoted).joined(separator: ", ") + "]"
    }

    private mutating func put(_ key: String, _ value: String) { lines.append("\(key): \(value)") }

    private mutating func copy(_ key: String, as name: String) {
        if let text = text(key) { put(name, text) }
    }

    // MARK: Converting

    private mutating func entry() throws(Failure) -> String {
        guard root.entries != nil else { throw failure(root, "this is no ElastAlert rule") }
        if node("is_enabled") != nil, !isTrue("is_enabled") {
            throw failure(root, "the rule is disabled (is_enabled: false); it is left out")
        }
        let type = try required("type")
        put("alert", quoted(try required("name")))
        put("type", type)
        let filter = try filter("filter")
        if let filter, !filter.text.isEmpty { put("where", quoted(filter.text)) }
        if let keys = keys(), type != "new_term" { put("key", list(keys)) }
        try convert(type)
        try convertCommon()
        tellTheRest()
        return lines.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element + "\n" }
            .joined()
    }

    private mutating func keys() -> [String]? {
        let keys = texts("query_key").map(ElastAlertFilter.field)
        return keys.isEmpty ? nil : keys
    }

    private mutating func filter(_ key: String) throws(Failure) -> LogFilter? {
        guard let node = node(key) else { return nil }
        do throws(ElastAlertFilter.Problem) {
            return try ElastAlertFilter.filter(node)
        } catch {
            throw Failure(diagnostic: Diagnostic(error.location, error.message))
        }
    }

    private mutating func convert(_ type: String) throws(Failure) {
        switch type {
        case "any": break
        case "frequency":
            try putTimeframe()
            put("num_events", try required("num_events"))
            if isTrue("use_count_query") || isTrue("use_terms_query") {
                note("use_count_query", "records are counted one by one; no query is needed")
            }
        case "spike":
            try putTimeframe()
            try putSpike()
            copy("field_value", as: "field")
        case "flatline":
            try putTimeframe()
            put("threshold", try required("threshold"))
            copy("forget_keys", as: "forget_keys")
        case "change":
            let fields = texts("compare_key") + texts("compound_compare_key")
            guard !fields.isEmpty else { throw failure(root, "\"compare_key\" is missing") }
            put("fields", list(fields.map(ElastAlertFilter.field)))
            if let span = try span("timeframe") { put("timeframe", span.prometheusText) }
            copy("ignore_null", as: "ignore_null")
        case "blacklist", "whitelist":
            put("field", quoted(ElastAlertFilter.field(try required("compare_key"))))
            put("values", list(texts(type)))
            if type == "whitelist" { copy("ignore_null", as: "ignore_null") }
        case "new_term": try convertNewTerm()
        case "cardinality":
            try putTimeframe()
            put("field", quoted(ElastAlertFilter.field(try required("cardinality_field"))))
            copy("max_cardinality", as: "max")
            copy("min_cardinality", as: "min")
        case "metric_aggregation":
            try putAggregateWindow()
            try putAggregation()
            copy("max_threshold", as: "max")
            copy("min_threshold", as: "min")
        case "spike_aggregation":
            try putTimeframe()
            try putAggregation()
            try putSpike()
            let buffer = try span("buffer_time")
            let run = try span("run_every")
            put("every", (buffer ?? run ?? .seconds(60)).prometheusText)
        case "percentage_match":
            try putAggregateWindow()
            guard let match = try filter("match_bucket_filter") else {
                throw failure(root, "\"match_bucket_filter\" is missing")
            }
            put("match", quoted(match.text))
            copy("max_percentage", as: "max")
            copy("min_percentage", as: "min")
            copy("min_denominator", as: "min_denominator")
        default:
            let place = node("type") ?? root
            throw failure(
                place,
                "the type \"\(type)\" is none of ElastAlert 2's own; a rule type in Python cannot be carried "
                    + "over"
            )
        }
    }

    private mutating func putTimeframe() throws(Failure) {
        guard let span = try span("timeframe") else {
            throw failure(root, "\"timeframe\" is missing")
        }
        put("timeframe", span.prometheusText)
    }

    /// The span that ElastAlert computes over is its query's, not the timeframe.
    private mutating func putAggregateWindow() throws(Failure) {
        let bucket = try span("bucket_interval")
        let buffer = try span("buffer_time")
        let every = try span("run_every")
        let window = bucket ?? buffer
        if window == nil {
            note(
                "type",
                "buffer_time is not in the rule; ElastAlert's usual 15m is taken as timeframe"
            )
        }
        let timeframe = window ?? .seconds(900)
        put("timeframe", timeframe.prometheusText)
        put("every", min(bucket ?? every ?? .seconds(60), timeframe).prometheusText)
        if node("timeframe") != nil {
            note("timeframe", "ElastAlert does not look at timeframe here; buffer_time counts")
        }
    }

    private mutating func putSpike() throws(Failure) {
        put("spike_height", try required("spike_height"))
        put("spike_type", try required("spike_type"))
        for key in ["threshold_ref", "threshold_cur", "alert_on_new_data"] { copy(key, as: key) }
    }

    private mutating func putAggregation() throws(Failure) {
        if let script = node("metric_agg_script") {
            throw failure(
                script,
                "metric_agg_script runs in Elasticsearch and cannot be carried over"
            )
        }
        put("field", quoted(ElastAlertFilter.field(try required("metric_agg_key"))))
        let type = try required("metric_agg_type")
        if type == "percentiles" {
            put("aggregation", "{percentile: \(try required("percentile_range"))}")
        } else {
            put("aggregation", type)
        }
    }

    private mutating func convertNewTerm() throws(Failure) {
        let name = node("fields") != nil ? "fields" : "query_key"
        used.insert("query_key")
        guard let node = node(name) else { throw failure(root, "\"fields\" is missing") }
        var fields: [String] = []
        if let text = node.text {
            fields = [quoted(ElastAlertFilter.field(text))]
        } else {
            fields = (node.items ?? []).map { item in
                if let text = item.text { return quoted(ElastAlertFilter.field(text)) }
                return list((item.items ?? []).compactMap(\.text).map(ElastAlertFilter.field))
            }
        }
        put("fields", "[" + fields.joined(separator: ", ") + "]")
        if let window = try span("terms_window_size") { put("window", window.prometheusText) }
        copy("alert_on_missing_field", as: "alert_on_missing_field")
        used.insert("use_terms_query")
        note(
            "type",
            "known values are learned for an hour (learn) rather than asked of Elasticsearch"
        )
    }

    private mutating func convertCommon() throws(Failure) {
        if let realert = try span("realert"), realert > .seconds(300) {
            put("resolve_after", realert.prometheusText)
        }
        used.insert("realert")
        if let delay = try span("query_delay") { put("late", delay.prometheusText) }
        if let priority = text("priority") {
            // 1 is the least there.
            let names = ["1": "P4", "2": "P3", "3": "P2", "4": "P1"]
            if let name = names[priority] { put("priority", name) }
        }
        let parts = ["description", "owner", "category"].compactMap { key in
            text(key).map { (key, $0) }
        }
        if !parts.isEmpty {
            let pairs = parts.map { "\($0.0): \(quoted($0.1))" }.joined(separator: ", ")
            put("annotations", "{\(pairs)}")
        }
    }

    /// Says what is not carried over.
    private mutating func tellTheRest() {
        let silent: Set = [
            "index", "timestamp_field", "timestamp_type", "doc_type", "use_strftime_index",
            "run_every",
            "buffer_time", "use_count_query", "attach_related", "num_hits", "include",
            "top_count_keys",
            "raw_count_keys", "top_count_number", "use_keyword_postfix", "scan_entire_timeframe",
            "max_query_size", "use_local_time", "timestamp_format", "generate_kibana_discover_url",
            "timeframe", "terms_size", "window_step_size",
        ]
        if let index = text("index"), index != "*" {
            note("index", "index \(index): rules judge every record; narrow it with from or where")
        }
        for entry in root.entries ?? [] {
            guard let key = entry.key.text, !used.contains(key), !silent.contains(key) else {
                continue
            }
            let message: String
            switch key {
            case "alert":
                message =
                    "alert: incidents are sent where the routes of the on-call file say, not to "
                    + "ElastAlert's alerters"
            case "alert_text", "alert_subject", "alert_text_args", "alert_subject_args",
                "alert_text_type":
                message = "\(key): the summary is made by itself; write annotations for more"
            case "aggregation", "aggregation_key", "exponential_realert", "summary_table_fields":
                message = "\(key): incidents are grouped by the routes of the on-call file"
            case "import": message = "import: what that file says is not read; convert it merged"
            default: message = "\(key) is not carried over"
            }
            notes.append(Diagnostic(entry.key.location, message))
        }
    }
}
