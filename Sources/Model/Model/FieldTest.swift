package import Matching

/// A comparison with a field's value, ready to be asked.
///
/// A missing field counts as the empty string, as a missing label does; patterns must match the whole value.
/// Numbers compare as numbers when both sides are.
package struct FieldTest: Sendable {
    private let comparison: LogMetricDefinition.Comparison
    private let text: String
    private let number: Double?
    private let pattern: Pattern?

    /// Compiles the pattern of `=~` and `!~`.
    package init(_ condition: LogMetricDefinition.Condition) throws(PatternError) {
        comparison = condition.comparison
        text = condition.value
        number = Double(condition.value)
        pattern =
            switch condition.comparison {
            case .matches, .doesNotMatch: try Pattern(condition.value)
            case .equal, .notEqual, .greaterOrEqual, .lessOrEqual, .greater, .less: nil
            }
    }

    /// Asks for a text, to the letter.
    package init(text: String) {
        comparison = .equal
        self.text = text
        number = nil
        pattern = nil
    }

    /// True when a value, or the lack of one, satisfies the comparison.
    package func holds(_ value: LogValue?) -> Bool {
        switch comparison {
        case .equal: isEqual(value)
        case .notEqual: !isEqual(value)
        case .matches: pattern?.matchesWhole(value?.text ?? "") ?? false
        case .doesNotMatch: !(pattern?.matchesWhole(value?.text ?? "") ?? false)
        case .greaterOrEqual: isOrdered(value, numbers: >=, texts: >=)
        case .lessOrEqual: isOrdered(value, numbers: <=, texts: <=)
        case .greater: isOrdered(value, numbers: >, texts: >)
        case .less: isOrdered(value, numbers: <, texts: <)
        }
    }

    private func isEqual(_ value: LogValue?) -> Bool {
        if let number, let other = value?.numeric { return number == other }
        return value?.text ?? "" == text
    }

    /// Compares as numbers when both are; a missing field or a text against a number is in no order.
    private func isOrdered(
        _ value: LogValue?,
        numbers: (Double, Double) -> Bool,
        texts: (String, String) -> Bool
    ) -> Bool {
        guard let value else { return false }
        guard let number else { return texts(value.text, text) }
        return value.numeric.map { numbers($0, number) } ?? false
    }
}
