import Matching
import Model

/// Reads the part of Lucene's query language that rules use, as Elasticsearch's `query_string` takes it.
///
/// `field:value`, phrases, wildcards, `/expressions/`, ranges, `_exists_`, AND, OR, NOT, `+`, `-`, parentheses. What stands
/// side by side is joined by OR, as there. Fuzziness, boosts and proximity are refused.
struct LuceneQuery {
    /// Why a query cannot be carried over.
    struct Problem: Error {
        let message: String
    }

    private enum Token: Equatable {
        case word(String)
        case phrase(String)
        case expression(String)
        /// `[a TO b}` and the like, brackets and all.
        case range(String)
        /// `field:`
        case field(String)
        case sign(Character)
    }

    /// Fields whose values are texts of many words, of which Elasticsearch looks at one.
    private static let textFields: Set = ["message", "log", "msg", "log.original", "error.message"]
    private static let depthMax = 50

    private let tokens: [Token]
    private var position = 0

    /// The filter that a query is.
    static func filter(_ text: String) throws(Problem) -> LogFilter {
        var query = LuceneQuery(tokens: try tokens(of: text))
        guard !query.tokens.isEmpty else { return .all([]) }
        let filter = try query.alternatives(field: nil, depth: 0)
        guard query.position == query.tokens.count else {
            throw Problem(message: "a parenthesis is closed that was not opened")
        }
        return filter
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    private static func tokens(of text: String) throws(Problem) -> [Token] {
        var tokens: [Token] = []
        var rest = text[...]
        while let first = rest.first {
            switch first {
            case " ", "\t", "\n", "\r": rest = rest.dropFirst()
            case "(", ")", "+", "!":
                tokens.append(.sign(first))
                rest = rest.dropFirst()
            case "-":
                tokens.append(.sign("-"))
                rest = rest.dropFirst()
            case "\"":
                tokens.append(.phrase(try quoted(&rest, "\"")))
            // A path that is not closed by another slash is no expression.
            case "/" where rest.dropFirst().contains("/"):
                tokens.append(.expression(try quoted(&rest, "/")))
            case "[", "{":
                guard let end = rest.firstIndex(where: { $0 == "]" || $0 == "}" }) else {
                    throw Problem(message: "the range \(rest.prefix(20)) is not closed")
                }
                tokens.append(.range(String(rest[...end])))
                rest = rest[rest.index(after: end)...]
            case "]", "}":
                throw Problem(message: "\(first) closes a range that was not opened")
            case "~", "^":
                throw Problem(
                    message: "fuzziness, proximity and boosts (~ and ^) are not carried over"
                )
            default: try word(&rest, &tokens)
            }
        }
        return tokens
    }

    private static func word(_ rest: inout Substring, _ tokens: inout [Token]) throws(Problem) {
        var text = ""
        while let next = rest.first, !" \t\n\r()\"[]{}".contains(next) {
            if next == "\\" {
                rest = rest.dropFirst()
                if let escaped = rest.popFirst() { text.append("\\"); text.append(escaped) }
                continue
            }
            if next == ":" {
                rest = rest.dropFirst()
                tokens.append(.field(text.replacing("\\", with: "")))
                return
            }
            if next == "~" || next == "^" {
                throw Problem(
                    message: "fuzziness, proximity and boosts (~ and ^) are not carried over"
                )
            }
            text.append(next)
            rest = rest.dropFirst()
        }
        tokens.append(.word(text))
    }

    private static func quoted(
        _ rest: inout Substring,
        _ quote: Character
    ) throws(Problem) -> String {
        rest = rest.dropFirst()
        var text = ""
        while let character = rest.popFirst() {
            if character == quote { return text }
            if character == "\\", let next = rest.popFirst() {
                if next != quote && !(quote == "\"" && next == "\\") { text.append("\\") }
                text.append(next)
            } else {
                text.append(character)
            }
        }
        throw Problem(message: "\(quote) is opened and not closed")
    }

    private func peek(_ token: Token) -> Bool {
        position < tokens.count && tokens[position] == token
    }

    private mutating func takes(_ words: String...) -> Bool {
        guard words.contains(where: { peek(.word($0)) }) else { return false }
        position += 1
        return true
    }

    private mutating func alternatives(
        field: String?,
        depth: Int
    ) throws(Problem) -> LogFilter {
        guard depth < LuceneQuery.depthMax else {
            throw Problem(
                message: "more than \(LuceneQuery.depthMax) parentheses within each other"
            )
        }
        // Parts with + or - must hold; without any, one of the others must.
        var required: [LogFilter] = []
        var optional: [LogFilter] = []
        while position < tokens.count, !peek(.sign(")")) {
            if takes("OR", "||") { continue }
            let isRequired = peek(.sign("+"))
            let isRefused = peek(.sign("-"))
            if isRequired || isRefused { position += 1 }
            let part = try conjunction(field: field, depth: depth)
            if isRequired {
                required.append(part)
            } else if isRefused {
                required.append(.not(part))
            } else {
                optional.append(part)
            }
        }
        if required.contains(where: { if case .not = $0 { false } else { true } }) { optional = [] }
        if !optional.isEmpty { required.append(optional.count == 1 ? optional[0] : .any(optional)) }
        return required.count == 1 ? required[0] : .all(required)
    }

    private mutating func conjunction(
        field: String?,
        depth: Int
    ) throws(Problem) -> LogFilter {
        var parts = [try part(field: field, depth: depth)]
        while takes("AND", "&&") { parts.append(try part(field: field, depth: depth)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func part(field: String?, depth: Int) throws(Problem) -> LogFilter {
        guard depth < LuceneQuery.depthMax else {
            throw Problem(
                message: "more than \(LuceneQuery.depthMax) NOT or fields within each other"
            )
        }
        if takes("NOT") || peek(.sign("!")) || peek(.sign("-")) {
            if peek(.sign("!")) || peek(.sign("-")) { position += 1 }
            return .not(try part(field: field, depth: depth + 1))
        }
        guard position < tokens.count else {
            throw Problem(message: "something is missing at the end")
        }
        let token = tokens[position]
        position += 1
        switch token {
        case .sign("("):
            let inner = try alternatives(field: field, depth: depth + 1)
            guard peek(.sign(")")) else { throw Problem(message: "a parenthesis is not closed") }
            position += 1
            return inner
        case .sign(let sign): throw Problem(message: "cannot read \"\(sign)\"")
        case .field(let name):
            if name == "_exists_" {
                guard position < tokens.count, case .word(let field) = tokens[position] else {
                    throw Problem(message: "_exists_ needs a field")
                }
                position += 1
                return .exists(field)
            }
            guard !name.contains("*") else {
                throw Problem(message: "the field \"\(name)\" stands for several; name one")
            }
            return try part(field: ElastAlertFilter.field(name), depth: depth + 1)
        case .word(let text): return try LuceneQuery.term(text, field)
        case .phrase(let text):
            guard let field, !LuceneQuery.textFields.contains(field) else {
                return .contains(field: field, text: text)
            }
            return .oneOf(field: field, values: [text])
        case .expression(let pattern):
            guard let field else {
                throw Problem(message: "/\(pattern)/ has no field; name one")
            }
            return try LuceneQuery.compare(field, .matches, pattern)
        case .range(let text):
            guard let field else { throw Problem(message: "\(text) has no field; name one") }
            return try LuceneQuery.range(text, field)
        }
    }

    private static func term(_ text: String, _ field: String?) throws(Problem) -> LogFilter {
        if let field {
            for sign in [">=", "<=", ">", "<"] where text.hasPrefix(sign) {
                guard let comparison = LogMetricDefinition.Comparison(rawValue: sign) else { break }
                return try compare(field, comparison, String(text.dropFirst(sign.count)))
            }
            if text == "*" { return .exists(field) }
        } else if text == "*" {
            return .all([])
        }
        var pattern = ""
        var plain = ""
        var isPattern = false
        var isEscaped = false
        for character in text {
            if character == "\\", !isEscaped {
                isEscaped = true
                continue
            }
            if !isEscaped, character == "*" || character == "?" {
                isPattern = true
                pattern += character == "*" ? ".*" : "."
            } else {
                let isSpecial = "\\.+*?()|[]{}^$".contains(character)
                pattern += isSpecial ? "\\\(character)" : "\(character)"
            }
            plain.append(character)
            isEscaped = false
        }
        guard isPattern else {
            guard let field, !textFields.contains(field) else {
                return .contains(field: field, text: plain)
            }
            return .oneOf(field: field, values: [plain])
        }
        guard let field else {
            throw Problem(message: "the wildcard \"\(text)\" has no field; name one")
        }
        let isText = textFields.contains(field)
        return try compare(field, .matches, isText ? "(?is).*\(pattern).*" : pattern)
    }

    private static func range(_ text: String, _ field: String) throws(Problem) -> LogFilter {
        let inner = text.dropFirst().dropLast().split(separator: " ").map(String.init)
        guard inner.count == 3, inner[1] == "TO" else {
            throw Problem(message: "\(text) is no range; write [1 TO 5]")
        }
        var parts: [LogFilter] = []
        if inner[0] != "*" {
            parts.append(
                try compare(field, text.hasPrefix("[") ? .greaterOrEqual : .greater, inner[0])
            )
        }
        if inner[2] != "*" {
            parts.append(try compare(field, text.hasSuffix("]") ? .lessOrEqual : .less, inner[2]))
        }
        guard !parts.isEmpty else { return .exists(field) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    static func compare(
        _ field: String,
        _ comparison: LogMetricDefinition.Comparison,
        _ value: String
    ) throws(Problem) -> LogFilter {
        if comparison == .matches {
            do {
                _ = try Pattern(value)
            } catch {
                throw Problem(message: "\(error)")
            }
        } else if value.hasPrefix("now") {
            throw Problem(message: "\(value) is relative to the clock and is not carried over")
        }
        return .compare(
            LogMetricDefinition.Condition(field: field, comparison: comparison, value: value)
        )
    }
}
