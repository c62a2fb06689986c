import Model

/// A PromQL expression: a checked syntax tree with the place of every node.
///
/// Equality ignores places (see `SourceSpan`), so equal expressions can share one evaluation.
package indirect enum Expression: Hashable, Sendable {
    case number(NumberLiteral)
    case string(StringLiteral)
    case vector(VectorSelector)
    case matrix(MatrixSelector)
    case subquery(Subquery)
    case call(FunctionCall)
    case aggregation(Aggregation)
    case binary(BinaryExpression)
    case unary(UnaryExpression)
    case parenthesized(ParenthesizedExpression)

    /// Where the expression stands.
    package var span: SourceSpan {
        switch self {
        case .number(let node): node.span
        case .string(let node): node.span
        case .vector(let node): node.span
        case .matrix(let node): node.span
        case .subquery(let node): node.span
        case .call(let node): node.span
        case .aggregation(let node): node.span
        case .binary(let node): node.span
        case .unary(let node): node.span
        case .parenthesized(let node): node.span
        }
    }

    /// What the expression evaluates to.
    package var valueType: ValueType {
        switch self {
        case .number: .scalar
        case .string: .string
        case .vector, .aggregation: .vector
        case .matrix, .subquery: .matrix
        case .call(let node): node.function.signature.returns
        case .binary(let node):
            node.left.valueType == .scalar && node.right.valueType == .scalar ? .scalar : .vector
        case .unary(let node): node.operand.valueType
        case .parenthesized(let node): node.inner.valueType
        }
    }

    /// The expressions directly below, in the order they are written.
    package var children: [Expression] {
        switch self {
        case .number, .string, .vector, .matrix: []
        case .subquery(let node): [node.inner]
        case .call(let node): node.arguments
        case .aggregation(let node):
            if let parameter = node.parameter { [parameter, node.operand] } else { [node.operand] }
        case .binary(let node): [node.left, node.right]
        case .unary(let node): [node.operand]
        case .parenthesized(let node): [node.inner]
        }
    }

    /// The expression without the parentheses around it.
    package var unwrapped: Expression {
        var inner = self
        while case .parenthesized(let node) = inner { inner = node.inner }
        return inner
    }
}

/// A number, or a duration that stands for its seconds.
package struct NumberLiteral: Sendable {
    package var value: Double
    /// True when written as a duration (`5m`) and printed as one.
    package var isDuration: Bool
    package var span: SourceSpan

    package init(value: Double, isDuration: Bool = false, span: SourceSpan) {
        self.value = value
        self.isDuration = isDuration
        self.span = span
    }
}

extension NumberLiteral: Hashable {
    /// Compares bits, so that `NaN` is equal to itself and `0` differs from `-0`.
    package static func == (left: NumberLiteral, right: NumberLiteral) -> Bool {
        left.value.bitPattern == right.value.bitPattern && left.isDuration == right.isDuration
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(value.bitPattern)
        hasher.combine(isDuration)
    }
}

package struct StringLiteral: Hashable, Sendable {
    package var value: String
    package var span: SourceSpan

    package init(value: String, span: SourceSpan) {
        self.value = value
        self.span = span
    }

    package static func == (left: StringLiteral, right: StringLiteral) -> Bool {
        left.value.hasSameBytes(as: right.value)
    }
}

/// `-x` or `+x`; of literals the sign is part of the literal instead.
package struct UnaryExpression: Hashable, Sendable {
    package var isNegation: Bool
    package var operand: Expression
    package var span: SourceSpan

    package init(isNegation: Bool, operand: Expression, span: SourceSpan) {
        self.isNegation = isNegation
        self.operand = operand
        self.span = span
    }
}

package struct ParenthesizedExpression: Hashable, Sendable {
    package var inner: Expression
    package var span: SourceSpan

    package init(inner: Expression, span: SourceSpan) {
        self.inner = inner
        self.span = span
    }
}

package struct FunctionCall: Hashable, Sendable {
    package var function: Function
    package var arguments: [Expression]
    package var span: SourceSpan

    package init(function: Function, arguments: [Expression], span: SourceSpan) {
        self.function = function
        self.arguments = arguments
        self.span = span
    }
}

/// `sum by (job) (x)`, `topk(3, x)`.
package struct Aggregation: Hashable, Sendable {
    package var operation: AggregationOperation
    /// Of operations that take one.
    package var parameter: Expression?
    package var operand: Expression
    /// The labels of `by` or `without`, as written.
    package var grouping: [String]
    /// True for `without (grouping)`, false for `by (grouping)`, which with no label is one group of all.
    package var isWithout: Bool
    package var span: SourceSpan

    package init(
        operation: AggregationOperation,
        parameter: Expression? = nil,
        operand: Expression,
        grouping: [String] = [],
        isWithout: Bool = false,
        span: SourceSpan
    ) {
        self.operation = operation
        self.parameter = parameter
        self.operand = operand
        self.grouping = grouping
        self.isWithout = isWithout
        self.span = span
    }

    package static func == (left: Aggregation, right: Aggregation) -> Bool {
        left.operation == right.operation && left.isWithout == right.isWithout
            && left.grouping.hasSameBytes(as: right.grouping)
            && left.parameter == right.parameter && left.operand == right.operand
    }
}

extension [String] {
    /// True when both lists hold the same texts, byte for byte and in order.
    func hasSameBytes(as other: [String]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.hasSameBytes(as: $1) }
    }
}
