import Matching
import Model

/// A label's source, compiled: where the value is and what becomes of it.
struct LogLabel: Sendable {
    private enum Source: Sendable {
        case field(FieldPath)
        /// Texts and the fields that stand behind each of them; the last has none.
        case template([(text: String, path: FieldPath?)])
    }

    private enum Change: Sendable {
        case none
        case statusClass
        case route([[String]], patterns: [String], other: String)
        case table([String: String], [(pattern: Pattern, label: String)], other: String?)
    }

    private let source: Source
    private let change: Change

    /// - Throws: When an expression of a table is none.
    init(_ source: LogMetricDefinition.LabelSource) throws(PatternError) {
        switch source.mapping {
        case .template: self.source = .template(LogLabel.template(source.field))
        case .none, .statusClass, .route, .table: self.source = .field(FieldPath(source.field))
        }
        switch source.mapping {
        case .none, .template: change = .none
        case .statusClass: change = .statusClass
        case .route(let patterns, let other):
            change = .route(patterns.map(LogLabel.segments), patterns: patterns, other: other)
        case .table(let entries, let other):
            var values: [String: String] = [:]
            var patterns: [(pattern: Pattern, label: String)] = []
            for entry in entries {
                if entry.value.count > 2, entry.value.hasPrefix("/"), entry.value.hasSuffix("/") {
                    let text = String(entry.value.dropFirst().dropLast())
                    patterns.append((try Pattern(text), entry.label))
                } else if values[entry.value] == nil {
                    values[entry.value] = entry.label
                }
            }
            change = .table(values, patterns, other: other)
        }
    }

    /// The label's value; empty when the field is missing and nothing says otherwise.
    func value(_ find: (FieldPath) -> LogValue?) -> String {
        let text: String
        switch source {
        case .field(let path): text = find(path)?.text ?? ""
        case .template(let parts):
            text = parts.reduce(into: "") { text, part in
                text += part.text + (part.path.flatMap { find($0)?.text } ?? "")
            }
        }
        switch change {
        case .none: return text
        case .statusClass: return LogLabel.statusClass(text)
        case .route(let routes, let patterns, let other):
            guard !text.isEmpty else { return text }
            let path = LogLabel.segments(String(text.prefix { $0 != "?" && $0 != "#" }))
            guard !routes.isEmpty else { return LogLabel.withoutIDs(path) }
            let found = routes.firstIndex { LogLabel.fits(path, $0) }
            return found.map { patterns[$0] } ?? other
        case .table(let values, let patterns, let other):
            if let label = values[text] { return label }
            for (pattern, label) in patterns where pattern.matchesWhole(text) { return label }
            return other ?? text
        }
    }

    /// The texts and fields of `a {{ b }} c`; braces that do not close are text.
    private static func template(_ text: String) -> [(text: String, path: FieldPath?)] {
        var parts: [(text: String, path: FieldPath?)] = []
        var rest = text[...]
        var before = ""
        while let open = rest.firstRange(of: "{{") {
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else { break }
            before += rest[..<open.lowerBound]
            let name = rest[open.upperBound..<close.lowerBound].filter { $0 != " " }
            parts.append((before, FieldPath(name)))
            before = ""
            rest = rest[close.upperBound...]
        }
        parts.append((before + rest, nil))
        return parts
    }

    private static func statusClass(_ text: String) -> String {
        guard text.utf8.count == 3, let first = text.utf8.first, (0x31...0x35).contains(first),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return text }
        return "\(text.first ?? "0")xx"
    }

    private static func segments(_ path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    }

    private static func fits(_ path: [String], _ route: [String]) -> Bool {
        for (index, segment) in route.enumerated() {
            if segment == "*", index == route.count - 1 { return path.count >= index }
            guard index < path.count else { return false }
            let isOpen = segment == "*" || (segment.hasPrefix("{") && segment.hasSuffix("}"))
            guard isOpen || segment == path[index] else { return false }
        }
        return path.count == route.count
    }

    /// The path with `{id}` for numbers, UUIDs, hashes and other segments with more digits than a word has.
    private static func withoutIDs(_ path: [String]) -> String {
        "/"
            + path.map { segment in
                let digits = segment.utf8.count { (0x30...0x39).contains($0) }
                let isVersion = digits < 3 && segment.hasPrefix("v") && segment.utf8.count < 4
                let isID =
                    digits == segment.utf8.count || digits >= 4
                    || (digits >= 2 && segment.utf8.count >= 16)
                return isID && !isVersion ? "{id}" : segment
            }.joined(separator: "/")
    }
}
