import Model
import YAML

/// Reads Elasticsearch's query DSL as ElastAlert rules have it in `filter` and `match_bucket_filter`.
struct ElastAlertFilter {
    /// Where something is that cannot be carried over, and why.
    struct Problem: Error {
        var location: SourceLocation
        var message: String
    }

    private static let depthMax = 50

    /// All filters of a list; they must all hold.
    static func filter(_ node: YAMLNode) throws(Problem) -> LogFilter {
        guard let items = node.items else { return try one(node, depth: 0) }
        var parts: [LogFilter] = []
        for item in items { parts.append(try one(item, depth: 0)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    /// A field without the ending that only names how Elasticsearch keeps it.
    static func field(_ name: String) -> String {
        for suffix in [".keyword", ".raw"] where name.hasSuffix(suffix) {
            return String(name.dropLast(suffix.count))
        }
        return name
    }

    private static func one(_ node: YAMLNode, depth: Int) throws(Problem) -> LogFilter {
        guard depth < depthMax, let entries = node.entries, entries.count == 1,
            let name = entries[0].key.text
        else {
            throw Problem(
                location: node.location,
                message: "a filter must be one mapping such as term: {field: value}"
            )
        }
        let value = entries[0].value
        switch name {
        case "query": return try one(value, depth: depth + 1)
        case "query_string":
            return try query(value["query"]?.text ?? value.text, node.location)
        case "term", "match", "match_phrase", "term_filter":
            let (field, operand) = try pair(value)
            let text = try text(operand["value"] ?? operand["query"] ?? operand)
            if name != "term", ["message", "log", "msg"].contains(field) {
                return .contains(field: field, text: text)
            }
            return .oneOf(field: field, values: [text])
        case "terms":
            let (field, operand) = try pair(value)
            var values: [String] = []
            for item in operand.items ?? [] { values.append(try text(item)) }
            return .oneOf(field: field, values: values)
        case "range": return try range(value)
        case "exists":
            guard let field = value["field"]?.text else {
                throw Problem(location: value.location, message: "exists needs a field")
            }
            return .exists(ElastAlertFilter.field(field))
        case "prefix":
            let (field, operand) = try pair(value)
            let text = try text(operand["value"] ?? operand)
            return try lucene(value.location) { () throws(LuceneQuery.Problem) in
                try LuceneQuery.compare(field, .matches, escaped(text) + "(?s).*")
            }
        case "wildcard":
            let (field, operand) = try pair(value)
            let text = try text(operand["value"] ?? operand["wildcard"] ?? operand)
            let pattern = text.map { character in
                switch character {
                case "*": "(?s:.*)"
                case "?": "(?s:.)"
                default: escaped("\(character)")
                }
            }.joined()
            return try lucene(value.location) { () throws(LuceneQuery.Problem) in
                try LuceneQuery.compare(field, .matches, pattern)
            }
        case "regexp":
            let (field, operand) = try pair(value)
            let text = try text(operand["value"] ?? operand)
            return try lucene(value.location) { () throws(LuceneQuery.Problem) in
                try LuceneQuery.compare(field, .matches, text)
            }
        case "bool": return try bool(value, depth: depth)
        case "and": return .all(try list(value, depth: depth))
        case "or": return .any(try list(value, depth: depth))
        case "not":
            return .not(try one(value["filter"] ?? value, depth: depth + 1))
        case "match_all": return .all([])
        default:
            throw Problem(
                location: entries[0].key.location,
                message: "the query \"\(name)\" cannot be carried over; say the same in where"
            )
        }
    }

    private static func bool(_ node: YAMLNode, depth: Int) throws(Problem) -> LogFilter {
        var parts: [LogFilter] = []
        var hasRequired = false
        var optional: [LogFilter] = []
        for entry in node.entries ?? [] {
            switch entry.key.text ?? "" {
            case "must", "filter":
                let list = try list(entry.value, depth: depth)
                hasRequired = hasRequired || !list.isEmpty
                parts += list
            case "must_not":
                for part in try list(entry.value, depth: depth) { parts.append(.not(part)) }
            case "should": optional = try list(entry.value, depth: depth)
            case "minimum_should_match":
                guard entry.value.text == "1" else {
                    throw Problem(
                        location: entry.value.location,
                        message: "minimum_should_match other than 1 cannot be carried over"
                    )
                }
                hasRequired = false
            case let other:
                throw Problem(
                    location: entry.key.location,
                    message: "\"\(other)\" of a bool query cannot be carried over"
                )
            }
        }
        // Beside what must hold, should only ranks.
        if !optional.isEmpty, !hasRequired { parts.append(.any(optional)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private static func list(_ node: YAMLNode, depth: Int) throws(Problem) -> [LogFilter] {
        guard let items = node.items else { return [try one(node, depth: depth + 1)] }
        var parts: [LogFilter] = []
        for item in items { parts.append(try one(item, depth: depth + 1)) }
        return parts
    }

    private static func range(_ node: YAMLNode) throws(Problem) -> LogFilter {
        let (field, bounds) = try pair(node)
        var parts: [LogFilter] = []
        for entry in bounds.entries ?? [] {
            let comparison: LogMetricDefinition.Comparison
            switch entry.key.text ?? "" {
            case "gte", "from": comparison = .greaterOrEqual
            case "gt": comparison = .greater
            case "lte", "to": comparison = .lessOrEqual
            case "lt": comparison = .less
            case "boost", "format", "time_zone": continue
            case let other:
                throw Problem(
                    location: entry.key.location,
                    message: "\"\(other)\" of a range cannot be carried over"
                )
            }
            let value = try text(entry.value)
            parts.append(
                try lucene(entry.value.location) { () throws(LuceneQuery.Problem) in
                    try LuceneQuery.compare(field, comparison, value)
                }
            )
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private static func query(
        _ text: String?,
        _ location: SourceLocation
    ) throws(Problem) -> LogFilter {
        guard let text else {
            throw Problem(location: location, message: "query_string needs a query")
        }
        return try lucene(location) { () throws(LuceneQuery.Problem) in
            try LuceneQuery.filter(text)
        }
    }

    private static func lucene(
        _ location: SourceLocation,
        _ body: () throws(LuceneQuery.Problem) -> LogFilter
    ) throws(Problem) -> LogFilter {
        do {
            return try body()
        } catch {
            throw Problem(location: location, message: error.message)
        }
    }

    private static func pair(_ node: YAMLNode) throws(Problem) -> (String, YAMLNode) {
        let entries = (node.entries ?? []).filter { $0.key.text != "boost" }
        guard entries.count == 1, let name = entries[0].key.text else {
            throw Problem(location: node.location, message: "one field: value is expected here")
        }
        return (field(name), entries[0].value)
    }

    private static func text(_ node: YAMLNode) throws(Problem) -> String {
        guard let text = node.text else {
            throw Problem(location: node.location, message: "a value is expected here")
        }
        return text
    }

    private static func escaped(_ text: String) -> String {
        text.map { "\\.+*?()|[]{}^$".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }
}
