import Matching
package import Model

/// Reads `where` of a log metric, a log rule or a search: `status >= 500 and path =~ "/api/.*"`.
package enum LogConditionText {
    /// Why a text is no condition: what is wrong and how to mend it.
    package struct Problem: Error {
        package let message: String
    }

    /// The conditions joined by `and`; all must hold.
    package static func conditions(
        in text: String
    ) throws(Problem) -> [LogMetricDefinition.Condition] {
        var rest = text[...]
        var conditions: [LogMetricDefinition.Condition] = []
        while true {
            conditions.append(try condition(&rest))
            skipSpaces(&rest)
            guard !rest.isEmpty else { return conditions }
            guard rest.hasPrefix("and ") else {
                throw Problem(
                    message: "cannot read \"\(rest)\"; join conditions with \"and\""
                )
            }
            rest = rest.dropFirst(4)
        }
    }

    private static func condition(
        _ rest: inout Substring
    ) throws(Problem) -> LogMetricDefinition.Condition {
        skipSpaces(&rest)
        let field = rest.prefix { $0.isLetter || $0.isNumber || "_.-@/".contains($0) }
        guard !field.isEmpty else {
            throw Problem(
                message:
                    "cannot read \"\(rest)\"; write a field, a comparison and a value, such as "
                    + "status >= 500"
            )
        }
        rest = rest.dropFirst(field.count)
        skipSpaces(&rest)
        guard
            let comparison = LogMetricDefinition.Comparison.allCases.first(where: {
                rest.hasPrefix($0.rawValue)
            })
        else {
            throw Problem(
                message: "after \"\(field)\" a comparison is missing; use one of "
                    + LogMetricDefinition.Comparison.allCases.map(\.rawValue).joined(separator: " ")
            )
        }
        rest = rest.dropFirst(comparison.rawValue.count)
        let value = try value(&rest)
        if comparison == .matches || comparison == .doesNotMatch {
            do {
                _ = try Pattern(value)
            } catch {
                throw Problem(message: "\(error)")
            }
        }
        return LogMetricDefinition.Condition(
            field: String(field),
            comparison: comparison,
            value: value
        )
    }

    /// A word, or a text in single or double quotes with backslash before a quote or a backslash.
    private static func value(_ rest: inout Substring) throws(Problem) -> String {
        skipSpaces(&rest)
        guard let quote = rest.first, quote == "\"" || quote == "'" else {
            let word = rest.prefix { $0 != " " }
            guard !word.isEmpty else {
                throw Problem(message: "the value after the comparison is missing; add it")
            }
            rest = rest.dropFirst(word.count)
            return String(word)
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst() {
            if character == quote { return value }
            if character == "\\", let next = rest.first, next == quote || next == "\\" {
                value.append(next)
                rest = rest.dropFirst()
            } else {
                value.append(character)
            }
        }
        throw Problem(message: "the quote before \"\(value)\" is not closed; close it")
    }

    private static func skipSpaces(_ rest: inout Substring) {
        rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" }
    }
}
