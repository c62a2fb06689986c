import PromQLSyntax

extension Expression {
    /// The tree in brackets, operators first: `(+ a (* b c))`; for precedence tables.
    var tree: String {
        switch self {
        case .binary(let node): "(\(node.operation.rawValue) \(node.left.tree) \(node.right.tree))"
        case .unary(let node): "(\(node.isNegation ? "neg" : "pos") \(node.operand.tree))"
        case .parenthesized(let node): "[\(node.inner.tree)]"
        case .call(let node):
            "(\(([node.function.rawValue] + node.arguments.map(\.tree)).joined(separator: " ")))"
        case .aggregation(let node):
            "(\(([node.operation.rawValue] + children.map(\.tree)).joined(separator: " ")))"
        case .number, .string, .vector, .matrix, .subquery: printed
        }
    }
}
