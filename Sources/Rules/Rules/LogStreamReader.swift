import Matching
import Model
import Timekeeping
import YAML

/// Reads the entries of `log_streams`.
struct LogStreamReader {
    private let map: MappingReader

    static func logStreams(of root: MappingReader) -> [LogStreamDefinition] {
        root.mappings("log_streams", "a log stream").map { LogStreamReader(map: $0).read() }
    }

    private func read() -> LogStreamDefinition {
        let definition = LogStreamDefinition(
            from: map.stringMap("from"),
            multiline: readMultiline(),
            merging: readMerging(),
            keep: readKeep(),
            drop: readDrop(),
            location: map.location
        )
        map.finish()
        return definition
    }

    /// `java`, `[java, python]`, or `{start: '^\\d'}` with bounds.
    private func readMultiline() -> LogStreamDefinition.Multiline? {
        guard let node = map.node("multiline") else { return nil }
        guard node.entries != nil else {
            let languages = languages(map, "multiline")
            return languages.isEmpty
                ? nil : LogStreamDefinition.Multiline(joining: .traces(languages))
        }
        guard let inner = map.mapping("multiline", "multiline") else { return nil }
        defer { inner.finish() }
        let idle = inner.duration("idle", in: .milliseconds(100) ... .seconds(60))
        let lines = inner.integer("max_lines", in: 2...10_000)
        let bytes = inner.bytes("max_bytes", in: 1024...(16 << 20))
        let languages = inner.has("traces") ? languages(inner, "traces") : []
        let start = inner.string("start")
        guard (start == nil) != languages.isEmpty else {
            inner.problems.report(
                inner.location,
                "multiline needs either \"start\", an expression that the first line of an event "
                    + "holds, or \"traces\": java, python, go"
            )
            return nil
        }
        let joining: LogStreamDefinition.Joining
        if let start {
            do {
                _ = try Pattern(start)
            } catch {
                inner.report("start", "\(error)")
                return nil
            }
            joining = .start(start)
        } else {
            joining = .traces(languages)
        }
        var multiline = LogStreamDefinition.Multiline(joining: joining)
        if let idle { multiline.idle = idle }
        if let lines { multiline.linesMax = lines }
        if let bytes { multiline.bytesMax = bytes }
        return multiline
    }

    private func languages(
        _ map: MappingReader,
        _ key: String
    ) -> [LogStreamDefinition.TraceLanguage] {
        map.strings(key).compactMap { name in
            if let language = LogStreamDefinition.TraceLanguage(rawValue: name) { return language }
            map.report(
                key,
                "unknown \(key) \"\(name)\"; use java, python or go, or {start: '...'} for lines "
                    + "that begin an event"
            )
            return nil
        }
    }

    /// `merge`, or `{prefix: app, keep_text: true}`.
    private func readMerging() -> LogStreamDefinition.Merging? {
        guard let node = map.node("json") else { return nil }
        guard node.entries != nil else {
            return map.choice("json", among: [("merge", LogStreamDefinition.Merging())])
        }
        guard let inner = map.mapping("json", "json") else { return nil }
        defer { inner.finish() }
        return LogStreamDefinition.Merging(
            prefix: inner.string("prefix") ?? "",
            keepsText: inner.bool("keep_text") ?? false
        )
    }

    private func readKeep() -> [LogMetricDefinition.Condition] {
        guard let text = map.string("keep"), let node = map.node("keep") else { return [] }
        return LogMetricReader.conditions(text, at: node.location, "keep", map.problems)
    }

    /// A text or a list of texts; a record goes when one of them holds.
    private func readDrop() -> [[LogMetricDefinition.Condition]] {
        guard let node = map.node("drop") else { return [] }
        return map.strings("drop").map {
            LogMetricReader.conditions($0, at: node.location, "drop", map.problems)
        }.filter { !$0.isEmpty }
    }
}
