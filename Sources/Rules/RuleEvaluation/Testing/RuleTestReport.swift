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
            /// Incidents that there are.
            case incident
            /// Messages to the people on call.
            case page
        }

        package enum Outcome: Hashable, Sendable {
            case passed
            /// One line for each thing expected and got, in one order.
            case differs(expected: [String], got: [String])
            /// Nothing could be compared, for this reason.
            case broken(String)
        }

        /// The test group's name, or `test 2` when it has none.
        package var group: String
        /// What is tested and when: `alert InstanceDown at 5m`.
        package var subject: String
        package var kind: Kind
        package var location: SourceLocation
        package var outcome: Outcome

        package init(
            group: String,
            subject: String,
            kind: Kind,
            location: SourceLocation,
            outcome: Outcome
        ) {
            self.group = group
            self.subject = subject
            self.kind = kind
            self.location = location
            self.outcome = outcome
        }

        /// Test group and subject: `correct test: alert InstanceDown at 5m`.
        package var name: String { "\(group): \(subject)" }

        /// Why it failed, over several lines; nil when it passed.
        package var failure: String? {
            switch outcome {
            case .passed: nil
            case .broken(let reason): reason
            case .differs(let expected, let got):
                "expected:\n\(Case.block(expected))\ngot:\n\(Case.block(got))"
            }
        }

        /// Why it failed, as the lines that are missing (`-`) and those nobody expected (`+`); nil when it passed.
        package var difference: String? {
            guard case .differs(let expected, let got) = outcome else { return failure }
            let missing = Case.without(expected, got).map { "- \($0)" }
            let extra = Case.without(got, expected).map { "+ \($0)" }
            return (missing + extra).joined(separator: "\n")
        }

        private static func block(_ lines: [String]) -> String {
            lines.isEmpty ? "    nothing" : lines.map { "    \($0)" }.joined(separator: "\n")
        }

        /// The lines of `lines` that `others` has not, as often as they are more there.
        private static func without(_ lines: [String], _ others: [String]) -> [String] {
            var counts: [String: Int] = [:]
            for line in others { counts[line, default: 0] += 1 }
            return lines.filter { line in
                counts[line, default: 0] -= 1
                return counts[line, default: 0] < 0
            }
        }
    }

    package var path: String
    package var cases: [Case] = []
    /// Problems of the test file and the rules it names; with any, nothing was run.
    package var problems: [Diagnostic] = []
    /// What a person should know though the tests ran.
    package var warnings: [Diagnostic] = []
    /// What the incidents and pages expected are to be compared with.
    package var rehearsals: [ResponseRehearsal] = []
    /// Every change of an alert, when it was asked for.
    package var trace: [String] = []

    package init(path: String) {
        self.path = path
    }

    package var passed: Bool { problems.isEmpty && cases.allSatisfy { $0.outcome == .passed } }
}
