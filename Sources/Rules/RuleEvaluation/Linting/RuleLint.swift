package import Model

/// What is legal in a rule but seldom meant.
package enum RuleLint: String, Hashable, Sendable, CaseIterable {
    case duplicateRules = "duplicate-rules"
    case shortWindow = "short-window"
    case valueInLabel = "value-in-label"
    case missingLabel = "missing-label"
    case unreachableLevel = "unreachable-level"
    case mixedSources = "mixed-sources"
    case unevenFor = "uneven-for"
    case rateOfGauge = "rate-of-gauge"
    case rateOfSum = "rate-of-sum"
    case inexactAbsent = "inexact-absent"
    /// Found with a server's help alone.
    case emptySelector = "empty-selector"

    /// Why it is seldom meant, in one line.
    package var explanation: String {
        switch self {
        case .duplicateRules:
            "two rules of the same name and labels: their series or alerts collide"
        case .shortWindow:
            "a window of under two sample periods: it holds no two samples to compare"
        case .valueInLabel: "$value in a label: every new value is another alert"
        case .missingLabel: "a template reads a label that the expression drops: it is always empty"
        case .unreachableLevel: "a comparison that no value of the expression can meet"
        case .mixedSources:
            "CloudWatch and other series in one expression: late samples are judged early"
        case .unevenFor:
            "a for that is no multiple of the interval: it holds until the next evaluation"
        case .rateOfGauge: "rate over what is no counter: every fall counts as a restart"
        case .rateOfSum: "rate over a sum: one restart of one instance looks like a jump of all"
        case .inexactAbsent: "absent() over several series: it is silent while one of them is left"
        case .emptySelector:
            "a selector that matches no series: the rule is never true (needs --live)"
        }
    }
}

/// One finding.
package struct RuleLintFinding: Hashable, Sendable, CustomStringConvertible {
    package var lint: RuleLint
    package var location: SourceLocation
    /// What was found, and how to mend it.
    package var message: String

    package init(_ lint: RuleLint, _ location: SourceLocation, _ message: String) {
        self.lint = lint
        self.location = location
        self.message = message
    }

    package var description: String { "\(location): \(message) [\(lint.rawValue)]" }
}
