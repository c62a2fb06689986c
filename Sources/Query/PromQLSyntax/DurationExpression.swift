import Glibc
import Timekeeping

/// A length of time as a selector writes it: a constant, or arithmetic over constants and the query's own
/// step and range.
package indirect enum DurationExpression: Sendable {
    /// Seconds; `isDuration` when written with units (`5m`).
    case constant(seconds: Double, isDuration: Bool)
    /// `step()`: the query's step; zero in an instant query.
    case step
    /// `range()`: the query's end minus its start; zero in an instant query.
    case range
    case negated(DurationExpression)
    case arithmetic(BinaryOperation, DurationExpression, DurationExpression)
    case minimum(DurationExpression, DurationExpression)
    case maximum(DurationExpression, DurationExpression)
    case parenthesized(DurationExpression)

    /// The length in whole milliseconds, for a query of the given step and range.
    ///
    /// - Parameters:
    ///   - step: The query's step.
    ///   - range: The query's end minus its start.
    ///   - mayBeNegative: True for offsets; ranges and steps are greater than zero.
    /// - Returns: Whole milliseconds.
    /// - Throws: `DurationExpressionError` for a length that makes no sense.
    package func duration(
        step: Duration = .zero,
        range: Duration = .zero,
        mayBeNegative: Bool
    ) throws(DurationExpressionError) -> Duration {
        let seconds = try seconds(step: step.inSeconds, range: range.inSeconds)
        guard seconds > 0 || mayBeNegative else { throw .notPositive }
        guard seconds.magnitude < DurationExpression.secondsMax else { throw .outOfRange }
        // Prometheus rounds literals to nanoseconds and cuts both kinds to milliseconds.
        if case .constant = self {
            return .milliseconds(Int64((seconds * 1_000_000_000).rounded()) / 1_000_000)
        }
        return .milliseconds(Int64(seconds * 1000))
    }

    /// What fits Prometheus's durations of 64-bit nanoseconds: 292 years.
    static let secondsMax = 9_223_372_036.854_775

    private func seconds(
        step: Double,
        range: Double
    ) throws(DurationExpressionError) -> Double {
        switch self {
        case .constant(let seconds, _): return seconds
        case .step: return step
        case .range: return range
        case .negated(let inner): return -(try inner.seconds(step: step, range: range))
        case .parenthesized(let inner): return try inner.seconds(step: step, range: range)
        case .minimum(let left, let right):
            return Swift.min(
                try left.seconds(step: step, range: range),
                try right.seconds(step: step, range: range)
            )
        case .maximum(let left, let right):
            return Swift.max(
                try left.seconds(step: step, range: range),
                try right.seconds(step: step, range: range)
            )
        case .arithmetic(let operation, let left, let right):
            let a = try left.seconds(step: step, range: range)
            let b = try right.seconds(step: step, range: range)
            switch operation {
            case .add: return a + b
            case .subtract: return a - b
            case .multiply: return a * b
            case .divide:
                guard b != 0 else { throw .divisionByZero }
                return a / b
            case .modulo:
                guard b != 0 else { throw .moduloByZero }
                return a.truncatingRemainder(dividingBy: b)
            case .power: return pow(a, b)
            case .atan2, .equal, .notEqual, .lessOrEqual, .less, .greaterOrEqual, .greater, .and,
                .or, .unless, .trimUpper, .trimLower:
                throw .unexpectedOperator(operation)
            }
        }
    }
}

extension DurationExpression: Hashable {}

/// Why a duration expression has no value, in Prometheus's words.
package enum DurationExpressionError: Error, Hashable, CustomStringConvertible {
    case notPositive
    case outOfRange
    case divisionByZero
    case moduloByZero
    case unexpectedOperator(BinaryOperation)

    package var description: String {
        switch self {
        case .notPositive: "duration must be greater than 0"
        case .outOfRange: "duration is out of range"
        case .divisionByZero: "division by zero"
        case .moduloByZero: "modulo by zero"
        case .unexpectedOperator(let operation):
            "unexpected duration expression operator \"\(operation.rawValue)\""
        }
    }
}
