import Model
import PromQLSyntax
import Timekeeping

extension JSONWriter {
    /// An expression as the tree that `parse_query` answers, keys in order.
    ///
    /// - Source: Prometheus `web/api/v1/translate_ast.go`.
    mutating func syntaxTree(_ expression: Expression) {
        object { writer in
            switch expression {
            case .number(let node):
                writer.field("type", "numberLiteral")
                writer.field("val", PromQLNumber.text(node.value))
            case .string(let node):
                writer.field("type", "stringLiteral")
                writer.field("val", node.value)
            case .vector(let node):
                writer.selector(node, range: nil)
                writer.field("type", "vectorSelector")
            case .matrix(let node):
                writer.selector(node.selector, range: node.range)
                writer.field("type", "matrixSelector")
            case .subquery(let node): writer.subquery(node)
            case .call(let node): writer.call(node)
            case .aggregation(let node): writer.aggregation(node)
            case .binary(let node): writer.binary(node)
            case .unary(let node):
                writer.tree("expr", node.operand)
                writer.field("op", node.isNegation ? "-" : "+")
                writer.field("type", "unaryExpr")
            case .parenthesized(let node):
                writer.tree("expr", node.inner)
                writer.field("type", "parenExpr")
            }
        }
    }

    private mutating func tree(_ name: String, _ expression: Expression?) {
        key(name)
        guard let expression else { return raw("null") }
        syntaxTree(expression)
    }

    private mutating func list(_ name: String, _ texts: [String]) {
        key(name)
        strings(texts)
    }

    private mutating func aggregation(_ node: Aggregation) {
        tree("expr", node.operand)
        list("grouping", node.grouping)
        field("op", node.operation.rawValue)
        tree("param", node.parameter)
        field("type", "aggregation")
        field("without", raw: "\(node.isWithout)")
    }

    private mutating func binary(_ node: BinaryExpression) {
        field("bool", raw: "\(node.returnsBool)")
        tree("lhs", node.left)
        key("matching")
        if let matching = node.matching {
            object { writer in
                writer.field("card", matching.cardinality.rawValue)
                writer.key("fillValues")
                writer.object { writer in
                    writer.field("lhs", raw: JSONWriter.number(matching.fillLeft))
                    writer.field("rhs", raw: JSONWriter.number(matching.fillRight))
                }
                writer.list("include", matching.include)
                writer.list("labels", matching.labels)
                writer.field("on", raw: "\(matching.isOn)")
            }
        } else {
            raw("null")
        }
        field("op", node.operation.rawValue)
        tree("rhs", node.right)
        field("type", "binaryExpr")
    }

    /// JSON has no infinities and no NaN.
    private static func number(_ value: Double?) -> String {
        value.flatMap { $0.isFinite ? PromQLNumber.text($0) : nil } ?? "null"
    }

    private mutating func call(_ node: FunctionCall) {
        key("args")
        array { writer in
            for argument in node.arguments { writer.syntaxTree(argument) }
        }
        let signature = node.function.signature
        key("func")
        object { writer in
            writer.list("argTypes", signature.arguments.map(\.rawValue))
            writer.field("name", node.function.rawValue)
            writer.field("returnType", signature.returns.rawValue)
            // How many arguments may be left out; -1: the last one may be repeated.
            let spare = signature.countMax.map { $0 - signature.countMin } ?? -1
            writer.field("variadic", raw: "\(spare)")
        }
        field("type", "call")
    }

    private mutating func subquery(_ node: Subquery) {
        tree("expr", node.inner)
        field("offset", raw: JSONWriter.milliseconds(node.modifiers.offset))
        field("range", raw: JSONWriter.milliseconds(node.range))
        moment(node.modifiers.at) { writer in
            writer.field("step", raw: JSONWriter.milliseconds(node.step))
        }
        field("type", "subquery")
    }

    private mutating func selector(_ node: VectorSelector, range: DurationExpression?) {
        field("anchored", raw: "\(node.window == .anchored)")
        key("matchers")
        array { writer in
            for matcher in node.matchers {
                writer.object { writer in
                    writer.field("name", matcher.name)
                    writer.field("type", matcher.operation.rawValue)
                    writer.field("value", matcher.value)
                }
            }
        }
        field("name", node.name ?? "")
        field("offset", raw: JSONWriter.milliseconds(node.modifiers.offset))
        if let range { field("range", raw: JSONWriter.milliseconds(range)) }
        field("smoothed", raw: "\(node.window == .smoothed)")
        moment(node.modifiers.at) { _ in }
    }

    /// `startOrEnd`, what comes between in the order of keys, and `timestamp`.
    private mutating func moment(_ at: AtModifier?, _ between: (inout JSONWriter) -> Void) {
        key("startOrEnd")
        switch at {
        case .start: string("start")
        case .end: string("end")
        case .timestamp, nil: raw("null")
        }
        between(&self)
        if case .timestamp(let moment) = at {
            field("timestamp", raw: "\(moment.milliseconds)")
        } else {
            field("timestamp", raw: "null")
        }
    }

    /// A length as an instant query has it; 0 for none, and for one that makes no sense there.
    private static func milliseconds(_ length: DurationExpression?) -> String {
        guard let length, let duration = try? length.duration(mayBeNegative: true) else {
            return "0"
        }
        return "\(duration.milliseconds)"
    }
}
