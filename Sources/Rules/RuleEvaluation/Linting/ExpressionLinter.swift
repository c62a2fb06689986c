import Model
import PromQLSyntax
import Timekeeping

/// Finds what is seldom meant in one expression.
struct ExpressionLinter {
    let location: SourceLocation
    /// How often the series of a metric have a sample.
    let period: (String) -> Duration
    private(set) var findings: [RuleLintFinding] = []

    init(_ location: SourceLocation, period: @escaping (String) -> Duration) {
        self.location = location
        self.period = period
    }

    mutating func check(_ expression: Expression) {
        switch expression {
        case .call(let node): check(node)
        case .binary(let node): check(node)
        case .number, .string, .vector, .matrix, .subquery, .aggregation, .unary, .parenthesized:
            break
        }
        for child in expression.children { check(child) }
    }

    private mutating func report(_ lint: RuleLint, _ message: String) {
        let finding = RuleLintFinding(lint, location, message)
        if !findings.contains(finding) { findings.append(finding) }
    }

    // MARK: Functions

    private mutating func check(_ node: FunctionCall) {
        switch node.function {
        case .absent, .absentOverTime: checkAbsent(node)
        case .rate, .irate, .increase, .delta, .idelta, .deriv, .predictLinear, .changes, .resets,
            .doubleExponentialSmoothing:
            for argument in node.arguments { checkWindow(node.function, argument) }
        default: break
        }
    }

    private mutating func checkWindow(_ function: Function, _ argument: Expression) {
        switch argument.unwrapped {
        case .matrix(let matrix):
            guard let name = matrix.selector.metricName else { return }
            checkLength(of: matrix, name)
            checkKind(function, name)
        case .subquery(let subquery):
            guard [.rate, .irate, .increase].contains(function),
                case .aggregation(let inner) = subquery.inner.unwrapped, inner.operation == .sum
            else { return }
            report(
                .rateOfSum,
                "\(function.rawValue)() over a sum takes the restart of one instance for one of all; "
                    + "write sum(\(function.rawValue)(...)) instead"
            )
        default: break
        }
    }

    private mutating func checkLength(of matrix: MatrixSelector, _ name: String) {
        // A length that hangs on the query is not known here.
        guard case .constant = matrix.range, matrix.selector.window == .plain,
            let length = try? matrix.range.duration(mayBeNegative: false)
        else { return }
        let period = period(name)
        guard length < period * 2 else { return }
        report(
            .shortWindow,
            "\(name)[\(length.prometheusText)] is shorter than two periods of its samples "
                + "(\(period.prometheusText) each) and often holds only one; use at least "
                + "[\((period * 4).prometheusText)]"
        )
    }

    private static let gauges = [
        "_bytes", "_seconds", "_ratio", "_percent", "_celsius", "_info", "_current", "_limit",
        "_maximum", "_minimum", "_average",
    ]
    private static let counters = ["_total", "_bucket", "_count"]

    private mutating func checkKind(_ function: Function, _ name: String) {
        let isCloudWatch = CloudWatchNaming.isCloudWatch(name)
        switch function {
        case .rate, .irate, .increase:
            if isCloudWatch, name.hasSuffix("_sum") || name.hasSuffix("_sample_count") {
                report(
                    .rateOfGauge,
                    "\(name) counts each period alone, so \(function.rawValue)() of it means nothing; "
                        + "use sum_over_time(\(name)[...])"
                )
            } else if name == "up" || ExpressionLinter.gauges.contains(where: name.hasSuffix) {
                let instead = function == .increase ? "delta" : "deriv"
                report(
                    .rateOfGauge,
                    "\(function.rawValue)() takes every fall of \(name) for a restart, and by its name "
                        + "it is no counter; use \(instead)(), or the counter behind it"
                )
            }
        case .delta, .deriv, .idelta:
            guard !isCloudWatch, ExpressionLinter.counters.contains(where: name.hasSuffix) else {
                return
            }
            let instead =
                function == .delta ? "increase" : function == .deriv ? "rate" : "irate"
            report(
                .rateOfGauge,
                "\(function.rawValue)() does not see the restarts of the counter \(name); use "
                    + "\(instead)()"
            )
        default: break
        }
    }

    private mutating func checkAbsent(_ node: FunctionCall) {
        let selector: VectorSelector
        switch node.arguments.first?.unwrapped {
        case .vector(let found): selector = found
        case .matrix(let found): selector = found.selector
        default: return
        }
        let loose = selector.matchers.filter { $0.operation != .equal }
        guard let first = loose.first else { return }
        report(
            .inexactAbsent,
            "\(node.function.rawValue)() is silent as long as one series matches "
                + "\(first.name)\(first.operation.rawValue)\(LabelSet.quoted(first.value)), and its "
                + "alert has no label \"\(first.name)\"; compare with = , or count the series that "
                + "there are"
        )
    }

    // MARK: Comparisons

    private mutating func check(_ node: BinaryExpression) {
        guard node.operation.isComparison, !node.returnsBool else { return }
        let (subject, limit, comparison): (Expression, Expression, BinaryOperation)
        switch (node.left.unwrapped, node.right.unwrapped) {
        case (_, .number): (subject, limit, comparison) = (node.left, node.right, node.operation)
        case (.number, _):
            (subject, limit, comparison) = (node.right, node.left, node.operation.mirrored)
        default: return
        }
        guard case .number(let number) = limit.unwrapped, let bounds = ValueBounds(subject),
            bounds.excludes(comparison, number.value)
        else { return }
        report(
            .unreachableLevel,
            "\"\(node.operation.rawValue) \(PromQLNumber.text(number.value))\" is never true, because "
                + "\(bounds.text); correct the number or the comparison"
        )
    }
}

/// What the names of CloudWatch series tell.
enum CloudWatchNaming {
    /// Minutes apart, as CloudWatch keeps them.
    static let period = Duration.seconds(60)

    /// True for the name of a series out of CloudWatch.
    static func isCloudWatch(_ name: String) -> Bool { name.hasPrefix("aws_") }
}

extension VectorSelector {
    /// The one metric it selects; nil when its name is not fixed.
    var metricName: String? {
        matchers.first { $0.name == LabelSet.metricName && $0.operation == .equal }?.value
    }
}

extension BinaryOperation {
    /// The comparison with both sides swapped.
    fileprivate var mirrored: BinaryOperation {
        switch self {
        case .greater: .less
        case .less: .greater
        case .greaterOrEqual: .lessOrEqual
        case .lessOrEqual: .greaterOrEqual
        default: self
        }
    }
}
