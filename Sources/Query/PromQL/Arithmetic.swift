import Glibc
import PromQLSyntax

/// The binary operators on two numbers.
enum Arithmetic {
    /// What an arithmetic or comparison operator answers; comparisons answer 1 or 0.
    static func between(_ operation: BinaryOperation, _ left: Double, _ right: Double) -> Double {
        switch operation {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        case .modulo: fmod(left, right)
        case .power: pow(left, right)
        case .atan2: Glibc.atan2(left, right)
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            holds(operation, left, right) ? 1 : 0
        // Set operators have no numbers; trimming is for native histograms.
        case .and, .or, .unless, .trimUpper, .trimLower: Absent.value
        }
    }

    /// True when a comparison holds.
    static func holds(_ operation: BinaryOperation, _ left: Double, _ right: Double) -> Bool {
        switch operation {
        case .equal: left == right
        case .notEqual: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .add, .subtract, .multiply, .divide, .modulo, .power, .atan2, .and, .or, .unless,
            .trimUpper, .trimLower:
            false
        }
    }
}
