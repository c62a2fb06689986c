import Foundation
import Model
import PromQL
package import Rules
import Timekeeping

/// Runs promtool's rule tests, unchanged, against the production state machines.
///
/// As promtool does it: every group is evaluated at every multiple of `evaluation_interval` from 0 on; an alert test looks
/// at the last evaluation not after its time, an expression test at the samples there are in the end. Values are compared
/// exactly, or to the last bit but one with `fuzzy_compare`.
package struct RuleTestRunner: Sendable {
    /// Evaluations of one test group.
    package var evaluationsMax = 1_000_000
    private let limits: RuleLoadLimits

    package init(limits: RuleLoadLimits = RuleLoadLimits()) {
        self.limits = limits
    }

    /// Reads and runs one test file.
    ///
    /// - Parameters:
    ///   - path: The file; the rule files it names are relative to its folder.
    ///   - isWanted: Which test groups to run, by name.
    /// - Returns: Every case, and the problems that kept them from running.
    package func run(path: String, isWanted: (String) -> Bool = { _ in true }) -> RuleTestReport {
        var report = RuleTestReport(path: path, cases: [], problems: [])
        do {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let file = try RuleTestFile.read([UInt8](bytes), path: path)
            let rules = try rules(of: file)
            for group in file.groups where isWanted(group.name) {
                report.cases += try run(group, of: file, rules)
            }
        } catch let error as DiagnosticList {
            report.problems = error.diagnostics
        } catch {
            report.problems = [
                Diagnostic(
                    SourceLocation(file: path, line: 1, column: 1),
                    "cannot be read: \(error.localizedDescription); check the path"
                )
            ]
        }
        return report
    }

    // MARK: Rules

    private func rules(of file: RuleTestFile) throws(DiagnosticList) -> RuleSet {
        var paths: [String] = []
        let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
        for pattern in file.ruleFiles {
            let full = pattern.hasPrefix("/") ? pattern : "\(folder)/\(pattern)"
            let found = RuleTestRunner.paths(matching: full)
            guard !found.isEmpty else {
                throw DiagnosticList([
                    Diagnostic(
                        SourceLocation(file: file.path, line: 1, column: 1),
                        "rule_files: nothing is found under \"\(pattern)\" in \(folder)"
                    )
                ])
            }
            paths += found
        }
        guard !paths.isEmpty else { return RuleSet() }
        var rules = try RuleLoader.load(paths: paths, limits: limits)
        if !file.groupOrder.isEmpty {
            let order = file.groupOrder
            rules.groups = rules.groups.enumerated().sorted { left, right in
                let a = order.firstIndex(of: left.element.name) ?? order.count
                let b = order.firstIndex(of: right.element.name) ?? order.count
                return (a, left.offset) < (b, right.offset)
            }.map(\.element)
        }
        return rules
    }

    /// Files that a path with `*` and `?` in its last part stands for, in order.
    private static func paths(matching pattern: String) -> [String] {
        let url = URL(fileURLWithPath: pattern)
        let last = url.lastPathComponent
        guard last.contains("*") || last.contains("?") else {
            return FileManager.default.fileExists(atPath: url.path) ? [url.path] : []
        }
        let folder = url.deletingLastPathComponent().path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { matches(Array($0), Array(last)) }.map { "\(folder)/\($0)" }
    }

    private static func matches(_ name: [Character], _ pattern: [Character]) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        let rest = Array(pattern.dropFirst())
        switch first {
        case "*":
            return (0...name.count).contains { matches(Array(name.dropFirst($0)), rest) }
        case "?": return !name.isEmpty && matches(Array(name.dropFirst()), rest)
        default: return name.first == first && matches(Array(name.dropFirst()), rest)
        }
    }

    // MARK: Running

    private func run(
        _ group: RuleTestFile.Group,
        of file: RuleTestFile,
        _ rules: RuleSet
    ) throws(DiagnosticList) -> [RuleTestReport.Case] {
        var settings = RuleEngineSettings()
        settings.externalLabels = group.externalLabels
        settings.externalURL = group.externalURL
        let ledger = SampleLedger()
        let interval = file.evaluationInterval
        var replay = try RuleReplay(rules, over: ledger, settings: settings)
        let end = (group.alertTests.map(\.time) + group.expressionTests.map(\.time)).max() ?? .zero
        guard end.milliseconds / interval.milliseconds < evaluationsMax else {
            throw DiagnosticList([
                Diagnostic(
                    group.location,
                    "more than \(evaluationsMax) evaluations; test at an earlier time or use a "
                        + "longer evaluation_interval"
                )
            ])
        }
        var input = InputFeed(group)
        var cases: [RuleTestReport.Case] = []
        var pending = group.alertTests.sorted { $0.time < $1.time }[...]
        var slot = Timestamp(milliseconds: 0)
        while slot.milliseconds <= end.milliseconds {
            input.feed(ledger, through: slot)
            _ = replay.evaluate(at: slot)
            let failures = RuleTestRunner.failures(replay.snapshot, at: slot)
            if !failures.isEmpty {
                cases.append(
                    RuleTestReport.Case(
                        name: "\(group.name): rules evaluate",
                        kind: .rules,
                        location: group.location,
                        failure: failures.joined(separator: "\n")
                    )
                )
                return cases
            }
            while let test = pending.first, test.time.milliseconds < (slot + interval).milliseconds
            {
                cases.append(check(test, in: group, replay.snapshot))
                pending = pending.dropFirst()
            }
            slot = slot + interval
        }
        input.feed(ledger, through: Timestamp(milliseconds: end.milliseconds))
        for test in group.expressionTests {
            cases.append(check(test, in: group, replay.queries, isFuzzy: file.isFuzzy))
        }
        return cases
    }

    private static func failures(_ groups: [GroupSnapshot], at slot: Timestamp) -> [String] {
        groups.flatMap(\.rules).compactMap { rule in
            rule.lastError.map {
                "rule: \(rule.name), time: \(Duration.milliseconds(slot.milliseconds).prometheusText), err: \($0)"
            }
        }
    }

    private func check(
        _ test: RuleTestFile.AlertTest,
        in group: RuleTestFile.Group,
        _ groups: [GroupSnapshot]
    ) -> RuleTestReport.Case {
        let firing = groups.flatMap(\.rules)
            .filter { $0.kind != .recording && $0.name == test.alertName }
            .flatMap(\.alerts).filter { $0.state == .firing }
        var got: [String] = []
        var expected: [String] = []
        let checksLevel = test.expected.contains { $0.level != nil }
        for alert in firing {
            got.append(
                RuleTestRunner.line(
                    alert.labels,
                    alert.annotations,
                    checksLevel ? alert.level : nil
                )
            )
        }
        for alert in test.expected {
            expected.append(RuleTestRunner.line(alert.labels, alert.annotations, alert.level))
        }
        got.sort()
        expected.sort()
        return RuleTestReport.Case(
            name: "\(group.name): alert \(test.alertName) at \(test.time.prometheusText)",
            kind: .alert,
            location: test.location,
            failure: got == expected ? nil : RuleTestRunner.difference(expected, got)
        )
    }

    private static func line(
        _ labels: LabelSet,
        _ annotations: [String: String],
        _ level: AlertLevel?
    ) -> String {
        let pairs = annotations.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(LabelSet.quoted($0.value))" }
        let suffix = level.map { " level \($0)" } ?? ""
        return "labels: \(labels) annotations: {\(pairs.joined(separator: ", "))}\(suffix)"
    }

    private static func difference(_ expected: [String], _ got: [String]) -> String {
        func block(_ lines: [String]) -> String {
            lines.isEmpty ? "    nothing" : lines.map { "    \($0)" }.joined(separator: "\n")
        }
        return "expected:\n\(block(expected))\ngot:\n\(block(got))"
    }

    private func check(
        _ test: RuleTestFile.ExpressionTest,
        in group: RuleTestFile.Group,
        _ queries: QueryEngine,
        isFuzzy: Bool
    ) -> RuleTestReport.Case {
        var result = RuleTestReport.Case(
            name: "\(group.name): \(test.expression) at \(test.time.prometheusText)",
            kind: .expression,
            location: test.location
        )
        do throws(QueryError) {
            let time = Timestamp(milliseconds: test.time.milliseconds)
            let got = try queries.prepare(test.expression).evaluate(at: time).series
                .sorted { $0.labels < $1.labels }
            let expected = test.expected.sorted { $0.labels < $1.labels }
            let same =
                got.count == expected.count
                && zip(got, expected).allSatisfy { got, expected in
                    got.labels == expected.labels
                        && RuleTestRunner.areEqual(got.value, expected.value, isFuzzy)
                }
            if !same {
                result.failure = RuleTestRunner.difference(
                    expected.map { "\($0.labels) \(GoNumber.shortest($0.value))" },
                    got.map { "\($0.labels) \(GoNumber.shortest($0.value))" }
                )
            }
        } catch {
            result.failure = error.description
        }
        return result
    }

    private static func areEqual(_ left: Double, _ right: Double, _ isFuzzy: Bool) -> Bool {
        if left == right || (left.isNaN && right.isNaN) { return true }
        return isFuzzy && (left.nextUp == right || left.nextDown == right)
    }
}

/// Hands the input series to the ledger as time goes on.
private struct InputFeed {
    private let group: RuleTestFile.Group
    /// The next value of each series.
    private var next: [Int]

    init(_ group: RuleTestFile.Group) {
        self.group = group
        next = Array(repeating: 0, count: group.input.count)
    }

    mutating func feed(_ ledger: SampleLedger, through time: Timestamp) {
        let last = time.milliseconds / group.interval.milliseconds
        for (index, series) in group.input.enumerated() {
            var samples: [Sample] = []
            while next[index] < series.values.count, series.values[next[index]].place <= last {
                let (place, value) = series.values[next[index]]
                samples.append(
                    Sample(
                        Timestamp(milliseconds: place * group.interval.milliseconds),
                        value
                    )
                )
                next[index] += 1
            }
            if !samples.isEmpty { ledger.append(series.labels, samples) }
        }
    }
}
