package import Matching

/// One condition of a selector on one label; a missing label counts as the empty string.
package struct LabelMatcher: Sendable {
    package enum Operation: String, Hashable, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case matches = "=~"
        case doesNotMatch = "!~"
    }

    package let name: String
    package let operation: Operation
    package let value: String
    private let pattern: Pattern?

    /// Compiles the pattern of a regular-expression matcher: fully anchored, `.` matches a newline.
    package init(_ name: String, _ operation: Operation, _ value: String) throws(PatternError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: pattern = nil
        case .matches, .doesNotMatch: pattern = try Pattern(value, dotMatchesNewline: true)
        }
    }

    /// An equality matcher, which cannot fail to compile.
    package init(_ name: String, equals value: String) {
        self.name = name
        self.operation = .equal
        self.value = value
        pattern = nil
    }

    package func matches(_ text: String) -> Bool {
        switch operation {
        case .equal: text.hasSameBytes(as: value)
        case .notEqual: !text.hasSameBytes(as: value)
        case .matches: pattern?.matchesWhole(text) ?? false
        case .doesNotMatch: !(pattern?.matchesWhole(text) ?? false)
        }
    }

    package func matches(_ labels: LabelSet) -> Bool { matches(labels[name]) }

    /// True when a series without the label satisfies the matcher.
    package var matchesEmpty: Bool { matches("") }
}

extension LabelMatcher: Hashable {
    package static func == (left: LabelMatcher, right: LabelMatcher) -> Bool {
        left.operation == right.operation && left.name.hasSameBytes(as: right.name)
            && left.value.hasSameBytes(as: right.value)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(operation)
        hasher.combine(value)
    }
}

extension LabelMatcher: CustomStringConvertible {
    package var description: String { "\(name)\(operation.rawValue)\(LabelSet.quoted(value))" }
}
