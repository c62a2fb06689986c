import Model
import PromQLSyntax
import Timekeeping

/// What an expression is worth over a grid.
enum Value {
    /// One value a step.
    case scalar([Double])
    case string(String)
    case vector(Frame)
}

/// Evaluates expressions over one grid; subqueries get an evaluator over theirs.
struct Evaluator {
    let run: QueryRun
    let grid: TimeGrid

    var delaysNameRemoval: Bool { run.settings.delaysNameRemoval }

    static let duplicateLabels = "vector cannot contain metrics with the same labelset"

    /// Evaluates an expression that is no range vector.
    func evaluate(_ expression: Expression) throws(QueryError) -> Value {
        try run.checkCancellation()
        if grid.count > 1, !expression.isLiteral, expression.isFixed {
            return try evaluateOnce(expression)
        }
        switch expression {
        case .number(let literal):
            return .scalar([Double](repeating: literal.value, count: grid.count))
        case .string(let literal): return .string(literal.value)
        case .parenthesized(let node): return try evaluate(node.inner)
        case .vector(let selector): return .vector(try vectorSelector(selector))
        case .unary(let node): return try unary(node)
        case .binary(let node): return try binary(node)
        case .aggregation(let node): return .vector(try aggregation(node))
        case .call(let node): return try call(node)
        case .matrix, .subquery:
            throw .execution("a range vector is an argument of functions only")
        }
    }

    /// Evaluates an expression that the parser has typed as an instant vector.
    func vector(_ expression: Expression) throws(QueryError) -> Frame {
        guard case .vector(let frame) = try evaluate(expression) else {
            throw .execution("expected an instant vector: \(expression.printed)")
        }
        return frame
    }

    /// Evaluates an expression that the parser has typed as a scalar: one value a step.
    func scalar(_ expression: Expression) throws(QueryError) -> [Double] {
        guard case .scalar(let values) = try evaluate(expression) else {
            throw .execution("expected a scalar: \(expression.printed)")
        }
        return values
    }

    /// The text of a string argument.
    func string(_ expression: Expression) throws(QueryError) -> String {
        guard case .string(let literal) = expression.unwrapped else {
            throw .execution("expected a string: \(expression.printed)")
        }
        return literal.value
    }

    private func unary(_ node: UnaryExpression) throws(QueryError) -> Value {
        switch try evaluate(node.operand) {
        case .scalar(let values): return .scalar(node.isNegation ? values.map { -$0 } : values)
        case .vector(var frame):
            guard node.isNegation else { return .vector(frame) }
            frame.map { -$0 }
            frame.dropNames(delayed: delaysNameRemoval)
            if !delaysNameRemoval { try mergeEqualLabels(&frame) }
            return .vector(frame)
        case .string: throw .execution("a string has no sign")
        }
    }

    func mergeEqualLabels(_ frame: inout Frame) throws(QueryError) {
        guard frame.mergeEqualLabels() else { throw .execution(Evaluator.duplicateLabels) }
    }

    /// The final form of a vector: names dropped where they are to be, no labels twice.
    func named(_ frame: Frame) throws(QueryError) -> Frame {
        var result = frame
        result.removeDroppedNames()
        try mergeEqualLabels(&result)
        return result
    }

    /// The rows of a frame as series.
    func series(_ frame: Frame) -> [SeriesSamples] {
        var result: [SeriesSamples] = []
        result.reserveCapacity(frame.count)
        for row in 0..<frame.count {
            let samples = samples(frame, row)
            if !samples.isEmpty {
                result.append(SeriesSamples(labels: frame.labels[row], samples: samples))
            }
        }
        return result
    }

    /// The values of a row with their times.
    func samples(_ frame: Frame, _ row: Int) -> [Sample] {
        var samples: [Sample] = []
        samples.reserveCapacity(grid.count)
        for step in 0..<grid.count where frame[row, step].isPresent {
            samples.append(Sample(Timestamp(milliseconds: grid.time(step)), frame[row, step]))
        }
        return samples
    }

    // MARK: Parts that do not depend on the step

    private func evaluateOnce(_ expression: Expression) throws(QueryError) -> Value {
        let once = Evaluator(run: run, grid: TimeGrid(at: grid.start))
        switch try once.evaluate(expression) {
        case .string(let text): return .string(text)
        case .scalar(let values):
            return .scalar([Double](repeating: values[0], count: grid.count))
        case .vector(let frame):
            try run.checkSize(rows: frame.count, steps: grid.count)
            try run.count(frame.count * (grid.count - 1))
            return .vector(frame.broadcast(to: grid.count))
        }
    }
}

extension Expression {
    fileprivate var isLiteral: Bool {
        switch self {
        case .number, .string: true
        default: false
        }
    }

    /// True when the expression has the same value at every step: all it reads is fixed with `@`.
    var isFixed: Bool {
        switch self {
        case .number, .string: true
        case .vector(let selector): selector.modifiers.at != nil
        case .matrix(let matrix): matrix.selector.modifiers.at != nil
        case .subquery(let subquery): subquery.modifiers.at != nil
        case .parenthesized, .unary, .binary, .aggregation: children.allSatisfy(\.isFixed)
        case .call(let node):
            !node.function.dependsOnTime(argumentCount: node.arguments.count)
                && node.arguments.allSatisfy(\.isFixed)
        }
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
