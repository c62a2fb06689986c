import Model
import Timekeeping

extension Expression: CustomStringConvertible {
    package var description: String { printed }

    /// The canonical text, as Prometheus's own printer writes it.
    ///
    /// Parsing it gives an equal expression.
    package var printed: String {
        switch self {
        case .number(let node): node.printed
        case .string(let node): GoQuoting.quoted(node.value)
        case .vector(let node):
            node.bare + node.modifiers.printedAt + node.window.printed
                + node.modifiers.printedOffset
        case .matrix(let node):
            "\(node.selector.bare)[\(node.range.printed)]\(node.selector.window.printed)"
                + node.selector.modifiers.printedAt + node.selector.modifiers.printedOffset
        case .subquery(let node): node.inner.printed + node.printedWindow
        case .call(let node):
            "\(node.function.rawValue)(\(node.arguments.map(\.printed).joined(separator: ", ")))"
        case .aggregation(let node): node.printed
        case .binary(let node):
            "\(node.printedLeft) \(node.operation.rawValue)\(node.returnsBool ? " bool" : "")"
                + "\(node.matching?.printed ?? "") \(node.right.printed)"
        case .unary(let node): (node.isNegation ? "-" : "+") + node.operand.printed
        case .parenthesized(let node): "(\(node.inner.printed))"
        }
    }

    /// Label names as they stand in selectors and groupings: quoted when not letters, digits and underscores.
    fileprivate static func printedLabel(_ name: String) -> String {
        let bytes = name.utf8
        let isPlain = bytes.allSatisfy {
            ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || $0 == 95 || ($0 >= 48 && $0 <= 57)
        }
        let startsWithDigit = bytes.first.map { $0 >= 48 && $0 <= 57 } ?? true
        return isPlain && !startsWithDigit ? name : GoQuoting.quoted(name)
    }

    fileprivate static func printedLabels(_ names: [String]) -> String {
        "(\(names.map(printedLabel).joined(separator: ", ")))"
    }
}

extension NumberLiteral {
    fileprivate var printed: String {
        guard isDuration else { return PromQLNumber.text(value) }
        let text = Duration.milliseconds(Int64((value * 1000).rounded())).prometheusText
        // The other durations bear their sign; zero has one too, which division tells.
        return value == 0 && value.sign == .minus ? "-" + text : text
    }
}

extension BinaryExpression {
    /// The operand before the operator: there a sign would bind looser than a power, also that of `+Inf`.
    fileprivate var printedLeft: String {
        guard operation == .power, case .number(let literal) = left, !literal.isDuration,
            literal.value == .infinity
        else { return left.printed }
        return "Inf"
    }
}

extension VectorSelector {
    /// Name and braces, without modifiers.
    fileprivate var bare: String {
        let shown = matchers.filter {
            !($0.name == LabelSet.metricName && $0.operation == .equal && $0.value == name)
        }
        guard !shown.isEmpty || name == nil else { return name ?? "" }
        let texts = shown.map {
            Expression.printedLabel($0.name) + $0.operation.rawValue + GoQuoting.quoted($0.value)
        }
        let sorted = texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return "\(name ?? ""){\(sorted.joined(separator: ","))}"
    }
}

extension WindowMode {
    fileprivate var printed: String { self == .plain ? "" : " \(rawValue)" }
}

extension SelectorModifiers {
    fileprivate var printedAt: String {
        switch at {
        case nil: return ""
        case .start: return " @ start()"
        case .end: return " @ end()"
        case .timestamp(let moment):
            let size = moment.milliseconds.magnitude
            let fraction = String(size % 1000)
            return " @ \(moment.milliseconds < 0 ? "-" : "")\(size / 1000)."
                + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
        }
    }

    fileprivate var printedOffset: String { offset.map { " offset \($0.printed)" } ?? "" }
}

extension DurationExpression {
    fileprivate var printed: String {
        switch self {
        case .constant(let seconds, false): PromQLNumber.text(seconds)
        case .constant(let seconds, true):
            Duration.milliseconds(Int64((seconds * 1000).rounded())).prometheusText
        case .step: "step()"
        case .range: "range()"
        case .negated(let inner): "-\(inner.printed)"
        case .parenthesized(let inner): "(\(inner.printed))"
        case .minimum(let left, let right): "min_of(\(left.printed), \(right.printed))"
        case .maximum(let left, let right): "max_of(\(left.printed), \(right.printed))"
        case .arithmetic(let operation, let left, let right):
            "\(left.printed) \(operation.rawValue) \(right.printed)"
        }
    }
}

extension Subquery {
    /// Everything after the inner expression: `[1h:5m] offset 1m`.
    var printedWindow: String {
        "[\(range.printed):\(step?.printed ?? "")]" + modifiers.printedAt + modifiers.printedOffset
    }
}

extension Aggregation {
    fileprivate var printed: String {
        let first = parameter.map { "\($0.printed), " } ?? ""
        return "\(printedOperation)(\(first)\(operand.printed))"
    }

    /// The operator with its grouping, a space after that: `sum by (job) `.
    var printedOperation: String {
        let labels = Expression.printedLabels(grouping)
        let by = isWithout ? " without \(labels) " : grouping.isEmpty ? "" : " by \(labels) "
        return operation.rawValue + by
    }
}

extension VectorMatching {
    /// The clauses with a space before each: ` on (job) group_left ()`.
    var printed: String {
        let isGrouped = cardinality == .manyToOne || cardinality == .oneToMany
        var result = ""
        if !labels.isEmpty || isOn || isGrouped {
            result += " \(isOn ? "on" : "ignoring") \(Expression.printedLabels(labels))"
        }
        if isGrouped {
            result += cardinality == .manyToOne ? " group_left" : " group_right"
            result += " \(Expression.printedLabels(include))"
        }
        switch (fillLeft, fillRight) {
        case (nil, nil): break
        case (let left?, let right?) where left.bitPattern == right.bitPattern:
            result += " fill (\(PromQLNumber.general(left)))"
        case (let left, let right):
            if let left { result += " fill_left (\(PromQLNumber.general(left)))" }
            if let right { result += " fill_right (\(PromQLNumber.general(right)))" }
        }
        return result
    }
}
