import APIModel
import ArgumentParsing
import Configuration
import Model
import RuleEvaluation
import Rules
import Timekeeping

/// `sloctl rules check FILE...`: takes rule files alone; asks a server only with `--live`.
struct RulesCheckCommand {
    static let spec = CommandSpec(
        "check",
        "Check rule files, and warn of what is seldom meant",
        discussion: """
            A file that does not load is an error. What loads but is seldom meant is a warning:

            \(lintList)

              sloctl rules check AlertRules                     files and folders
              sloctl rules check --lint short-window,mixed-sources rules.yaml
              sloctl rules check --lint none rules.yaml         errors only
              sloctl rules check --live rules.yaml              ask the server which selectors match

            Exit codes: 0 everything loads, 3 a warning with --lint-fatal, 78 an error.
            """,
        operands: [OperandSpec("FILE", .oneOrMore, "rule files or folders")],
        options: [
            OptionSpec("lint", value: "NAMES", "all, none, or names with commas (default: all)"),
            OptionSpec("lint-fatal", "Exit 3 when there is a warning"),
            OptionSpec("live", "Ask the server which selectors match no series"),
            OptionSpec(
                "scrape-interval",
                value: "DURATION",
                "How often series have a sample, CloudWatch's apart (default: 15s)"
            ),
            OptionSpec(
                "retention",
                value: "DURATION",
                "The server's store.retention; rules that read further back are noted (default: 6h)"
            ),
            OptionSpec("ignore-unknown-fields", "Pass over keys that nobody knows"),
            OptionSpec("format", value: "FORMAT", choices: ["text", "json"], "How to print"),
        ]
    )

    private static var lintList: String {
        let width = (RuleLint.allCases.map(\.rawValue.count).max() ?? 0) + 2
        return RuleLint.allCases.map { lint in
            let gap = String(repeating: " ", count: width - lint.rawValue.count)
            return "  \(lint.rawValue)\(gap)\(lint.explanation)"
        }.joined(separator: "\n")
    }

    /// Selectors that one check asks a server about.
    private static let selectorsMax = 2000

