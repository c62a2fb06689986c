import Model
import PromQLSyntax
import Synchronization

/// An expression made ready to be evaluated again and again: its operands are nodes, and what they derive from labels
/// is kept from one evaluation to the next.
final class PlanNode: Sendable {
    /// Never parenthesized.
    let expression: Expression
    /// Of the expression's children, in their order.
    let operands: [PlanNode]
    /// What it reads of the source itself; nil when it only has operands.
    let leaf: Leaf?
    /// True when the expression has the same value at every step: all it reads is fixed with `@`.
    let isFixed: Bool
    /// The metrics it reads; nil: any.
    let metricNames: Set<String>?
    /// Tells nodes of one planner apart.
    let number: Int
    private let derivations = Mutex(Derivations())

    init(_ expression: Expression, operands: [PlanNode], leaf: Leaf?, number: Int) {
        self.expression = expression
        self.operands = operands
        self.leaf = leaf
        self.number = number
        isFixed = PlanNode.isFixed(expression, operands)
        metricNames = PlanNode.metricNames(expression, operands)
    }

    /// What was derived from the labels of the operands' tables; check that they are still the same.
    func recall<Part: Sendable>(_ part: (borrowing Derivations) -> Part?) -> Part? {
        derivations.withLock { part($0) }
    }

    /// Keeps what was derived for the next evaluation.
    func keep(_ change: (inout Derivations) -> Void) {
        derivations.withLock { change(&$0) }
    }

    /// True when it reads one of these metrics, or may.
    func mayRead(_ written: Set<String>) -> Bool {
        guard !written.isEmpty else { return false }
        return metricNames.map { !$0.isDisjoint(with: written) } ?? true
    }

    /// True for what takes nothing to evaluate.
    var isLiteral: Bool {
        switch expression {
        case .number, .string: true
        default: false
        }
    }

    private static func isFixed(_ expression: Expression, _ operands: [PlanNode]) -> Bool {
        switch expression {
        case .number, .string: true
        case .vector(let selector): selector.modifiers.at != nil
        case .matrix(let matrix): matrix.selector.modifiers.at != nil
        case .subquery(let subquery): subquery.modifiers.at != nil
        case .parenthesized, .unary, .binary, .aggregation: operands.allSatisfy(\.isFixed)
        case .call(let node):
            !node.function.dependsOnTime(argumentCount: node.arguments.count)
                && operands.allSatisfy(\.isFixed)
        }
    }

    private static func metricNames(
        _ expression: Expression,
        _ operands: [PlanNode]
    ) -> Set<String>? {
        switch expression {
        case .vector(let selector): return selector.matchers.metricName.map { [$0] }
        case .matrix(let matrix): return matrix.selector.matchers.metricName.map { [$0] }
        // Info series are chosen by what the data say.
        case .call(let node) where node.function == .info: return nil
        case .number, .string, .subquery, .call, .aggregation, .binary, .unary, .parenthesized:
            var names: Set<String> = []
            for operand in operands {
                guard let own = operand.metricNames else { return nil }
                names.formUnion(own)
            }
            return names
        }
    }
}

extension [LabelMatcher] {
    /// The one metric that the matchers allow; nil when there may be several.
    var metricName: String? {
        first {
            $0.name == LabelSet.metricName && $0.operation == .equal && !$0.value.isEmpty
        }?.value
    }
}

extension Function {
    /// True when the evaluation time itself enters the value.
    func dependsOnTime(argumentCount: Int) -> Bool {
        switch self {
        case .time, .timestamp, .predictLinear, .info: true
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            argumentCount == 0
        default: false
        }
    }
}
