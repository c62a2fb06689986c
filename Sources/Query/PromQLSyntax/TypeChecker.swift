import Model

/// Checks that operands and arguments are of the types that operators and functions take.
enum TypeChecker {
    /// Throws the first problem, in the order Prometheus reports them.
    static func check(_ expression: Expression) throws(PromQLSyntaxError) {
        switch expression {
        case .number, .string: break
        case .vector(let selector): try check(selector)
        case .matrix(let matrix): try check(matrix.selector)
        case .parenthesized(let node): try check(node.inner)
        case .subquery(let node):
            try check(node.inner)
            let type = node.inner.valueType
            guard type == .vector else {
                throw PromQLSyntaxError(
                    span: node.span,
                    message:
                        "subquery is only allowed on instant vector, got \(type.rawValue) instead"
                )
            }
        case .unary(let node):
            try check(node.operand)
            let type = node.operand.valueType
            guard type == .scalar || type == .vector else {
                throw PromQLSyntaxError(
                    span: node.span,
                    message: "unary expression only allowed on expressions of type scalar or "
                        + "instant vector, got \"\(type.documentedName)\""
                )
            }
        case .aggregation(let node): try check(node)
        case .binary(let node): try check(node)
        case .call(let node): try check(node)
        }
    }

    private static func expect(
        _ expression: Expression,
        _ wanted: ValueType,
        in context: String
    ) throws(PromQLSyntaxError) {
        try check(expression)
        guard expression.valueType == wanted else {
            throw PromQLSyntaxError(
                span: expression.span,
                message: "expected type \(wanted.documentedName) in \(context), "
                    + "got \(expression.valueType.documentedName)"
            )
        }
    }

    private static func check(_ selector: VectorSelector) throws(PromQLSyntaxError) {
        guard selector.name == nil, selector.matchers.allSatisfy(\.matchesEmpty) else { return }
        throw PromQLSyntaxError(
            span: selector.span,
            message: "vector selector must contain at least one non-empty matcher"
        )
    }

    private static func check(_ node: Aggregation) throws(PromQLSyntaxError) {
        try expect(node.operand, .vector, in: "aggregation expression")
        guard let parameter = node.parameter else { return }
        try expect(
            parameter,
            node.operation == .countValues ? .string : .scalar,
            in: "aggregation parameter"
        )
    }

    private static func check(_ node: BinaryExpression) throws(PromQLSyntaxError) {
        try check(node.left)
        try check(node.right)
        let types = (left: node.left.valueType, right: node.right.valueType)
        func problem(_ span: SourceSpan, _ message: String) -> PromQLSyntaxError {
            PromQLSyntaxError(span: span, message: message)
        }
        if node.returnsBool, !node.operation.isComparison {
            throw problem(
                node.operationSpan,
                "bool modifier can only be used on comparison operators"
            )
        }
        if node.operation.isComparison, !node.returnsBool, types == (.scalar, .scalar) {
            throw problem(
                node.operationSpan,
                "comparisons between scalars must use BOOL modifier"
            )
        }
        if let matching = node.matching, matching.isOn,
            let both = matching.labels.first(where: { $0.isOne(of: matching.include) })
        {
            throw problem(
                node.operationSpan,
                "label \(GoQuoting.quoted(both)) must not occur in ON and GROUP clause at once"
            )
        }
        for (type, operand) in [(types.left, node.left), (types.right, node.right)]
        where type != .scalar && type != .vector {
            throw problem(
                operand.span,
                "binary expression must contain only scalar and instant vector types"
            )
        }
        let matching = node.matching ?? VectorMatching()
        let fills = matching.fillLeft != nil || matching.fillRight != nil
        if types.left != .vector || types.right != .vector {
            if !matching.labels.isEmpty {
                throw problem(node.span, "vector matching only allowed between instant vectors")
            }
            if fills {
                throw problem(
                    node.span,
                    "filling in missing series only allowed between instant vectors"
                )
            }
            if node.operation.isSet {
                throw problem(
                    node.span,
                    "set operator \(GoQuoting.quoted(node.operation.rawValue)) not allowed in "
                        + "binary scalar expression"
                )
            }
        } else if node.operation.isSet {
            if matching.cardinality != .manyToMany {
                throw problem(
                    node.span,
                    "no grouping allowed for \(GoQuoting.quoted(node.operation.rawValue)) "
                        + "operation"
                )
            }
            if fills {
                throw problem(
                    node.span,
                    "filling in missing series not allowed for set operators"
                )
            }
        }
    }

    private static func check(_ node: FunctionCall) throws(PromQLSyntaxError) {
        let signature = node.function.signature
        let name = GoQuoting.quoted(node.function.rawValue)
        let count = node.arguments.count
        func wrongCount(_ expected: String) -> PromQLSyntaxError {
            PromQLSyntaxError(
                span: node.span,
                message: "expected \(expected) argument(s) in call to \(name), got \(count)"
            )
        }
        if signature.countMin == signature.countMax, count != signature.countMin {
            throw wrongCount("\(signature.countMin)")
        }
        if count < signature.countMin { throw wrongCount("at least \(signature.countMin)") }
        if let most = signature.countMax, count > most { throw wrongCount("at most \(most)") }
        for (index, argument) in node.arguments.enumerated() {
            if node.function == .info, index == 1 {
                try checkInfoSelector(argument, node)
                continue
            }
            let wanted = signature.arguments[min(index, signature.arguments.count - 1)]
            try expect(argument, wanted, in: "call to function \(name)")
        }
    }

    /// The second argument of `info` is a selector without a metric name, empty matchers allowed.
    private static func checkInfoSelector(
        _ argument: Expression,
        _ node: FunctionCall
    ) throws(PromQLSyntaxError) {
        guard argument.valueType == .vector else {
            throw PromQLSyntaxError(
                span: node.span,
                message: "expected type instant vector in call to function \"info\", "
                    + "got \(argument.valueType.documentedName)"
            )
        }
        guard case .vector(let selector) = argument else {
            throw PromQLSyntaxError(
                span: argument.span,
                message: "expected label selectors only"
            )
        }
        guard selector.name == nil else {
            throw PromQLSyntaxError(
                span: argument.span,
                message: "expected label selectors only, got vector selector instead"
            )
        }
    }
}
