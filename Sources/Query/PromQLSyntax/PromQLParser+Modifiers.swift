import Model
import Timekeeping

extension PromQLParser {
    // MARK: After an operator

    /// `bool`, `on`/`ignoring`, `group_left`/`group_right`, `fill`: what may stand after an operator.
    mutating func binaryModifiers() throws(PromQLSyntaxError) -> (VectorMatching, Bool) {
        var matching = VectorMatching()
        var returnsBool = false
        if current.kind == .keyword(.bool) {
            advance()
            returnsBool = true
        }
        if current.kind == .keyword(.on) || current.kind == .keyword(.ignoring) {
            matching.isOn = advance().kind == .keyword(.on)
            matching.labels = try groupingLabels()
            if current.kind == .keyword(.groupLeft) || current.kind == .keyword(.groupRight) {
                matching.cardinality =
                    advance().kind == .keyword(.groupLeft) ? .manyToOne : .oneToMany
                if current.kind == .leftParen { matching.include = try groupingLabels() }
            }
        }
        switch current.kind {
        case .keyword(.fill):
            advance()
            let value = try fillValue()
            (matching.fillLeft, matching.fillRight) = (value, value)
        case .keyword(.fillLeft):
            advance()
            matching.fillLeft = try fillValue()
            if current.kind == .keyword(.fillRight) {
                advance()
                matching.fillRight = try fillValue()
            }
        case .keyword(.fillRight):
            advance()
            matching.fillRight = try fillValue()
            if current.kind == .keyword(.fillLeft) {
                advance()
                matching.fillLeft = try fillValue()
            }
        default: break
        }
        return (matching, returnsBool)
    }

    private mutating func fillValue() throws(PromQLSyntaxError) -> Double {
        try take(.leftParen)
        var isNegative = false
        if current.kind == .operation(.add) || current.kind == .operation(.subtract) {
            isNegative = advance().kind == .operation(.subtract)
        }
        let literal = try numberOrDuration()
        try take(.rightParen)
        return isNegative ? -literal.value : literal.value
    }

    /// `(label, "other label")`, a trailing comma allowed.
    mutating func groupingLabels() throws(PromQLSyntaxError) -> [String] {
        let construct = "grouping opts"
        guard current.kind == .leftParen else {
            throw unexpected(in: construct, expected: "\"(\"")
        }
        advance()
        var labels: [String] = []
        while current.kind != .rightParen {
            let token = current
            guard token.mayNameLabel else { throw unexpected(in: construct, expected: "label") }
            advance()
            let name = token.kind == .string ? try unquoted(token) : token.text
            guard !name.isEmpty else {
                throw PromQLSyntaxError(
                    span: token.span,
                    message: "invalid label name for grouping: \(GoQuoting.quoted(name))"
                )
            }
            labels.append(name)
            if current.kind == .comma {
                advance()
            } else if current.kind != .rightParen {
                throw unexpected(in: construct, expected: "\",\" or \")\"")
            }
        }
        advance()
        return labels
    }

    // MARK: After a selector

    /// Everything that may follow an operand: ranges, `offset`, `@`, `anchored`, `smoothed`.
    mutating func postfix(_ operand: Expression) throws(PromQLSyntaxError) -> Expression {
        var result = operand
        while true {
            switch current.kind {
            case .leftBracket: result = try ranged(result)
            case .keyword(.offset): result = try offset(result)
            case .at: result = try at(result)
            case .keyword(.anchored), .keyword(.smoothed): result = try windowMode(result)
            default: return result
            }
        }
    }

    private mutating func windowMode(
        _ operand: Expression
    ) throws(PromQLSyntaxError) -> Expression {
        let token = advance()
        let mode: WindowMode = token.kind == .keyword(.anchored) ? .anchored : .smoothed
        func problem(_ message: String) -> PromQLSyntaxError {
            PromQLSyntaxError(span: operand.span, message: message)
        }
        func set(_ selector: inout VectorSelector) throws(PromQLSyntaxError) {
            guard selector.window == .plain || selector.window == mode else {
                throw problem("anchored and smoothed modifiers cannot be used together")
            }
            selector.window = mode
        }
        switch operand {
        case .vector(var selector):
            try set(&selector)
            return .vector(selector)
        case .matrix(var matrix):
            try set(&matrix.selector)
            return .matrix(matrix)
        case .subquery:
            throw problem("\(mode.rawValue) modifier is not supported for subqueries")
        case .number, .string, .call, .aggregation, .binary, .unary, .parenthesized:
            throw problem("\(mode.rawValue) modifier not implemented")
        }
    }

    private mutating func offset(_ operand: Expression) throws(PromQLSyntaxError) -> Expression {
        advance()
        contexts.append(
            ErrorContext(
                construct: "offset",
                expected: "number, duration, step(), or range()"
            )
        )
        let length = try offsetDuration().asLength
        contexts.removeLast()
        let end = lastEnd
        return try withModifiers(operand, named: "offset") {
            (
                modifiers: inout SelectorModifiers,
                span: inout SourceSpan
            )
                throws(PromQLSyntaxError) in
            guard modifiers.offset == nil else {
                throw PromQLSyntaxError(
                    span: span,
                    message: "offset may not be set multiple times"
                )
            }
            modifiers.offset = length.isZero ? nil : length
            span.end = end
        }
    }

