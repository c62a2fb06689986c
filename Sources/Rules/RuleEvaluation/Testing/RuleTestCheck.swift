import Model
import PromQL
import Timekeeping

/// Compares what a test group expects with what there is.
enum RuleTestCheck {
    /// The alerts of one name that fire.
    static func alerts(
        _ test: RuleTestFile.AlertTest,
        in group: RuleTestFile.Group,
        _ groups: [GroupSnapshot]
    ) -> RuleTestReport.Case {
        let firing = groups.flatMap(\.rules)
            .filter { $0.kind != .recording && $0.name == test.alertName }
            .flatMap(\.alerts).filter { $0.state == .firing }
        let checksLevel = test.expected.contains { $0.level != nil }
        let got = firing.map { line($0.labels, $0.annotations, checksLevel ? $0.level : nil) }
        let expected = test.expected.map { line($0.labels, $0.annotations, $0.level) }
        return RuleTestReport.Case(
            group: group.name,
            subject: "alert \(test.alertName) at \(test.time.prometheusText)",
            kind: .alert,
            location: test.location,
            outcome: outcome(expected.sorted(), got.sorted())
        )
    }

    private static func line(
        _ labels: LabelSet,
        _ annotations: [String: String],
        _ level: AlertLevel?
    ) -> String {
        let pairs = annotations.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(LabelSet.quoted($0.value))" }
        let suffix = level.map { " level \($0.rawValue)" } ?? ""
        return "labels: \(labels) annotations: {\(pairs.joined(separator: ", "))}\(suffix)"
    }

    private static func outcome(
        _ expected: [String],
        _ got: [String]
    ) -> RuleTestReport.Case.Outcome {
        expected == got ? .passed : .differs(expected: expected, got: got)
    }

    /// The samples of an expression.
    static func samples(
        _ test: RuleTestFile.ExpressionTest,
        in group: RuleTestFile.Group,
        _ queries: QueryEngine,
        isFuzzy: Bool
    ) -> RuleTestReport.Case {
        RuleTestReport.Case(
            group: group.name,
            subject: "\(test.expression) at \(test.time.prometheusText)",
            kind: .expression,
            location: test.location,
            outcome: outcome(test, from: group.startedAt, queries, isFuzzy: isFuzzy)
        )
    }

    private static func outcome(
        _ test: RuleTestFile.ExpressionTest,
        from start: Timestamp,
        _ queries: QueryEngine,
        isFuzzy: Bool
    ) -> RuleTestReport.Case.Outcome {
        do throws(QueryError) {
            let got = try queries.prepare(test.expression).evaluate(at: start + test.time).series
                .sorted { $0.labels < $1.labels }
            let expected = test.expected.sorted { $0.labels < $1.labels }
            let isSame =
                got.count == expected.count
                && zip(got, expected).allSatisfy { got, expected in
                    got.labels == expected.labels
                        && areEqual(got.value, expected.value, isFuzzy)
                }
            guard !isSame else { return .passed }
            return .differs(
                expected: expected.map { "\($0.labels) \(GoNumber.shortest($0.value))" },
                got: got.map { "\($0.labels) \(GoNumber.shortest($0.value))" }
            )
        } catch {
            return .broken(error.description)
        }
    }

    private static func areEqual(_ left: Double, _ right: Double, _ isFuzzy: Bool) -> Bool {
        if left == right || (left.isNaN && right.isNaN) { return true }
        return isFuzzy && (left.nextUp == right || left.nextDown == right)
    }
}
