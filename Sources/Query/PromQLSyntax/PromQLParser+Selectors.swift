import Matching
import Model

extension PromQLParser {
    /// A selector whose name, if it has one before the braces, has been taken.
    mutating func vectorSelector(name: Token?) throws(PromQLSyntaxError) -> Expression {
        var span = name?.span ?? current.span
        var matchers: [LabelMatcher] = []
        if current.kind == .leftBrace {
            matchers = try matcherList()
            span.end = lastEnd
        }
        if let name {
            if let other = matchers.first(where: { $0.name == LabelSet.metricName }) {
                throw PromQLSyntaxError(
                    span: span,
                    message: "metric name must not be set twice: \(GoQuoting.quoted(name.text)) "
                        + "or \(GoQuoting.quoted(other.value))"
                )
            }
            matchers.append(LabelMatcher(LabelSet.metricName, equals: name.text))
        }
        return .vector(VectorSelector(name: name?.text, matchers: matchers, span: span))
    }

    private mutating func matcherList() throws(PromQLSyntaxError) -> [LabelMatcher] {
        let construct = "label matching"
        advance()
        var matchers: [LabelMatcher] = []
        while current.kind != .rightBrace {
            let label = current
            guard label.kind == .identifier || label.kind == .string else {
                throw unexpected(in: construct, expected: "identifier or \"}\"")
            }
            advance()
            let name = label.kind == .string ? try unquoted(label) : label.text
            if let operation = current.kind.matcherOperation {
                advance()
                let value = current
                guard value.kind == .string else {
                    throw unexpected(in: construct, expected: "string")
                }
                advance()
                matchers.append(try matcher(name, operation, try unquoted(value), at: label.span))
            } else if label.kind == .string {
                matchers.append(LabelMatcher(LabelSet.metricName, equals: name))
            } else {
                throw unexpected(in: construct, expected: "label matching operator")
            }
            if current.kind == .comma {
                advance()
            } else if current.kind != .rightBrace {
                throw unexpected(in: construct, expected: "\",\" or \"}\"")
            }
        }
        advance()
        return matchers
    }

    private func matcher(
        _ name: String,
        _ operation: LabelMatcher.Operation,
        _ value: String,
        at span: SourceSpan
    ) throws(PromQLSyntaxError) -> LabelMatcher {
        do throws(PatternError) {
            return try LabelMatcher(name, operation, value)
        } catch {
            throw PromQLSyntaxError(
                span: span,
                message: "error parsing regexp: \(GoQuoting.patternProblem(error.reason))"
            )
        }
    }
}

extension TokenKind {
    fileprivate var matcherOperation: LabelMatcher.Operation? {
        switch self {
        case .equal: .equal
        case .operation(.notEqual): .notEqual
        case .matchesRegex: .matches
        case .doesNotMatchRegex: .doesNotMatch
        default: nil
        }
    }
}
