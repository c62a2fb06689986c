import Glibc
import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    func call(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Value {
        if let kernel = plan.leaf?.kernel ?? RangeFunction.kernel(node.function) {
            return .vector(try rangeCall(plan, node, kernel))
        }
        if let function = Evaluator.elementwise(node.function) {
            return .vector(try mapped(plan, function))
        }
        if let field = Evaluator.calendarField(node.function) {
            return .vector(try calendar(plan, field))
        }
        let arguments = plan.operands
        switch node.function {
        case .time: return .scalar((0..<grid.count).map { Double(grid.time($0)) / 1000 })
        case .pi: return constant(.pi)
        case .start: return constant(Double(run.grid.start) / 1000)
        case .end: return constant(Double(run.grid.start + run.range) / 1000)
        case .step: return constant(run.isRange ? Double(run.grid.step) / 1000 : 0)
        case .range: return constant(Double(run.range) / 1000)
        case .maxOf, .minOf:
            let a = try scalar(arguments[0])
            let b = try scalar(arguments[1])
            let isMax = node.function == .maxOf
            return .scalar(zip(a, b).map { isMax ? goMax($0, $1) : goMin($0, $1) })
        case .scalar: return .scalar(onlyValues(try vector(arguments[0])))
        case .vector:
            return .vector(Frame(single: try scalar(arguments[0])))
        case .absent:
            return .vector(absence(of: try vector(arguments[0]), node.arguments[0]))
        case .timestamp: return .vector(try timestamps(plan))
        case .round: return .vector(try rounded(plan, node))
        case .clamp, .clampMin, .clampMax: return .vector(try clamped(plan, node))
        case .sort, .sortDesc, .sortByLabel, .sortByLabelDesc:
            return .vector(try sorted(plan, node))
        case .labelReplace: return .vector(try labelReplace(plan, node))
        case .labelJoin: return .vector(try labelJoin(plan, node))
        case .histogramQuantile: return .vector(try histogramQuantile(plan, node))
        case .histogramQuantiles: return .vector(try histogramQuantiles(plan, node))
        case .histogramFraction: return .vector(try histogramFraction(plan, node))
        case .info: return .vector(try info(plan, node))
        case .startTimestamp: return .vector(try startTimestamps(plan))
        // Of native histograms: floats have no part in them.
        case .histogramAvg, .histogramCount, .histogramSum, .histogramStddev, .histogramStdvar:
            _ = try vector(arguments[0])
            return .vector(Frame(steps: grid.count))
        default: throw .execution("function \(node.function.rawValue) is not implemented")
        }
    }

    private func constant(_ value: Double) -> Value {
        .scalar([Double](repeating: value, count: grid.count))
    }

    /// The value where a vector has exactly one, NaN elsewhere.
    private func onlyValues(_ frame: Frame) -> [Double] {
        (0..<grid.count).map { step in
            var found = Double.nan
            var count = 0
            for row in 0..<frame.count where frame[row, step].isPresent {
                found = frame[row, step]
                count += 1
            }
            return count == 1 ? found : .nan
        }
    }

    private func timestamps(_ plan: PlanNode) throws(QueryError) -> Frame {
        var frame: Frame
        if plan.leaf != nil {
            frame = try selected(plan)
        } else {
            frame = try vector(plan.operands[0])
            for index in frame.values.indices where frame.values[index].isPresent {
                frame.values[index] = Double(grid.time(index % grid.count)) / 1000
            }
        }
        try dropNames(&frame, plan)
        return frame
    }

    /// The start timestamps of a selector's samples; an expression's values have none.
    private func startTimestamps(_ plan: PlanNode) throws(QueryError) -> Frame {
        guard plan.leaf != nil else {
            _ = try vector(plan.operands[0])
            return Frame(steps: grid.count)
        }
        var frame = try selected(plan)
        try dropNames(&frame, plan)
        return frame
    }

    // MARK: Value by value

    private func mapped(
        _ plan: PlanNode,
        _ function: (Double) -> Double
    ) throws(QueryError) -> Frame {
        var frame = try vector(plan.operands[0])
        frame.map(function)
        try dropNames(&frame, plan)
        return frame
    }

    /// The functions that turn each value into another.
    private static func elementwise(_ function: Function) -> ((Double) -> Double)? {
        switch function {
        case .abs: { $0.magnitude }
        case .ceil: { $0.rounded(.up) }
        case .floor: { $0.rounded(.down) }
        case .exp: { Glibc.exp($0) }
        case .sqrt: { $0.squareRoot() }
        case .ln: { Glibc.log($0) }
        case .log2: { Glibc.log2($0) }
        case .log10: { Glibc.log10($0) }
        case .sin: { Glibc.sin($0) }
        case .cos: { Glibc.cos($0) }
        case .tan: { Glibc.tan($0) }
        case .asin: { Glibc.asin($0) }
        case .acos: { Glibc.acos($0) }
        case .atan: { Glibc.atan($0) }
        // Far from zero as Go computes them: they overflow where e^x does.
        case .sinh:
            { $0.magnitude > 21 ? Glibc.copysign(Glibc.exp($0.magnitude) / 2, $0) : Glibc.sinh($0) }
        case .cosh: { $0.magnitude > 21 ? Glibc.exp($0.magnitude) / 2 : Glibc.cosh($0) }
        case .tanh: { Glibc.tanh($0) }
        case .asinh: { Glibc.asinh($0) }
        case .acosh: { Glibc.acosh($0) }
        case .atanh: { Glibc.atanh($0) }
        case .rad: { $0 * .pi / 180 }
        case .deg: { $0 * 180 / .pi }
        case .sgn: { $0 < 0 ? -1 : $0 > 0 ? 1 : $0 }
        default: nil
        }
    }

    private func rounded(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        var frame = try vector(plan.operands[0])
        // Multiplying by the inverse loses less than dividing.
        var inverses = [Double](repeating: 1, count: grid.count)
        if plan.operands.count > 1 { inverses = try scalar(plan.operands[1]).map { 1 / $0 } }
        for index in frame.values.indices where frame.values[index].isPresent {
            let inverse = inverses[index % grid.count]
            frame.values[index] = (frame.values[index] * inverse + 0.5).rounded(.down) / inverse
        }
        try dropNames(&frame, plan)
        return frame
    }

    private func clamped(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        var frame = try vector(plan.operands[0])
        let none = [Double](repeating: -.infinity, count: grid.count)
        var lows = none
        var highs = none.map { -$0 }
        switch node.function {
        case .clampMin: lows = try scalar(plan.operands[1])
        case .clampMax: highs = try scalar(plan.operands[1])
        default:
            lows = try scalar(plan.operands[1])
            highs = try scalar(plan.operands[2])
        }
        for index in frame.values.indices where frame.values[index].isPresent {
            let (low, high) = (lows[index % grid.count], highs[index % grid.count])
            frame.values[index] =
                high < low ? Absent.value : goMax(low, goMin(high, frame.values[index]))
        }
        try dropNames(&frame, plan)
        return frame
    }

    // MARK: Calendar

    private static func calendarField(_ function: Function) -> ((CivilMoment) -> Int)? {
        switch function {
        case .year: { $0.year }
        case .month: { $0.month }
        case .dayOfMonth: { $0.day }
        case .dayOfWeek: { $0.weekday }
        case .dayOfYear: { $0.dayOfYear }
        case .daysInMonth: { $0.daysInMonth }
        case .hour: { $0.hour }
        case .minute: { $0.minute }
        default: nil
        }
    }

    private func calendar(
        _ plan: PlanNode,
        _ field: (CivilMoment) -> Int
    ) throws(QueryError) -> Frame {
        func value(_ seconds: Double) -> Double {
            Double(field(CivilMoment(seconds: seconds)))
        }
        if plan.operands.isEmpty {
            return Frame(
                single: (0..<grid.count).map {
                    value(Double(grid.time($0) / 1000))
                }
            )
        }
        return try mapped(plan, value)
    }
}

/// Go's `math.Max`: NaN wins over numbers, infinities over NaN.
func goMax(_ a: Double, _ b: Double) -> Double {
    if a == .infinity || b == .infinity { return .infinity }
    if a.isNaN || b.isNaN { return .nan }
    if a == 0, b == 0 { return a.sign == .minus ? b : a }
    return a > b ? a : b
}

/// Go's `math.Min`: NaN wins over numbers, infinities over NaN.
func goMin(_ a: Double, _ b: Double) -> Double {
    if a == -.infinity || b == -.infinity { return -.infinity }
    if a.isNaN || b.isNaN { return .nan }
    if a == 0, b == 0 { return a.sign == .minus ? a : b }
    return a < b ? a : b
}