    private mutating func at(_ operand: Expression) throws(PromQLSyntaxError) -> Expression {
        advance()
        contexts.append(ErrorContext(construct: "@", expected: "timestamp"))
        let moment: AtModifier
        var outOfBounds: Double?
        switch current.kind {
        case .keyword(.start), .keyword(.end):
            moment = advance().kind == .keyword(.start) ? .start : .end
            try take(.leftParen)
            try take(.rightParen)
        default:
            var isNegative = false
            if current.kind == .operation(.add) || current.kind == .operation(.subtract) {
                isNegative = advance().kind == .operation(.subtract)
            }
            let literal = try numberOrDuration()
            let seconds = isNegative ? -literal.value : literal.value
            // Milliseconds must fit 64 bits too with room for offsets, where Prometheus lets them wrap.
            if seconds.isFinite, seconds.magnitude < Double(Int64.max / 4) / 1000 {
                moment = .timestamp(Timestamp(seconds: seconds))
            } else {
                moment = .start
                outOfBounds = seconds
            }
        }
        contexts.removeLast()
        if let outOfBounds {
            throw PromQLSyntaxError(
                span: operand.span,
                message: "timestamp out of bounds for @ modifier: "
                    + PromQLNumber.fixed(outOfBounds)
            )
        }
        let end = lastEnd
        return try withModifiers(operand, named: "@") {
            (
                modifiers: inout SelectorModifiers,
                span: inout SourceSpan
            )
                throws(PromQLSyntaxError) in
            guard modifiers.at == nil else {
                throw PromQLSyntaxError(
                    span: span,
                    message: "@ <timestamp> may not be set multiple times"
                )
            }
            modifiers.at = moment
            span.end = end
        }
    }

    private func withModifiers(
        _ operand: Expression,
        named name: String,
        _ change: (inout SelectorModifiers, inout SourceSpan) throws(PromQLSyntaxError) -> Void
    ) throws(PromQLSyntaxError) -> Expression {
        switch operand {
        case .vector(var selector):
            try change(&selector.modifiers, &selector.span)
            return .vector(selector)
        case .matrix(var matrix):
            try change(&matrix.selector.modifiers, &matrix.span)
            return .matrix(matrix)
        case .subquery(var subquery):
            try change(&subquery.modifiers, &subquery.span)
            return .subquery(subquery)
        case .number, .string, .call, .aggregation, .binary, .unary, .parenthesized:
            throw PromQLSyntaxError(
                span: operand.span,
                message: "\(name) modifier must be preceded by an instant vector selector or "
                    + "range vector selector or a subquery"
            )
        }
    }

    private mutating func ranged(_ operand: Expression) throws(PromQLSyntaxError) -> Expression {
        let open = advance()
        contexts.append(
            ErrorContext(
                construct: "subquery or range selector",
                expected: "number, duration, step(), or range()"
            )
        )
        let range = try positiveDuration()
        contexts.removeLast()
        if current.kind == .rightBracket {
            advance()
            return try matrix(operand, range: range, open: open)
        }
        guard current.kind == .colon else {
            throw unexpected(in: "subquery or range", expected: "\":\" or \"]\"")
        }
        advance()
        var step: DurationExpression?
        if current.kind != .rightBracket {
            contexts.append(
                ErrorContext(
                    construct: "subquery selector",
                    expected: "number, duration, step(), range(), or \"]\""
                )
            )
            step = try positiveDuration()
            contexts.removeLast()
            guard current.kind == .rightBracket else {
                throw unexpected(in: "subquery selector", expected: "\"]\"")
            }
        }
        advance()
        var span = operand.span
        span.end = lastEnd
        return .subquery(Subquery(inner: operand, range: range, step: step, span: span))
    }

    private func matrix(
        _ operand: Expression,
        range: DurationExpression,
        open: Token
    ) throws(PromQLSyntaxError) -> Expression {
        guard case .vector(let selector) = operand else {
            throw PromQLSyntaxError(
                span: open.span,
                message: "ranges only allowed for vector selectors"
            )
        }
        if selector.modifiers.offset != nil {
            throw PromQLSyntaxError(
                span: open.span,
                message: "no offset modifiers allowed before range"
            )
        }
        if selector.modifiers.at != nil {
            throw PromQLSyntaxError(
                span: open.span,
                message: "no @ modifiers allowed before range"
            )
        }
        var span = operand.span
        span.end = lastEnd
        return .matrix(MatrixSelector(selector: selector, range: range, span: span))
    }
}

extension Token {
    /// True for what may stand between the parentheses of `by`, `on` and the like.
    fileprivate var mayNameLabel: Bool {
        switch kind {
        case .identifier, .metricIdentifier, .string, .aggregator, .keyword: true
        case .operation(let operation): operation.isWord
        case .endOfInput, .error, .number, .duration, .leftParen, .rightParen, .leftBrace,
            .rightBrace, .leftBracket, .rightBracket, .comma, .colon, .equal, .matchesRegex,
            .doesNotMatchRegex, .at:
            false
        }
    }
}
