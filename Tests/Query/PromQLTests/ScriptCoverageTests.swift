import Foundation
import Model
import PromQLSyntax
import Testing

/// Every function, operator, aggregation and modifier of the language has a case with an answer in the scripts.
@Suite struct ScriptCoverageTests {
    /// What the scripts ask, counted; evaluations that must fail do not count.
    private struct Used {
        var functions: [Function: Int] = [:]
        var aggregations: [AggregationOperation: Int] = [:]
        var operations: [BinaryOperation: Int] = [:]
        var forms: [String: Int] = [:]

        mutating func visit(_ expression: PromQLSyntax.Expression) {
            for child in expression.children { visit(child) }
            switch expression {
            case .number(let node): note(node.isDuration ? "duration as a number" : "number")
            case .string: note("string")
            case .parenthesized: note("parentheses")
            case .unary(let node): note(node.isNegation ? "unary -" : "unary +")
            case .vector(let node): visit(node)
            case .matrix(let node):
                visit(node.selector)
                visit(node.range, as: "range")
            case .subquery(let node):
                visit(node.modifiers)
                visit(node.range, as: "subquery range")
                note(node.step == nil ? "subquery without step" : "subquery with step")
                if let step = node.step { visit(step, as: "subquery step") }
            case .call(let node): functions[node.function, default: 0] += 1
            case .aggregation(let node):
                aggregations[node.operation, default: 0] += 1
                if node.isWithout { note("without") }
                if !node.grouping.isEmpty { note("by") }
            case .binary(let node):
                operations[node.operation, default: 0] += 1
                if node.returnsBool { note("bool") }
                if let matching = node.matching { visit(matching, node.operation) }
            }
        }

        private mutating func note(_ form: String) { forms[form, default: 0] += 1 }

        private mutating func visit(_ selector: VectorSelector) {
            visit(selector.modifiers)
            if selector.window != .plain { note(selector.window.rawValue) }
            for matcher in selector.matchers where matcher.name != "__name__" {
                note("label \(matcher.operation.rawValue)")
            }
        }

        private mutating func visit(_ modifiers: SelectorModifiers) {
            if let offset = modifiers.offset { visit(offset, as: "offset") }
            switch modifiers.at {
            case nil: break
            case .timestamp: note("@ time")
            case .start: note("@ start()")
            case .end: note("@ end()")
            }
        }

        private mutating func visit(_ duration: DurationExpression, as place: String) {
            note(place)
            switch duration {
            case .constant(let seconds, _):
                if seconds < 0 { note("negative \(place)") }
            case .step: note("step() in a length")
            case .range: note("range() in a length")
            case .negated(let inner), .parenthesized(let inner): visit(inner, as: place)
            case .minimum(let left, let right):
                note("min_of in a length")
                visit(left, as: place)
                visit(right, as: place)
            case .maximum(let left, let right):
                note("max_of in a length")
                visit(left, as: place)
                visit(right, as: place)
            case .arithmetic(let operation, let left, let right):
                note("\(operation.rawValue) in a length")
                visit(left, as: place)
                visit(right, as: place)
            }
        }

        private mutating func visit(_ matching: VectorMatching, _ operation: BinaryOperation) {
            let kind = operation.isSet ? " of a set operator" : ""
            if matching.isOn { note("on\(kind)") }
            if !matching.isOn, !matching.labels.isEmpty { note("ignoring\(kind)") }
            switch matching.cardinality {
            case .manyToOne: note("group_left")
            case .oneToMany: note("group_right")
            case .oneToOne, .manyToMany: break
            }
            if !matching.include.isEmpty { note("labels of the one side") }
            if matching.fillLeft != nil { note("fill_left") }
            if matching.fillRight != nil { note("fill_right") }
        }
    }

    private static func used() throws -> Used {
        var used = Used()
        let folder = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().appendingPathComponent("Scripts")
        for name in ScriptTests.scripts {
            let text = try String(
                contentsOf: folder.appendingPathComponent(name),
                encoding: .utf8
            )
            for evaluation in try QueryScript(text).evaluations where evaluation.failure == nil {
                used.visit(try PromQLParser.parse(evaluation.text))
            }
        }
        return used
    }

    @Test func everyFunctionHasACase() throws {
        let used = try ScriptCoverageTests.used()
        let missing = Function.allCases.filter { used.functions[$0] == nil }.map(\.rawValue)
        #expect(missing.isEmpty, "functions without a case in Scripts/*.test")
    }

    @Test func everyAggregationHasACase() throws {
        let used = try ScriptCoverageTests.used()
        let missing = AggregationOperation.allCases.filter { used.aggregations[$0] == nil }
        #expect(missing.isEmpty, "aggregations without a case in Scripts/*.test")
    }

    @Test func everyOperatorHasACase() throws {
        let used = try ScriptCoverageTests.used()
        let missing = BinaryOperation.allCases.filter { used.operations[$0] == nil }
        #expect(missing.isEmpty, "operators without a case in Scripts/*.test")
    }

    @Test(arguments: [
        "number", "duration as a number", "parentheses", "string", "unary -", "unary +", "bool",
        "by", "without", "on", "ignoring", "on of a set operator", "ignoring of a set operator",
        "group_left", "group_right", "labels of the one side", "fill_left", "fill_right",
        "label =", "label !=", "label =~", "label !~", "range", "offset", "negative offset",
        "@ time", "@ start()", "@ end()", "anchored", "smoothed", "subquery range",
        "subquery without step", "subquery with step", "step() in a length",
        "range() in a length", "min_of in a length", "max_of in a length", "+ in a length",
        "- in a length", "* in a length", "/ in a length", "% in a length", "^ in a length",
    ]) func everyFormHasACase(_ form: String) throws {
        let used = try ScriptCoverageTests.used()
        #expect((used.forms[form] ?? 0) > 0, "\(form): no case in Scripts/*.test")
    }
}
