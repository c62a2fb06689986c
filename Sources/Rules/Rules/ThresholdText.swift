/// Reads what `warn`, `crit` and `clear` say.
struct ThresholdText {
    /// The unit of the rule's expression; nil when the rule names none.
    let unit: MeasurementUnit?
    /// True when the rule compares with its own past.
    let isRelative: Bool

    /// Why a text is no condition: what is wrong and how to mend it.
    struct Problem: Error {
        let message: String
    }

    /// Reads `> 300ms`, `<= 15%`, and with a relative rule `+50%` or `> +50%`.
    ///
    /// - Parameters:
    ///   - text: As the file has it.
    ///   - isClear: True for `clear`, where a bare `+30%` means that the change is below it again.
    /// - Returns: The condition in the rule's unit.
    /// - Throws: What is wrong with the text.
    func condition(_ text: String, isClear: Bool = false) throws(Problem) -> ThresholdCondition {
        let trimmed = text.split(separator: " ").joined(separator: " ")
        let comparison = ThresholdCondition.Comparison.allCases.first {
            trimmed.hasPrefix($0.rawValue)
        }
        let quantity = trimmed.dropFirst(comparison?.rawValue.count ?? 0).drop { $0 == " " }
        guard !isRelative else {
            let rises = quantity.hasPrefix("+") != isClear
            return try relative(comparison ?? (rises ? .greater : .less), quantity, text: trimmed)
        }
        if quantity.hasPrefix("+") || (quantity.hasPrefix("-") && quantity.hasSuffix("%")) {
            throw Problem(
                message: "\"\(text)\" is a change, but the rule has no past to compare with; "
                    + "add relative_to: {offset: 1h, window: 30m}"
            )
        }
        guard let comparison else {
            throw Problem(
                message: "\"\(text)\" must be a comparison and a quantity, such as "
                    + "\"> \(unit?.example ?? "500")\""
            )
        }
        return ThresholdCondition(
            comparison: comparison,
            value: try value(of: quantity),
            text: trimmed
        )
    }

    /// The quantity in the rule's unit.
    private func value(of text: Substring) throws(Problem) -> Double {
        let quantity: Quantity
        do {
            quantity = try Quantity(text)
        } catch {
            throw explained(error, text)
        }
        guard let unit else {
            guard quantity.unit == nil else {
                throw Problem(
                    message: "\"\(text)\" has a unit but the rule has none; "
                        + "add unit: with the unit of expr, such as unit: \(suggestion(for: quantity))"
                )
            }
            return try finite(quantity.value(in: MeasurementUnit.plain), text)
        }
        if let own = quantity.unit, own.dimension != unit.dimension {
            throw Problem(
                message:
                    "\"\(text)\" is \(own.dimension.inWords) (\(own.name)), but the rule's unit "
                    + "\(unit.name) is \(unit.dimension.inWords); write it like \(unit.example) "
                    + "or correct unit:"
            )
        }
        return try finite(quantity.value(in: unit), text)
    }

    private func explained(_ problem: Quantity.Problem, _ text: Substring) -> Problem {
        switch problem {
        case .noNumber:
            Problem(
                message: "\"\(text)\" is no quantity; write a number and its unit, such as "
                    + "\(unit?.example ?? "500")"
            )
        case .unknownUnit(let suffix):
            Problem(
                message: "unknown unit \"\(suffix)\" in \"\(text)\"; use one of "
                    + MeasurementUnit.suffixes.joined(separator: " ")
            )
        }
    }

    private func finite(_ value: Double?, _ text: Substring) throws(Problem) -> Double {
        guard let value, value.isFinite else {
            throw Problem(message: "\"\(text)\" is out of range; use a smaller number")
        }
        return value
    }

    private func suggestion(for quantity: Quantity) -> String {
        switch quantity.unit?.dimension {
        case .time: "s"
        case .share: "ratio"
        case .size: "bytes"
        case .rate: "per_second"
        case .throughput: "bytes_per_second"
        case .money: "usd"
        case .count, nil: "count"
        }
    }

    /// A change against the past.
    private func relative(
        _ comparison: ThresholdCondition.Comparison,
        _ change: Substring,
        text: String
    ) throws(Problem) -> ThresholdCondition {
        guard let sign = change.first, sign == "+" || sign == "-", change.last == "%" else {
            throw Problem(
                message: "\"\(text)\" must be a change against the past, such as \"+50%\" or "
                    + "\"-30%\", because the rule has relative_to"
            )
        }
        guard let quantity = try? Quantity(change), let ratio = MeasurementUnit(name: "ratio"),
            let value = quantity.value(in: ratio)
        else {
            throw Problem(
                message:
                    "\"\(change)\" is no change; write a sign, a number and %, such as \"+50%\""
            )
        }
        return ThresholdCondition(
            comparison: comparison,
            value: try finite(value, change),
            text: text
        )
    }
}

extension MeasurementUnit {
    /// What a rule without a unit is measured in.
    static var plain: MeasurementUnit { named.first { $0.dimension == .count } ?? named[0] }
}
