import Model
import PromQLSyntax

/// Between which values an expression's values lie, as far as its form tells.
struct ValueBounds {
    var low: Double
    var high: Double
    /// What has these bounds, for messages.
    var subject: String

    /// Nil when the form tells nothing.
    init?(_ expression: Expression) {
        func bounds(_ low: Double, _ high: Double, _ subject: String) -> ValueBounds {
            ValueBounds(low: low, high: high, subject: subject)
        }
        switch expression.unwrapped {
        case .vector(let node):
            guard let known = ValueBounds.metric(node.metricName ?? "") else { return nil }
            self = known
        case .binary(let node) where node.returnsBool:
            self = bounds(0, 1, "a comparison with bool")
        case .binary(let node):
            guard let known = ValueBounds.arithmetic(node) else { return nil }
            self = known
        case .aggregation(let node):
            switch node.operation {
            case .group: self = bounds(1, 1, "group()")
            case .count: self = bounds(1, .infinity, "count()")
            case .stddev, .stdvar: self = bounds(0, .infinity, "\(node.operation.rawValue)()")
            case .max, .min, .avg, .quantile, .topk, .bottomk, .limitk, .limitRatio:
                guard let inner = ValueBounds(node.operand) else { return nil }
                self = inner
            case .sum, .countValues: return nil
            }
        case .call(let node):
            let name = "\(node.function.rawValue)()"
            switch node.function {
            case .absent, .absentOverTime, .presentOverTime: self = bounds(1, 1, name)
            case .sgn: self = bounds(-1, 1, name)
            case .minute: self = bounds(0, 59, name)
            case .hour: self = bounds(0, 23, name)
            case .dayOfWeek: self = bounds(0, 6, name)
            case .dayOfMonth: self = bounds(1, 31, name)
            case .dayOfYear: self = bounds(1, 366, name)
            case .daysInMonth: self = bounds(28, 31, name)
            case .month: self = bounds(1, 12, name)
            case .histogramFraction: self = bounds(0, 1, name)
            case .countOverTime: self = bounds(1, .infinity, name)
            case .changes, .resets, .rate, .increase, .irate, .abs:
                self = bounds(0, .infinity, name)
            case .avgOverTime, .minOverTime, .maxOverTime, .lastOverTime, .firstOverTime,
                .quantileOverTime:
                guard case .matrix(let matrix) = node.arguments.last?.unwrapped,
                    let known = ValueBounds.metric(matrix.selector.metricName ?? "")
                else { return nil }
                self = known
            default: return nil
            }
        default: return nil
        }
    }

    /// What a metric's name tells.
    private static func metric(_ name: String) -> ValueBounds? {
        if name == "up" { return ValueBounds(low: 0, high: 1, subject: "up") }
        // CloudWatch's own utilizations are percentages; of a limit or a request there may be more than the whole.
        guard CloudWatchNaming.isCloudWatch(name), name.contains("utilization"),
            !name.contains("_over_")
        else { return nil }
        return ValueBounds(low: 0, high: 100, subject: name)
    }

    /// A part over its whole, or something known that is multiplied.
    private static func arithmetic(_ node: BinaryExpression) -> ValueBounds? {
        if node.operation == .divide, isPart(node.left, of: node.right) {
            return ValueBounds(low: 0, high: 1, subject: "a part of its whole")
        }
        let (inner, number): (Expression, Double)
        switch (node.left.unwrapped, node.right.unwrapped) {
        case (_, .number(let literal)): (inner, number) = (node.left, literal.value)
        case (.number(let literal), _): (inner, number) = (node.right, literal.value)
        default: return nil
        }
        guard number > 0, number.isFinite, let known = ValueBounds(inner) else { return nil }
        switch node.operation {
        case .multiply:
            return ValueBounds(
                low: known.low * number,
                high: known.high * number,
                subject: known.subject + ", multiplied,"
            )
        case .divide where node.right.valueType == .scalar:
            return ValueBounds(
                low: known.low / number,
                high: known.high / number,
                subject: known.subject + ", divided,"
            )
        default: return nil
        }
    }

    /// True when both sides are the same but for more conditions on the left.
    private static func isPart(_ part: Expression, of whole: Expression) -> Bool {
        switch (part.unwrapped, whole.unwrapped) {
        case (.vector(let left), .vector(let right)):
            return left.metricName != nil && left.modifiers == right.modifiers
                && left.matchers.count > right.matchers.count
                && right.matchers.allSatisfy(left.matchers.contains)
        case (.matrix(let left), .matrix(let right)):
            return left.range == right.range
                && isPart(.vector(left.selector), of: .vector(right.selector))
        case (.call(let left), .call(let right)):
            guard left.function == right.function, left.arguments.count == 1,
                [.rate, .increase, .countOverTime].contains(left.function)
            else { return false }
            return isPart(left.arguments[0], of: right.arguments[0])
        case (.aggregation(let left), .aggregation(let right)):
            return left.operation == right.operation
                && [.sum, .count].contains(left.operation)
                && left.grouping == right.grouping && left.isWithout == right.isWithout
                && isPart(left.operand, of: right.operand)
        default: return false
        }
    }

    private init(low: Double, high: Double, subject: String) {
        (self.low, self.high, self.subject) = (low, high, subject)
    }

    /// True when no value within the bounds compares so.
    func excludes(_ comparison: BinaryOperation, _ limit: Double) -> Bool {
        switch comparison {
        case .greater: high <= limit
        case .greaterOrEqual: high < limit
        case .less: low >= limit
        case .lessOrEqual: low > limit
        case .equal: limit < low || limit > high
        case .notEqual: low == high && low == limit
        default: false
        }
    }

    var text: String {
        if low == high { return "\(subject) is always \(PromQLNumber.text(low))" }
        return high.isInfinite
            ? "\(subject) is never below \(PromQLNumber.text(low))"
            : "\(subject) lies between \(PromQLNumber.text(low)) and \(PromQLNumber.text(high))"
    }
}
