/// Reads PromQL: the whole grammar of Prometheus 3, its experimental parts included.
///
/// A recursive-descent parser with precedence climbing, then a type check; errors are Prometheus's own,
/// the first one found.
package struct PromQLParser {
    /// How deep expressions may nest, chains of operators counted: what later passes walk recursively.
    package static let depthMax = 400

    /// How long a text may be, in bytes.
    package static let textBytesMax = 1 << 20

    var lexer: Lexer
    var current: Token
    /// End of the last token that was taken.
    var lastEnd = 0
    /// What the innermost unfinished construct says about a token that does not fit.
    var contexts: [ErrorContext] = []
    private var depth = 0
    private let depthMax: Int

    struct ErrorContext {
        var construct: String
        var expected: String
    }

    private init(_ text: String, depthMax: Int) {
        lexer = Lexer(text)
        current = lexer.next()
        self.depthMax = depthMax
    }

    /// Parses and type-checks an expression.
    ///
    /// - Throws: `PromQLSyntaxError` with the position and Prometheus's words.
    package static func parse(
        _ text: String,
        depthMax: Int = PromQLParser.depthMax
    ) throws(PromQLSyntaxError) -> Expression {
        guard text.utf8.count <= textBytesMax else {
            throw PromQLSyntaxError(
                span: nil,
                message: "expression is \(text.utf8.count) bytes long (limit \(textBytesMax)); "
                    + "split it with recording rules"
            )
        }
        var parser = PromQLParser(text, depthMax: depthMax)
        guard parser.current.kind != .endOfInput else {
            throw PromQLSyntaxError(
                span: text.isEmpty
                    ? nil : SourceSpan(start: 0, end: 0, line: 1, column: 1),
                message: "no expression found in input"
            )
        }
        let expression = try parser.expression(minimumPrecedence: 1)
        guard parser.current.kind == .endOfInput else { throw parser.unexpected() }
        try TypeChecker.check(expression)
        return expression
    }

    /// Parses a series selector alone, as `match[]` parameters hold them.
    ///
    /// - Throws: `PromQLSyntaxError` also for a selector with modifiers, or one that matches every series.
    package static func parseSelector(
        _ text: String
    ) throws(PromQLSyntaxError) -> VectorSelector {
        let expression = try parse(text)
        guard case .vector(let selector) = expression, selector.modifiers == SelectorModifiers(),
            selector.window == .plain
        else {
            throw PromQLSyntaxError(
                span: expression.span,
                message: "expected a series selector without modifiers"
            )
        }
        return selector
    }

    /// Parses the name and labels of a series; `{}` and no name at all are allowed here.
    static func parseSeriesName(_ text: String) throws(PromQLSyntaxError) -> VectorSelector {
        var parser = PromQLParser(text, depthMax: 1)
        guard case .vector(let selector) = try parser.primary(),
            parser.current.kind == .endOfInput
        else { throw parser.unexpected() }
        return selector
    }

    // MARK: Expressions

    mutating func expression(minimumPrecedence: Int) throws(PromQLSyntaxError) -> Expression {
        try deepen()
        var left = try unary()
        var chain = 0
        while case .operation(let operation) = current.kind,
            operation.precedence >= minimumPrecedence
        {
            // A chain of operators nests to the left: it is deep without recursion here.
            try deepen()
            chain += 1
            let operationToken = advance()
            var (matching, returnsBool) = try binaryModifiers()
            let right = try expression(
                minimumPrecedence: operation.isRightAssociative
                    ? operation.precedence : operation.precedence + 1
            )
            if operation.isSet, matching.cardinality == .oneToOne {
                matching.cardinality = .manyToMany
            }
            let pairsSeries = left.valueType == .vector && right.valueType == .vector
            left = .binary(
                BinaryExpression(
                    operation: operation,
                    left: left,
                    right: right,
                    matching: pairsSeries || matching.mustPairSeries ? matching : nil,
                    returnsBool: returnsBool,
                    operationSpan: operationToken.span
                )
            )
        }
        surface(1 + chain)
        return left
    }

    private mutating func unary() throws(PromQLSyntaxError) -> Expression {
        let sign = current
        guard case .operation(let operation) = sign.kind,
            operation == .add || operation == .subtract
        else { return try postfix(try primary()) }
        advance()
        try deepen()
        // Signs bind as `*` does: -a ^ b is -(a ^ b), -a * b is (-a) * b.
        let operand = try expression(minimumPrecedence: BinaryOperation.power.precedence)
        surface(1)
        let span = sign.span.extended(through: operand.span)
        guard case .number(var literal) = operand else {
            return .unary(
                UnaryExpression(
                    isNegation: operation == .subtract,
                    operand: operand,
                    span: span
                )
            )
        }
        // NaN has no sign that could be written.
        if operation == .subtract, !literal.value.isNaN { literal.value = -literal.value }
        literal.span = span
        return .number(literal)
    }

    private mutating func primary() throws(PromQLSyntaxError) -> Expression {
        let token = current
        switch token.kind {
        case .number, .duration: return .number(try numberOrDuration())
        case .string:
            advance()
            return .string(StringLiteral(value: try unquoted(token), span: token.span))
        case .leftParen:
            advance()
            let inner = try expression(minimumPrecedence: 1)
            let close = try take(.rightParen)
            return .parenthesized(
                ParenthesizedExpression(
                    inner: inner,
                    span: token.span.extended(through: close.span)
                )
            )
        case .leftBrace: return try vectorSelector(name: nil)
        case .identifier:
            advance()
            if current.kind == .leftParen { return try call(token) }
            return try vectorSelector(name: token)
        case .metricIdentifier:
            advance()
            return try vectorSelector(name: token)
        case .aggregator(let operation):
            advance()
            switch current.kind {
            case .leftParen, .keyword(.by), .keyword(.without):
                return try aggregation(operation, token)
            default: return try vectorSelector(name: token)
            }
        case .keyword(let keyword) where keyword.mayNameMetric:
            advance()
            if keyword.isPreprocessor, current.kind == .leftParen {
                var name = token
                name.text = token.text.lowercased()
                return try call(name)
            }
            return try vectorSelector(name: token)
        case .operation(let operation) where operation.isSet:
            advance()
            return try vectorSelector(name: token)
        case .error, .endOfInput, .rightParen, .rightBrace, .leftBracket, .rightBracket, .comma,
            .colon, .equal, .matchesRegex, .doesNotMatchRegex, .at, .operation, .keyword:
            throw unexpected()
        }
    }

    private mutating func call(_ name: Token) throws(PromQLSyntaxError) -> Expression {
        let (arguments, close) = try arguments()
        guard let function = Function(rawValue: name.text) else {
            throw PromQLSyntaxError(
                span: name.span,
                message: "unknown function with name \(GoQuoting.quoted(name.text))"
            )
        }
        return .call(
            FunctionCall(
                function: function,
                arguments: arguments,
                span: name.span.extended(through: close.span)
            )
        )
    }

    private mutating func arguments() throws(PromQLSyntaxError) -> ([Expression], Token) {
        try take(.leftParen)
        if current.kind == .rightParen { return ([], advance()) }
        var arguments = [try expression(minimumPrecedence: 1)]
        while current.kind == .comma {
            let comma = advance()
            // As in Prometheus, whatever cannot go on after a comma makes it a trailing one.
            if !current.mayStartExpression {
                throw PromQLSyntaxError(
                    span: comma.span,
                    message: "trailing commas not allowed in function call args"
                )
            }
            arguments.append(try expression(minimumPrecedence: 1))
        }
        return (arguments, try take(.rightParen))
    }

    private mutating func aggregation(
        _ operation: AggregationOperation,
        _ name: Token
    ) throws(PromQLSyntaxError) -> Expression {
        contexts.append(ErrorContext(construct: "aggregation", expected: ""))
        var grouping: [String] = []
        var isWithout = false
        var isGrouped = false
        if current.kind != .leftParen {
            isWithout = advance().kind == .keyword(.without)
            grouping = try groupingLabels()
            isGrouped = true
        }
        var (arguments, close) = try arguments()
        contexts.removeLast()
        if !isGrouped, current.kind == .keyword(.by) || current.kind == .keyword(.without) {
            isWithout = advance().kind == .keyword(.without)
            grouping = try groupingLabels()
            close.span.end = lastEnd
        }
        let span = name.span.extended(through: close.span)
        guard !arguments.isEmpty else {
            throw PromQLSyntaxError(
                span: span,
                message: "no arguments for aggregate expression provided"
            )
        }
        let wanted = operation.takesParameter ? 2 : 1
        guard arguments.count == wanted else {
            throw PromQLSyntaxError(
                span: span,
                message: "wrong number of arguments for aggregate expression provided, "
                    + "expected \(wanted), got \(arguments.count)"
            )
        }
        return .aggregation(
            Aggregation(
                operation: operation,
                parameter: wanted == 2 ? arguments[0] : nil,
                operand: arguments[wanted - 1],
                grouping: grouping,
                isWithout: isWithout,
                span: span
            )
        )
    }

    // MARK: Tokens

    /// Takes the current token and reads the next.
    @discardableResult
    mutating func advance() -> Token {
        let token = current
        lastEnd = token.span.end
        if token.kind != .error, token.kind != .endOfInput { current = lexer.next() }
        return token
    }

    /// Takes a token of a kind that must come now.
    @discardableResult
    mutating func take(_ kind: TokenKind) throws(PromQLSyntaxError) -> Token {
        guard current.kind == kind else { throw unexpected() }
        return advance()
    }

    /// The error for a current token that does not fit, in the words of the innermost construct.
    func unexpected() -> PromQLSyntaxError {
        unexpected(in: contexts.last?.construct ?? "", expected: contexts.last?.expected ?? "")
    }

    /// The error for a current token that does not fit.
    func unexpected(in construct: String, expected: String) -> PromQLSyntaxError {
        guard current.kind != .error else {
            return PromQLSyntaxError(span: current.span, message: current.text)
        }
        var message = "unexpected \(current.described)"
        if !construct.isEmpty { message += " in \(construct)" }
        if !expected.isEmpty { message += ", expected \(expected)" }
        return PromQLSyntaxError(span: current.span, message: message)
    }

    /// Counts levels of nesting; every call is undone by `surface`.
    mutating func deepen() throws(PromQLSyntaxError) {
        depth += 1
        guard depth <= depthMax else {
            throw PromQLSyntaxError(
                span: current.span,
                message: "expression nests deeper than \(depthMax) levels; "
                    + "split it with recording rules"
            )
        }
    }

    mutating func surface(_ levels: Int) { depth -= levels }
}
