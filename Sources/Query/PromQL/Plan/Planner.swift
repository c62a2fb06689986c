import Model
import PromQLSyntax
import Synchronization

/// Turns expressions into plans.
///
/// A sharing planner makes equal expressions one node, for as long as someone holds it. Places in the text take no part in
/// equality, so that annotations of shared nodes name the place of the first.
final class Planner: Sendable {
    fileprivate struct Weak {
        weak var node: PlanNode?
    }

    fileprivate struct State {
        let isSharing: Bool
        var nodes: [Expression: Weak] = [:]
        /// By shape, the leaf's number and a node that reads it.
        var leaves: [Leaf.Shape: (number: Int, reader: Weak)] = [:]
        var lastNumber = 0
        /// Entries at which those that nobody holds are removed.
        var sweepAt = 1024
    }

    private let state: Mutex<State>

    init(isSharing: Bool) {
        state = Mutex(State(isSharing: isSharing))
    }

    /// The plan of an expression.
    func plan(_ expression: Expression) -> PlanNode {
        state.withLock { state in
            state.sweep()
            return state.node(expression)
        }
    }
}

extension Planner.State {
    mutating func node(_ written: Expression) -> PlanNode {
        let expression = written.unwrapped
        if isSharing, let known = nodes[expression]?.node { return known }
        var operands: [PlanNode] = []
        for child in expression.children { operands.append(node(child)) }
        lastNumber += 1
        let (leaf, isNew) = leaf(expression, operands)
        let node = PlanNode(expression, operands: operands, leaf: leaf, number: lastNumber)
        if let leaf, isNew { leaves[leaf.shape] = (leaf.number, Planner.Weak(node: node)) }
        if isSharing { nodes[expression] = Planner.Weak(node: node) }
        return node
    }

    /// Forgets what nobody holds any more.
    mutating func sweep() {
        guard nodes.count + leaves.count > sweepAt else { return }
        nodes = nodes.filter { $0.value.node != nil }
        leaves = leaves.filter { $0.value.reader.node != nil }
        sweepAt = 1024 + 2 * (nodes.count + leaves.count)
    }

    /// What the expression reads itself, and whether its shape is to be remembered.
    private func leaf(
        _ expression: Expression,
        _ operands: [PlanNode]
    ) -> (leaf: Leaf?, isNew: Bool) {
        func make(
            _ kind: Leaf.Kind,
            _ selector: VectorSelector,
            _ range: DurationExpression? = nil
        ) -> (Leaf, Bool) {
            var shape = Leaf.Shape(
                kind: kind,
                matchers: selector.sortedMatchers,
                range: range,
                window: kind.isOfNewest ? .plain : selector.window,
                parameters: []
            )
            for operand in operands where operand.expression.valueType == .scalar {
                guard case .number(let literal) = operand.expression else {
                    return (Leaf(shape, selector.modifiers, number: lastNumber), false)
                }
                shape.parameters.append(literal.value.bitPattern)
            }
            if kind == .range(.predictLinear) {
                // Looks ahead from the moment of evaluation, wherever the window lies.
                return (Leaf(shape, selector.modifiers, number: lastNumber), false)
            }
            let known = leaves[shape]
            return (
                Leaf(shape, selector.modifiers, number: known?.number ?? lastNumber), known == nil
            )
        }
        switch expression {
        case .vector(let selector):
            return make(selector.window == .smoothed ? .smoothed : .newest, selector)
        case .call(let call):
            if call.function == .timestamp || call.function == .startTimestamp {
                guard case .vector(let selector) = operands[0].expression,
                    selector.window != .smoothed
                else { return (nil, false) }
                return make(call.function == .timestamp ? .newestTime : .newestStart, selector)
            }
            guard RangeFunction.kernel(call.function) != nil,
                case .matrix(let matrix)? = operands.first(where: { $0.isMatrix })?.expression
            else { return (nil, false) }
            return make(.range(call.function), matrix.selector, matrix.range)
        case .number, .string, .matrix, .subquery, .aggregation, .binary, .unary,
            .parenthesized:
            return (nil, false)
        }
    }
}

extension PlanNode {
    /// True for a range vector.
    var isMatrix: Bool { expression.valueType == .matrix }
}
