import Matching
package import Model

/// Reads a filter of a log rule: `level == error and (status >= 500 or not path =~ "/health.*")`.
///
/// Comparisons are those of `where` in `log_metrics`; besides there are `field in (a, b)`, `exists field`,
/// `contains "text"` (in any string of the record), `field contains "text"`, `and`, `or`, `not` and parentheses.
package enum LogFilterText {
    /// Filters within filters.
    private static let depthMax = 50

    private enum Token: Equatable {
        case word(String)
        case quoted(String)
        case sign(String)
    }

    /// The filter that a text is.
    package static func filter(in text: String) throws(LogConditionText.Problem) -> LogFilter {
        var parser = Parser(tokens: try tokens(of: text))
        let filter = try parser.alternatives(depth: 0)
        guard parser.isAtEnd else {
            throw LogConditionText.Problem(
                message: "cannot read \(parser.here); join conditions with \"and\" or \"or\""
            )
        }
        return filter
    }

    private static func tokens(of text: String) throws(LogConditionText.Problem) -> [Token] {
        var rest = text[...]
        var tokens: [Token] = []
        let signs = ["==", "!=", ">=", "<=", "=~", "!~", ">", "<", "(", ")", ","]
        while let first = rest.first {
            if first.isWhitespace {
                rest = rest.dropFirst()
            } else if first == "\"" || first == "'" {
                rest = rest.dropFirst()
                var value = ""
                var isClosed = false
                while let character = rest.popFirst() {
                    if character == first {
                        isClosed = true
                        break
                    }
                    if character == "\\", let next = rest.first, next == first || next == "\\" {
                        value.append(next)
                        rest = rest.dropFirst()
                    } else {
                        value.append(character)
                    }
                }
                guard isClosed else {
                    throw LogConditionText.Problem(
                        message: "the quote before \"\(value)\" is not closed; close it"
                    )
                }
                tokens.append(.quoted(value))
            } else if let sign = signs.first(where: { rest.hasPrefix($0) }) {
                tokens.append(.sign(sign))
                rest = rest.dropFirst(sign.count)
            } else {
                let word = rest.prefix { !$0.isWhitespace && !"()=!<>,\"'".contains($0) }
                guard !word.isEmpty else {
                    throw LogConditionText.Problem(message: "cannot read \"\(rest.prefix(20))\"")
                }
                tokens.append(.word(String(word)))
                rest = rest.dropFirst(word.count)
            }
        }
        return tokens
    }

    private struct Parser {
        let tokens: [Token]
        var position = 0

        init(tokens: [Token]) { self.tokens = tokens }

        var isAtEnd: Bool { position >= tokens.count }

        var here: String {
            guard !isAtEnd else { return "the end" }
            switch tokens[position] {
            case .word(let text), .quoted(let text), .sign(let text): return "\"\(text)\""
            }
        }

        private mutating func takes(_ token: Token) -> Bool {
            guard !isAtEnd, tokens[position] == token else { return false }
            position += 1
            return true
        }

        private func problem(_ message: String) -> LogConditionText.Problem {
            LogConditionText.Problem(message: message)
        }

        mutating func alternatives(depth: Int) throws(LogConditionText.Problem) -> LogFilter {
            guard depth < LogFilterText.depthMax else {
                throw problem("more than \(LogFilterText.depthMax) parentheses within each other")
            }
            var parts = [try conjunction(depth: depth)]
            while takes(.word("or")) { parts.append(try conjunction(depth: depth)) }
            return parts.count == 1 ? parts[0] : .any(parts)
        }

        private mutating func conjunction(
            depth: Int
        ) throws(LogConditionText.Problem) -> LogFilter {
            var parts = [try part(depth: depth)]
            while takes(.word("and")) { parts.append(try part(depth: depth)) }
            return parts.count == 1 ? parts[0] : .all(parts)
        }

        private mutating func part(depth: Int) throws(LogConditionText.Problem) -> LogFilter {
            if takes(.word("not")) {
                guard depth < LogFilterText.depthMax else { throw problem("too many \"not\"") }
                return .not(try part(depth: depth + 1))
            }
            if takes(.sign("(")) {
                let inner = try alternatives(depth: depth + 1)
                guard takes(.sign(")")) else { throw problem("\")\" is missing before \(here)") }
                return inner
            }
            if takes(.word("exists")) { return .exists(try name()) }
            if takes(.word("contains")) { return .contains(field: nil, text: try value()) }
            let field = try name()
            if takes(.word("contains")) { return .contains(field: field, text: try value()) }
            if takes(.word("in")) {
                guard takes(.sign("(")) else { throw problem("write \(field) in (a, b)") }
                var values = [try value()]
                while takes(.sign(",")) { values.append(try value()) }
                guard takes(.sign(")")) else { throw problem("\")\" is missing before \(here)") }
                return .oneOf(field: field, values: values)
            }
            guard !isAtEnd, case .sign(let sign) = tokens[position],
                let comparison = LogMetricDefinition.Comparison(rawValue: sign)
            else {
                throw problem(
                    "after \"\(field)\" a comparison is missing; use one of "
                        + LogMetricDefinition.Comparison.allCases.map(\.rawValue)
                        .joined(separator: " ") + ", in (...) or contains"
                )
            }
            position += 1
            let value = try value()
            if comparison == .matches || comparison == .doesNotMatch {
                do {
                    _ = try Pattern(value)
                } catch {
                    throw problem("\(error)")
                }
            }
            return .compare(
                LogMetricDefinition.Condition(field: field, comparison: comparison, value: value)
            )
        }

        private mutating func name() throws(LogConditionText.Problem) -> String {
            guard !isAtEnd else { throw problem("a field is missing at the end") }
            switch tokens[position] {
            case .word(let text), .quoted(let text):
                position += 1
                return text
            case .sign: throw problem("a field is missing before \(here)")
            }
        }

        private mutating func value() throws(LogConditionText.Problem) -> String {
            guard !isAtEnd else { throw problem("a value is missing at the end") }
            switch tokens[position] {
            case .word(let text), .quoted(let text):
                position += 1
                return text
            case .sign: throw problem("a value is missing before \(here)")
            }
        }
    }
}

