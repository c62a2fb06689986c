package import Model
import Timekeeping

/// What came of one file of rule tests.
package struct RuleTestReport: Sendable {
    /// One expectation.
    package struct Case: Sendable {
        package enum Kind: String, Sendable {
            /// Alerts that fire.
            case alert
            /// Samples of an expression.
            case expression
            /// That every rule of the test group evaluates.
            case rules
        }

        /// Test group, what is tested, and when: `correct test: alert InstanceDown at 5m`.
        package var name: String
        package var kind: Kind
        package var location: SourceLocation
        /// Why it failed, over several lines; nil when it passed.
        package var failure: String?
    }

    package var path: String
    package var cases: [Case]
    /// Problems of the test file and the rules it names; with any, nothing was run.
    package var problems: [Diagnostic]

    package var passed: Bool { problems.isEmpty && cases.allSatisfy { $0.failure == nil } }
}
