extension Expression {
    /// How long a line may be, in bytes, before it is split.
    package static let prettyLineBytesMax = 100

    /// The expression over several lines, as Prometheus's `format_query` writes it.
    ///
    /// A node that fits in a line stays on it; the parts of a longer one stand below each other, two spaces further in.
    ///
    /// - Source: Prometheus `promql/parser/prettier.go`.
    package var pretty: String { pretty(level: 0) }

    private func pretty(level: Int) -> String {
        let indent = String(repeating: "  ", count: level)
        let plain = printed
        let fits = plain.utf8.count <= Expression.prettyLineBytesMax
        switch self {
        case .number, .string, .vector, .matrix: return indent + plain
        case .unary(let node):
            // The sign stands before the operand's own indentation, at every length.
            let operand = node.operand.pretty(level: level).drop { $0 == " " }
            return indent + (node.isNegation ? "-" : "+") + operand
        case .subquery(let node):
            // Prometheus does not indent a subquery that fits.
            return fits ? plain : node.inner.pretty(level: level) + node.printedWindow
        case .call, .aggregation, .binary, .parenthesized:
            return fits ? indent + plain : split(level: level, indent)
        }
    }

    private func split(level: Int, _ indent: String) -> String {
        switch self {
        case .number, .string, .vector, .matrix, .unary, .subquery: return indent + printed
        case .call(let node):
            let arguments = node.arguments.map { $0.pretty(level: level + 1) }
            return "\(indent)\(node.function.rawValue)(\n"
                + arguments.joined(separator: ",\n") + "\n\(indent))"
        case .aggregation(let node):
            let parameter = node.parameter.map { $0.pretty(level: level + 1) + ",\n" } ?? ""
            return "\(indent)\(node.printedOperation)(\n\(parameter)"
                + "\(node.operand.pretty(level: level + 1))\n\(indent))"
        case .binary(let node):
            return node.left.pretty(level: level + 1)
                + "\n\(indent)\(node.operation.rawValue)\(node.returnsBool ? " bool" : "")"
                + "\(node.matching?.printed ?? "")\n\(node.right.pretty(level: level + 1))"
        case .parenthesized(let node):
            return "\(indent)(\n\(node.inner.pretty(level: level + 1))\n\(indent))"
        }
    }
}
