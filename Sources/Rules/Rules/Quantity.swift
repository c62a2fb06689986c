import Timekeeping

/// A number with its unit as a person wrote it: `300ms`, `0.5%`, `3/hr`, `1GiB`, `$200`, `500`.
struct Quantity {
    /// The number's own digits: conversions by powers of ten shift them, so that 99.9% is 0.999 exactly rounded.
    private let digits: String
    /// Nil for a bare number, which is in whatever unit it is compared with.
    let unit: MeasurementUnit?

    /// Why a text is no quantity.
    enum Problem: Error {
        case noNumber
        case unknownUnit(String)
    }

    init(_ text: some StringProtocol) throws(Problem) {
        var rest = Substring(text.trimmingPrefix { $0 == " " })
        while rest.last == " " { rest.removeLast() }
        if let duration = Quantity.compoundDuration(rest) {
            self = duration
            return
        }
        let isMoney = rest.first == "$"
        if isMoney { rest = rest.dropFirst() }
        let number = Quantity.leadingNumber(of: rest)
        guard Double(number) != nil else { throw .noNumber }
        digits = String(number)
        let suffix = String(rest.dropFirst(number.count).drop { $0 == " " })
        if isMoney, suffix.isEmpty {
            unit = MeasurementUnit(name: "usd")
        } else if suffix.isEmpty {
            unit = nil
        } else if !isMoney, let known = MeasurementUnit.suffixed(suffix) {
            unit = known
        } else {
            throw .unknownUnit(suffix)
        }
    }

    private init(digits: String, unit: MeasurementUnit?) {
        self.digits = digits
        self.unit = unit
    }

    /// `1m30s` and the like; a single number and unit is left to the general way.
    private static func compoundDuration(_ text: Substring) -> Quantity? {
        guard text.count(where: \.isLetter) > 1, let duration = Duration(prometheus: String(text))
        else { return nil }
        return Quantity(
            digits: String(duration.milliseconds),
            unit: MeasurementUnit(name: "ms")
        )
    }

    /// The longest prefix that reads as a decimal number; an exponent needs a digit after its `e`.
    private static func leadingNumber(of text: Substring) -> Substring {
        var end = text.startIndex
        var cursor = text.startIndex
        var previous: Character = " "
        while cursor < text.endIndex {
            let character = text[cursor]
            let fits =
                character.isASCII
                && (character.isNumber || character == "." || character == "e"
                    || ((character == "-" || character == "+")
                        && (previous == " " || previous == "e")))
            guard fits else { break }
            previous = character
            cursor = text.index(after: cursor)
            if character.isNumber { end = cursor }
        }
        return text[..<end]
    }

    /// The number in `target`; nil when the dimensions differ.
    ///
    /// A bare number is taken to be in `target` already.
    func value(in target: MeasurementUnit) -> Double? {
        guard let unit else { return Double(digits) }
        guard unit.dimension == target.dimension else { return nil }
        guard unit != target else { return Double(digits) }
        let parts = digits.split(separator: "e", maxSplits: 1)
        let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + unit.exponent - target.exponent
        guard let mantissa = parts.first, let shifted = Double("\(mantissa)e\(exponent)") else {
            return nil
        }
        return shifted * (unit.multiplier * target.divisor)
            / (unit.divisor * target.multiplier)
    }
}
