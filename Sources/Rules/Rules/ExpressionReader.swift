import Model
import PromQLSyntax
import YAML

/// Reads PromQL out of a rule file, its errors placed in the file.
struct ExpressionReader {
    let problems: DiagnosticCollector

    /// The expression under `key`, parsed; reports when it is missing, empty or no PromQL.
    ///
    /// - Parameters:
    ///   - map: The rule.
    ///   - key: `expr`.
    ///   - judged: True when the series of the expression are compared with a threshold, so that it must be an
    ///     instant vector or a scalar.
    /// - Returns: Nil after a report.
    func expression(in map: MappingReader, _ key: String, judged: Bool = false) -> RuleExpression? {
        guard map.required(key) != nil, map.string(key) != nil, let node = map.node(key),
            let parsed = parse(node)
        else { return nil }
        if judged, parsed.valueType != .vector, parsed.valueType != .scalar {
            problems.report(
                node.location,
                "\(key) is a \(parsed.valueType.documentedName); it must be an instant vector or a scalar, "
                    + "whose values are compared"
            )
            return nil
        }
        return RuleExpression(text: node.text ?? "", location: node.location)
    }

    /// The plain selectors of an expression that is one of them, or several joined by `+`.
    func selectors(in map: MappingReader, _ key: String) -> [RuleExpression]? {
        guard map.required(key) != nil, map.string(key) != nil, let node = map.node(key),
            let scalar = node.scalar, let parsed = parse(node)
        else { return nil }
        var found: [RuleExpression] = []
        for part in ExpressionReader.addends(of: parsed) {
            guard case .vector(let selector) = part.unwrapped,
                selector.modifiers == SelectorModifiers(), selector.window == .plain
            else {
                problems.report(
                    scalar.location(ofByte: part.span.start),
                    "\"\(key)\" takes plain selectors, such as metric{label=\"value\"}, joined by +; "
                        + "not functions, ranges, offsets or other operators"
                )
                return nil
            }
            let bytes = Array(scalar.text.utf8)[selector.span.start..<selector.span.end]
            found.append(
                RuleExpression(
                    text: String(decoding: bytes, as: UTF8.self),
                    location: scalar.location(ofByte: selector.span.start)
                )
            )
        }
        return found
    }

    /// The operands of a sum without matching clauses; anything else is its own only addend.
    private static func addends(of expression: Expression) -> [Expression] {
        guard case .binary(let sum) = expression.unwrapped, sum.operation == .add,
            sum.matching == VectorMatching()
        else { return [expression] }
        return addends(of: sum.left) + addends(of: sum.right)
    }

    private func parse(_ node: YAMLNode) -> Expression? {
        guard let scalar = node.scalar else { return nil }
        do {
            return try PromQLParser.parse(scalar.text)
        } catch {
            let place = error.span.map { scalar.location(ofByte: $0.start) } ?? node.location
            problems.report(place, "not valid PromQL: \(error.message)")
            return nil
        }
    }
}
