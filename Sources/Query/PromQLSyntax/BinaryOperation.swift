/// The operators between two expressions.
package enum BinaryOperation: String, Hashable, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case atan2 = "atan2"
    case equal = "=="
    case notEqual = "!="
    case lessOrEqual = "<="
    case less = "<"
    case greaterOrEqual = ">="
    case greater = ">"
    case and = "and"
    case or = "or"
    case unless = "unless"
    /// Keeps the observations of a native histogram below a value.
    case trimUpper = "</"
    /// Keeps the observations of a native histogram above a value.
    case trimLower = ">/"

    package var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .lessOrEqual, .less, .greaterOrEqual, .greater: true
        case .add, .subtract, .multiply, .divide, .modulo, .power, .atan2, .and, .or, .unless,
            .trimUpper, .trimLower:
            false
        }
    }

    package var isSet: Bool { self == .and || self == .or || self == .unless }

    /// Binds tighter when greater, from 1.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .lessOrEqual, .less, .greaterOrEqual, .greater, .trimUpper,
            .trimLower:
            3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .atan2: 5
        case .power: 6
        }
    }

    /// True only for `^`.
    var isRightAssociative: Bool { self == .power }

    /// True when the operator is a word, which may also name a metric or a label.
    var isWord: Bool { isSet || self == .atan2 }
}
