/// The value of a parameter of an RDS parameter group: a number, or a formula over the instance's size.
///
/// Source: "Specifying DB parameters" of the RDS guide: `{DBInstanceClassMemory/9531392}`, `GREATEST`, `LEAST`,
/// `SUM`, `IF` and `log` (base 2); quotients and products are cut to integers inside braces.
package struct ParameterFormula: Sendable {
    /// Longest text that is read.
    package static let lengthMax = 1000
    /// Deepest nesting of functions, braces and parentheses.
    package static let depthMax = 16

    private let text: [UInt8]
    private let variables: [String: Double]
    private var position = 0

    /// Works out a parameter's value.
    ///
    /// - Parameters:
    ///   - text: `5000` or `LEAST({DBInstanceClassMemory/9531392},5000)`.
    ///   - variables: What names in formulas stand for.
    /// - Returns: Nil when it is no formula, or names what `variables` does not have.
    package static func value(of text: String, _ variables: [String: Double]) -> Double? {
        guard text.utf8.count <= lengthMax else { return nil }
        var formula = ParameterFormula(
            text: Array(text.utf8),
            variables: variables
        )
        guard let value = formula.product(depth: 0) else { return nil }
        formula.skipSpace()
        guard formula.position == formula.text.count, value.isFinite else { return nil }
        return value
    }

    private init(text: [UInt8], variables: [String: Double]) {
        self.text = text
        self.variables = variables
    }

    private mutating func product(depth: Int) -> Double? {
        guard depth <= Self.depthMax, var left = factor(depth: depth) else { return nil }
        while true {
            if take("*") {
                guard let right = factor(depth: depth) else { return nil }
                left *= right
            } else if take("/") {
                guard let right = factor(depth: depth), right != 0 else { return nil }
                left = Self.cut(left / right, of: left, right)
            } else {
                return left
            }
        }
    }

    /// An integer's quotient by an integer is cut, as RDS does.
    private static func cut(_ quotient: Double, of left: Double, _ right: Double) -> Double {
        left == left.rounded() && right == right.rounded() && quotient >= 1
            ? quotient.rounded(.towardZero) : quotient
    }

    private mutating func factor(depth: Int) -> Double? {
        skipSpace()
        guard position < text.count else { return nil }
        if take("{") { return inside("}", depth) }
        if take("(") { return inside(")", depth) }
        let byte = text[position]
        if Self.isDigit(byte) || byte == UInt8(ascii: "-") { return number() }
        let start = position
        while position < text.count, Self.isLetter(text[position]) || Self.isDigit(text[position]) {
            position += 1
        }
        guard position > start else { return nil }
        let name = String(decoding: text[start..<position], as: UTF8.self)
        guard take("(") else { return variables[name] }
        guard let arguments = arguments(depth) else { return nil }
        return Self.call(name.lowercased(), arguments)
    }

    private mutating func inside(_ end: Character, _ depth: Int) -> Double? {
        guard let value = product(depth: depth + 1), take(end) else { return nil }
        return value
    }

    private mutating func arguments(_ depth: Int) -> [Double]? {
        var arguments: [Double] = []
        repeat {
            guard let value = product(depth: depth + 1) else { return nil }
            arguments.append(value)
        } while take(",")
        return take(")") ? arguments : nil
    }

    private static func call(_ name: String, _ arguments: [Double]) -> Double? {
        switch name {
        case "greatest": arguments.max()
        case "least": arguments.min()
        case "sum": arguments.reduce(0, +)
        case "log": arguments.count == 1 && arguments[0] > 0 ? logarithm(arguments[0]) : nil
        case "if": arguments.count == 3 ? (arguments[0] != 0 ? arguments[1] : arguments[2]) : nil
        default: nil
        }
    }

    /// Base 2, by halving and squaring: no C library in this target.
    private static func logarithm(_ number: Double) -> Double {
        var mantissa = number.significand
        var result = Double(number.exponent)
        var bit = 0.5
        for _ in 0..<52 {
            mantissa *= mantissa
            if mantissa >= 2 {
                mantissa /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }

    private mutating func number() -> Double? {
        let start = position
        if text[position] == UInt8(ascii: "-") { position += 1 }
        while position < text.count,
            Self.isDigit(text[position]) || text[position] == UInt8(ascii: ".")
        {
            position += 1
        }
        return Double(String(decoding: text[start..<position], as: UTF8.self))
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < text.count, text[position] == 0x20 || text[position] == 0x09 {
            position += 1
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
