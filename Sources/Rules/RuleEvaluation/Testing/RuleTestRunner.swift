import Buffers
import FoundationEssentials
import Model
import PromQL
package import Rules
import Timekeeping

/// Runs promtool's rule tests, unchanged, against the production state machines.
///
/// As promtool does it: every group is evaluated at every multiple of `evaluation_interval` from the start on; an alert
/// test looks at the last evaluation not after its time, an expression test at the samples there are in the end. Values
/// are compared exactly, or to the last bit but one with `fuzzy_compare`.
package struct RuleTestRunner: Sendable {
    /// Evaluations of one test group.
    package var evaluationsMax = 1_000_000
    /// Passes over keys that nobody knows, in test files and in the rule files they name.
    package var ignoresUnknownKeys = false
    /// Keeps every change of an alert for the report.
    package var keepsTrace = false
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
        var report = RuleTestReport(path: path)
        do {
            let bytes = try WholeFile.bytes(at: path)
            let file = try RuleTestFile.read(
                bytes,
                path: path,
                ignoresUnknownKeys: ignoresUnknownKeys
            )
            let rules = try rules(of: file, &report)
            for group in file.groups where isWanted(group.name) {
                try run(group, of: file, rules, &report)
            }
        } catch let error as DiagnosticList {
            report.problems = error.diagnostics
        } catch {
            report.problems = [
                Diagnostic(
                    SourceLocation(file: path, line: 1, column: 1),
                    "cannot be read: \(error); check the path"
                )
            ]
        }
        return report
    }

    private func rules(
        of file: RuleTestFile,
        _ report: inout RuleTestReport
    ) throws(DiagnosticList) -> RuleSet {
        var paths: [String] = []
        let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().relativePath
        for pattern in file.ruleFiles {
            let full =
                pattern.hasPrefix("/") || folder == "." ? pattern : "\(folder)/\(pattern)"
            let found = FilePattern(pattern: full).paths()
            if found.isEmpty {
                report.warnings.append(
                    Diagnostic(
                        SourceLocation(file: file.path, line: 1, column: 1),
                        "rule_files: nothing is found under \"\(pattern)\" in \(folder)"
                    )
                )
            }
            paths += found
        }
        guard !paths.isEmpty else { return RuleSet() }
        var rules = try RuleLoader.load(
            paths: paths,
            limits: limits,
            ignoresUnknownKeys: ignoresUnknownKeys
        )
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

    private func run(
        _ group: RuleTestFile.Group,
        of file: RuleTestFile,
        _ rules: RuleSet,
        _ report: inout RuleTestReport
    ) throws(DiagnosticList) {
        var settings = RuleEngineSettings()
        settings.externalLabels = group.externalLabels
        settings.externalURL = group.externalURL
        let ledger = SampleLedger()
        let interval = file.evaluationInterval
        let start = group.startedAt
        var replay = try RuleReplay(rules, over: ledger, settings: settings, start: start)
        let span =
            (group.alertTests.map(\.time) + group.expressionTests.map(\.time)
            + [group.response.end]).max() ?? .zero
        guard span.milliseconds / interval.milliseconds < evaluationsMax else {
            throw DiagnosticList([
                Diagnostic(
                    group.location,
                    "more than \(evaluationsMax) evaluations; test at an earlier time or use a "
                        + "longer evaluation_interval"
                )
            ])
        }
        let end = start + span
        var input = InputFeed(group)
        var pending = group.alertTests.sorted { $0.time < $1.time }[...]
        var turns: [ResponseRehearsal.Turn] = []
        var slot = start
        while slot <= end {
            input.feed(ledger, through: slot)
            let transitions = replay.evaluate(at: slot)
            if !transitions.isEmpty {
                turns.append(ResponseRehearsal.Turn(at: slot, transitions: transitions))
            }
            let failures = RuleTestRunner.failures(replay.snapshot, after: slot - start)
            guard failures.isEmpty else {
                report.cases.append(
                    RuleTestReport.Case(
                        group: group.name,
                        subject: "rules evaluate",
                        kind: .rules,
                        location: group.location,
                        outcome: .broken(failures.joined(separator: "\n"))
                    )
                )
                return
            }
            while let test = pending.first, start + test.time < slot + interval {
                report.cases.append(RuleTestCheck.alerts(test, in: group, replay.snapshot))
                pending = pending.dropFirst()
            }
            slot = slot + interval
        }
        input.feed(ledger, through: end)
        for test in group.expressionTests {
            report.cases.append(
                RuleTestCheck.samples(test, in: group, replay.queries, isFuzzy: file.isFuzzy)
            )
        }
        if keepsTrace { report.trace += RuleTestRunner.trace(turns, of: group) }
        guard !group.response.isEmpty else { return }
        report.rehearsals.append(
            ResponseRehearsal(
                group: group.name,
                expectations: group.response,
                startedAt: start,
                endedAt: end,
                turns: turns
            )
        )
    }

    private static func failures(_ groups: [GroupSnapshot], after span: Duration) -> [String] {
        groups.flatMap(\.rules).compactMap { rule in
            rule.lastError.map { "rule: \(rule.name), time: \(span.prometheusText), err: \($0)" }
        }
    }

    private static func trace(
        _ turns: [ResponseRehearsal.Turn],
        of group: RuleTestFile.Group
    ) -> [String] {
        turns.flatMap { turn in
            turn.transitions.map { transition in
                let change =
                    switch transition.change {
                    case .fired(let level): "fires, \(level.rawValue)"
                    case .levelChanged(let old, let new): "\(old.rawValue) to \(new.rawValue)"
                    case .resolved: "resolved"
                    case .blind(let reason): "cannot be seen: \(reason)"
                    case .sighted: "can be seen again"
                    }
                return "\(group.name): \((turn.at - group.startedAt).prometheusText) "
                    + "\(transition.labels) \(change)"
            }
        }
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
        let interval = group.interval.milliseconds
        let last = (time - group.startedAt).milliseconds / interval
        for (index, series) in group.input.enumerated() {
            var samples: [Sample] = []
            while next[index] < series.values.count, series.values[next[index]].place <= last {
                let (place, value) = series.values[next[index]]
                samples.append(
                    Sample(group.startedAt + .milliseconds(place * interval), value)
                )
                next[index] += 1
            }
            if !samples.isEmpty { ledger.append(series.labels, samples) }
        }
    }
}
