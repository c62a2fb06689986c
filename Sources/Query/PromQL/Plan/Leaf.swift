import Model
import PromQLSyntax

/// What a node reads of the source: a function over the windows of the series that a selector names.
final class Leaf: Sendable {
    enum Kind: Hashable, Sendable {
        /// The newest sample's value.
        case newest
        /// The newest sample's time.
        case newestTime
        /// The newest sample's start timestamp.
        case newestStart
        /// The value at the moment itself, between the samples around it.
        case smoothed
        /// A function of a range vector.
        case range(Function)

        /// True for what the newest sample tells, whatever the selector's window.
        var isOfNewest: Bool { self == .newest || self == .newestTime || self == .newestStart }
    }

    /// Of leaves that are equal, all but the moment they are read at.
    struct Shape: Hashable, Sendable {
        var kind: Kind
        /// In one order, whatever order they were written in.
        var matchers: [LabelMatcher]
        var range: DurationExpression?
        var window: WindowMode
        /// The function's scalar arguments, as far as they are numbers.
        var parameters: [UInt64]
    }

    let shape: Shape
    let modifiers: SelectorModifiers
    /// Equal for leaves that read the same at the same moment.
    let number: Int
    /// The range function's kernel.
    let kernel: RangeFunction.Kernel?

    init(_ shape: Shape, _ modifiers: SelectorModifiers, number: Int) {
        self.shape = shape
        self.modifiers = modifiers
        self.number = number
        if case .range(let function) = shape.kind {
            kernel = RangeFunction.kernel(function)
        } else {
            kernel = nil
        }
    }

    /// True when the scalar arguments or the moment of evaluation enter the function.
    var isParameterized: Bool {
        guard case .range(let function) = shape.kind else { return false }
        return function.rangeTakesScalars
    }

    /// Which windows of which leaf.
    struct Key: Hashable {
        var number: Int
        /// Milliseconds, as in `ColumnRequest`.
        var end: Int64
        var step: Int64
        var steps: Int
    }
}

extension Function {
    /// True for functions of a range vector that take numbers besides.
    var rangeTakesScalars: Bool {
        switch self {
        case .quantileOverTime, .predictLinear, .doubleExponentialSmoothing: true
        default: false
        }
    }
}