extension LogFilter {
    /// The filter as `LogFilterText` reads it back; empty for one that lets everything through.
    package var text: String { printed(inside: false) }

    private func printed(inside: Bool) -> String {
        switch self {
        case .all(let parts):
            guard parts.count != 1 else { return parts[0].printed(inside: inside) }
            let text = parts.map { $0.printed(inside: true) }.joined(separator: " and ")
            return inside && !parts.isEmpty ? "(\(text))" : text
        case .any(let parts):
            guard parts.count != 1 else { return parts[0].printed(inside: inside) }
            let text = parts.map { $0.printed(inside: true) }.joined(separator: " or ")
            return inside ? "(\(text))" : text
        case .not(let part): return "not \(part.printed(inside: true))"
        case .compare(let condition):
            return "\(LogFilter.name(condition.field)) \(condition.comparison.rawValue) "
                + LogFilter.quoted(condition.value)
        case .exists(let field): return "exists \(LogFilter.name(field))"
        case .oneOf(let field, let values):
            return "\(LogFilter.name(field)) in ("
                + values.map(LogFilter.quoted).joined(separator: ", ") + ")"
        case .contains(let field?, let text):
            return "\(LogFilter.name(field)) contains \(LogFilter.quoted(text))"
        case .contains(nil, let text): return "contains \(LogFilter.quoted(text))"
        }
    }

    private static func name(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "_.-@/".contains($0) }
            && !["and", "or", "not", "in", "exists", "contains"].contains(text)
        return isPlain ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        if Double(text) != nil, text.allSatisfy({ $0.isNumber || $0 == "." || $0 == "-" }) {
            return text
        }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
