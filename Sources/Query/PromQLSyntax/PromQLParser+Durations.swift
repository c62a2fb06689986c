import Timekeeping

extension PromQLParser {
    /// A range or a step: any duration expression; a literal must be a millisecond at least.
    mutating func positiveDuration() throws(PromQLSyntaxError) -> DurationExpression {
        let first = current.span
        let duration = try durationExpression(minimumPrecedence: 1).asLength
        if case .constant(let seconds, _) = duration, !(seconds > 0) {
            throw PromQLSyntaxError(span: first, message: "duration must be greater than 0")
        }
        return duration
    }

    /// What may follow `offset`: one signed operand, so that `x offset 5m * 2` doubles x; arithmetic goes in
    /// parentheses.
    mutating func offsetDuration() throws(PromQLSyntaxError) -> DurationExpression {
        switch current.kind {
        case .operation(.add), .operation(.subtract):
            let sign = advance()
            let isNegative = sign.kind == .operation(.subtract)
            switch current.kind {
            case .operation(.add), .operation(.subtract):
                let operand = try durationExpression(
                    minimumPrecedence: BinaryOperation.power.precedence
                )
                return try signed(operand, isNegative: isNegative, sign)
            default: return try signed(try durationOperand(), isNegative: isNegative, sign)
            }
        case .leftParen: return try durationExpression(minimumPrecedence: 1)
        default: return try durationOperand()
        }
    }

    private mutating func durationExpression(
        minimumPrecedence: Int
    ) throws(PromQLSyntaxError) -> DurationExpression {
        try deepen()
        var left: DurationExpression
        if case .operation(let sign) = current.kind, sign == .add || sign == .subtract {
            let token = advance()
            let operand = try durationExpression(
                minimumPrecedence: BinaryOperation.power.precedence
            )
            left = try signed(operand, isNegative: sign == .subtract, token)
        } else {
            left = try durationOperand()
        }
        var chain = 0
        while case .operation(let operation) = current.kind, operation.isDurationArithmetic,
            operation.precedence >= minimumPrecedence
        {
            try deepen()
            chain += 1
            let token = advance()
            let right = try durationExpression(
                minimumPrecedence: operation.isRightAssociative
                    ? operation.precedence : operation.precedence + 1
            )
            if right.isZero, operation == .divide || operation == .modulo {
                throw PromQLSyntaxError(
                    span: token.span,
                    message: operation == .divide ? "division by zero" : "modulo by zero"
                )
            }
            left = .arithmetic(operation, left, right)
        }
        surface(1 + chain)
        return left
    }

    private mutating func durationOperand() throws(PromQLSyntaxError) -> DurationExpression {
        switch current.kind {
        case .number, .duration:
            let literal = try numberOrDuration()
            try checkSize(literal.value, literal.span)
            return .constant(seconds: literal.value, isDuration: literal.isDuration)
        case .keyword(.step), .keyword(.range):
            let token = advance()
            try take(.leftParen)
            try take(.rightParen)
            return token.kind == .keyword(.step) ? .step : .range
        case .keyword(.minOf), .keyword(.maxOf), .aggregator(.min), .aggregator(.max):
            let token = advance()
            try take(.leftParen)
            let left = try durationExpression(minimumPrecedence: 1)
            try take(.comma)
            let right = try durationExpression(minimumPrecedence: 1)
            try take(.rightParen)
            let isMinimum = token.kind == .keyword(.minOf) || token.kind == .aggregator(.min)
            return isMinimum ? .minimum(left, right) : .maximum(left, right)
        case .leftParen:
            advance()
            let inner = try durationExpression(minimumPrecedence: 1)
            try take(.rightParen)
            if case .parenthesized = inner { return inner }
            return .parenthesized(inner)
        default: throw unexpected()
        }
    }

    private func signed(
        _ operand: DurationExpression,
        isNegative: Bool,
        _ sign: Token
    ) throws(PromQLSyntaxError) -> DurationExpression {
        guard isNegative else { return operand }
        guard case .constant(let seconds, let isDuration) = operand else {
            return .negated(operand)
        }
        return .constant(seconds: -seconds, isDuration: isDuration)
    }

    private func checkSize(_ seconds: Double, _ span: SourceSpan) throws(PromQLSyntaxError) {
        guard seconds.magnitude <= DurationExpression.secondsMax else {
            throw PromQLSyntaxError(span: span, message: "duration out of range")
        }
    }
}

extension BinaryOperation {
    fileprivate var isDurationArithmetic: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .modulo, .power: true
        case .atan2, .equal, .notEqual, .lessOrEqual, .less, .greaterOrEqual, .greater, .and, .or,
            .unless, .trimUpper, .trimLower:
            false
        }
    }
}

extension DurationExpression {
    /// A literal number in the place of a whole range, step or offset is the same as a duration, in whole milliseconds.
    var asLength: DurationExpression {
        guard case .constant = self, let length = try? duration(mayBeNegative: true)
        else { return self }
        return .constant(seconds: length.inSeconds, isDuration: true)
    }

    /// True for a literal of no length.
    var isZero: Bool {
        if case .constant(let seconds, _) = self { return seconds == 0 }
        return false
    }
}