    let client: APIClient
    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let lints = try lints(invocation.value("lint") ?? "all")
        let isJSON = invocation.value("format") == "json"
        let rules: RuleSet
        do {
            rules = try RuleLoader.load(
                paths: invocation.operands,
                ignoresUnknownKeys: invocation.has("ignore-unknown-fields")
            )
            // Templates are parsed when rules are compiled.
            _ = try RuleReplay(rules, over: SampleLedger())
        } catch {
            if isJSON {
                try terminal.outputJSON(document(RuleSet(), problems: error.diagnostics))
                return .badConfiguration
            }
            throw CommandFailure(code: .badConfiguration, message: error.description)
        }
        var findings = RuleLinter(scrapeInterval: try scrapeInterval(invocation))
            .findings(in: rules).filter { lints.contains($0.lint) }
        if invocation.has("live"), lints.contains(.emptySelector) {
            findings += try await emptySelectors(rules)
        }
        let notes = try notes(rules, invocation)
        let document = document(rules, findings, notes: notes)
        if isJSON {
            try terminal.outputJSON(document)
        } else {
            for finding in findings {
                terminal.messages("\(terminal.colored("warning", .yellow)): \(finding)\n")
            }
            for note in notes {
                terminal.messages("note: \(note.location): \(note.message)\n")
            }
            terminal.output(
                "OK: \(document.groups) groups, \(document.rules) rules, "
                    + "\(document.thresholds) thresholds, \(document.objectives) objectives, "
                    + "\(document.logMetrics) log metrics"
                    + (document.logRules > 0 ? ", \(document.logRules) log rules" : "")
                    + (findings.isEmpty ? "\n" : "; \(findings.count) warnings\n")
            )
        }
        return findings.isEmpty || !invocation.has("lint-fatal") ? .ok : .lintFailed
    }

    private func lints(_ text: String) throws(CommandFailure) -> Set<RuleLint> {
        switch text {
        case "all": return Set(RuleLint.allCases)
        case "none", "": return []
        default: break
        }
        var lints: Set<RuleLint> = []
        for name in text.split(separator: ",") {
            guard let lint = RuleLint(rawValue: String(name)) else {
                let known = ["all", "none"] + RuleLint.allCases.map(\.rawValue)
                throw CommandFailure(
                    code: .usage,
                    message: "--lint does not know \"\(name)\"; use "
                        + known.joined(separator: ", ")
                )
            }
            lints.insert(lint)
        }
        return lints
    }

    private func scrapeInterval(_ invocation: Invocation) throws(CommandFailure) -> Duration {
        try duration("scrape-interval", invocation) ?? RuleLinter().scrapeInterval
    }

    private func duration(
        _ option: String,
        _ invocation: Invocation
    ) throws(CommandFailure) -> Duration? {
        guard let text = invocation.value(option) else { return nil }
        guard let span = Duration(prometheus: text), span > .zero else {
            throw CommandFailure(
                code: .usage,
                message: "--\(option) needs a duration such as 30s, not \"\(text)\""
            )
        }
        return span
    }

    /// The rules that read further back than a server keeps all samples.
    private func notes(
        _ rules: RuleSet,
        _ invocation: Invocation
    ) throws(CommandFailure) -> [Diagnostic] {
        let retention = try duration("retention", invocation) ?? DaemonSettings().store.retention
        let reaches: [RuleReach]
        do {
            reaches = try rules.reaches(interval: RuleLinter().evaluationInterval)
        } catch {
            throw CommandFailure(code: .badConfiguration, message: "\(error)")
        }
        return reaches.compactMap { reach in
            reach.note(retention: retention, longest: DaemonSettings().store.longWindowMax).map {
                Diagnostic(reach.location, $0)
            }
        }
    }

    private func emptySelectors(
        _ rules: RuleSet
    ) async throws(CommandFailure) -> [RuleLintFinding] {
        let selectors = RuleSelector.all(in: rules)
        guard selectors.count <= RulesCheckCommand.selectorsMax else {
            throw CommandFailure(
                code: .usage,
                message:
                    "--live asks about at most \(RulesCheckCommand.selectorsMax) selectors, and "
                    + "there are \(selectors.count); name fewer files"
            )
        }
        var findings: [RuleLintFinding] = []
        for selector in selectors {
            let reply: PrometheusReply<[[String: String]]> = try await client.get(
                "/api/v1/series?limit=1&match[]=\(APIClient.escaped(selector.text))"
            )
            guard reply.data?.isEmpty ?? true else { continue }
            findings.append(
                RuleLintFinding(
                    .emptySelector,
                    selector.location,
                    "\(selector.text) matches no series on \(client.server); correct it, or see "
                        + "sloctl sources for what is not delivered"
                )
            )
        }
        return findings
    }

    private func document(
        _ rules: RuleSet,
        _ findings: [RuleLintFinding] = [],
        problems: [Diagnostic] = [],
        notes: [Diagnostic] = []
    ) -> RuleCheckDocument {
        func entry(
            _ place: SourceLocation,
            _ message: String,
            _ lint: RuleLint?
        )
            -> RuleCheckDocument.Entry
        {
            RuleCheckDocument.Entry(
                file: place.file,
                line: place.line,
                column: place.column,
                message: message,
                lint: lint?.rawValue
            )
        }
        return RuleCheckDocument(
            groups: rules.groups.count,
            rules: rules.groups.reduce(0) { $0 + $1.rules.count },
            thresholds: rules.groups.reduce(0) { $0 + $1.thresholds.count },
            objectives: rules.slos.count,
            logMetrics: rules.logMetrics.count,
            logRules: rules.logRules.count,
            problems: problems.map { entry($0.location, $0.message, nil) },
            warnings: findings.map { entry($0.location, $0.message, $0.lint) },
            notes: notes.map { entry($0.location, $0.message, nil) }
        )
    }
}
