import Model
import PromQLSyntax

/// Which labels the series of an expression may have.
enum LabelSpace: Hashable {
    case only(Set<String>)
    case anyBut(Set<String>)

    /// Whatever there is.
    static let all = LabelSpace.anyBut([])
    static let none = LabelSpace.only([])

    func contains(_ name: String) -> Bool {
        switch self {
        case .only(let names): names.contains(name)
        case .anyBut(let names): !names.contains(name)
        }
    }

    private func adding(_ names: some Sequence<String>) -> LabelSpace {
        switch self {
        case .only(let own): .only(own.union(names))
        case .anyBut(let out): .anyBut(out.subtracting(names))
        }
    }

    private func removing(_ names: some Sequence<String>) -> LabelSpace {
        switch self {
        case .only(let own): .only(own.subtracting(names))
        case .anyBut(let out): .anyBut(out.union(names))
        }
    }

    private func intersection(_ names: [String]) -> LabelSpace {
        .only(Set(names.filter(contains)))
    }

    private func union(_ other: LabelSpace) -> LabelSpace {
        switch (self, other) {
        case (.only(let left), .only(let right)): .only(left.union(right))
        case (.only(let names), .anyBut(let out)), (.anyBut(let out), .only(let names)):
            .anyBut(out.subtracting(names))
        case (.anyBut(let left), .anyBut(let right)): .anyBut(left.intersection(right))
        }
    }

    /// The labels of an expression's series; more than there are when it cannot be told.
    static func of(_ expression: Expression) -> LabelSpace {
        switch expression {
        case .number, .string: .none
        case .vector, .matrix: .all
        case .subquery(let node): of(node.inner)
        case .unary(let node): of(node.operand)
        case .parenthesized(let node): of(node.inner)
        case .aggregation(let node): of(node)
        case .call(let node): of(node)
        case .binary(let node): of(node)
        }
    }

    private static func of(_ node: Aggregation) -> LabelSpace {
        let operand = of(node.operand)
        switch node.operation {
        case .topk, .bottomk, .limitk, .limitRatio: return operand
        case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar, .quantile, .countValues:
            break
        }
        var space =
            node.isWithout
            ? operand.removing(node.grouping + [LabelSet.metricName])
            : operand.intersection(node.grouping)
        if node.operation == .countValues, case .string(let label) = node.parameter?.unwrapped {
            space = space.adding([label.value])
        }
        return space
    }

    private static func of(_ node: FunctionCall) -> LabelSpace {
        func text(_ index: Int) -> String? {
            guard index < node.arguments.count,
                case .string(let literal) = node.arguments[index].unwrapped
            else { return nil }
            return literal.value
        }
        let operand = node.arguments.first { $0.valueType == .vector || $0.valueType == .matrix }
        let space = operand.map(of) ?? .none
        switch node.function {
        case .absent, .absentOverTime: return operand.map(absent) ?? .none
        case .labelReplace, .labelJoin: return text(1).map { space.adding([$0]) } ?? .all
        case .histogramQuantile, .histogramFraction: return space.removing(["le"])
        case .histogramQuantiles, .info: return .all
        default: return space
        }
    }

    /// The labels that `absent` takes from a selector: those compared with one value.
    private static func absent(_ operand: Expression) -> LabelSpace {
        let selector: VectorSelector
        switch operand.unwrapped {
        case .vector(let node): selector = node
        case .matrix(let node): selector = node.selector
        default: return .none
        }
        let exact = selector.matchers.filter { $0.operation == .equal }.map(\.name)
        return .only(Set(exact).subtracting([LabelSet.metricName]))
    }

    private static func of(_ node: BinaryExpression) -> LabelSpace {
        guard node.left.valueType == .vector else { return of(node.right) }
        guard node.right.valueType == .vector, let matching = node.matching else {
            return of(node.left)
        }
        switch (node.operation, matching.cardinality) {
        case (.or, _): return of(node.left).union(of(node.right))
        case (.and, _), (.unless, _): return of(node.left)
        case (_, .manyToOne): return of(node.left).adding(matching.include)
        case (_, .oneToMany): return of(node.right).adding(matching.include)
        case (_, .oneToOne), (_, .manyToMany):
            return matching.isOn
                ? of(node.left).intersection(matching.labels)
                : of(node.left).removing(matching.labels)
        }
    }
}
