import APIModel
import ArgumentParsing
import Buffers
import CloudWatchIngest
import Configuration
import FoundationEssentials
import Model
import Rules
import Timekeeping

/// `sloctl cost`: what CloudWatch costs, or what rules would cost.
struct CostCommand {
    static let spec = CommandSpec(
        "cost",
        "Show what CloudWatch costs: so far, this month, by rule",
        discussion: """
            Dollars are estimates: each call is priced as AWS's price list does (sources.cloudwatch prices).
            A metric that several rules need is split evenly between them.

              sloctl cost                            spent, forecast, and the part of each rule
              sloctl cost --by metric                each metric with its pace and its call
              sloctl cost --check                    exit 0 OK, 1 slowed, 2 rules not watched or over budget
              sloctl cost --plan                     price AlertRules without asking AWS or a server
              sloctl cost --plan tocsin.yaml         price the rules, periods and budget of a settings file
              sloctl cost --plan --environment nodes=20,workloads=150 AlertRules
            """,
        operands: [
            OperandSpec("FILE", .any, "with --plan: a settings file, rule files or folders")
        ],
        options: [
            OptionSpec("plan", "Work the price out from files, offline"),
            OptionSpec(
                "environment",
                value: "COUNTS",
                "With --plan: what there is, such as nodes=3,workloads=20; also balancers, databases, "
                    + "groups, accounts, health_checks"
            ),
            OptionSpec(
                "by",
                value: "WHAT",
                choices: ["rule", "metric", "namespace"],
                "What to list (default: rule, with --plan metric)"
            ),
            OptionSpec("check", "Exit 1 when polls are slowed, 2 when rules are not watched"),
            OptionSpec("format", value: "FORMAT", choices: ["table", "json"], "How to print"),
        ]
    )

    let client: APIClient
    let terminal: Terminal
    let environment: [String: String]
    let clock: any WallClock

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let isPlan = invocation.has("plan")
        guard isPlan || (invocation.operands.isEmpty && invocation.value("environment") == nil)
        else {
            throw CommandFailure(
                code: .usage,
                message: "files and --environment go with --plan; without it the server is asked"
            )
        }
        let plan = isPlan ? try estimate(invocation) : nil
        let report: CostReport
        if let plan {
            report = plan.report
        } else {
            report = try await client.get("/v1/cost")
        }
        if invocation.value("format") == "json" {
            try terminal.outputJSON(report)
        } else if report.accounts.isEmpty {
            terminal.messages(
                "CloudWatch is not read, so it costs nothing; add an entry to sources.cloudwatch to read it.\n"
            )
        } else {
            let list = invocation.value("by") ?? (isPlan ? "metric" : "rule")
            var text = ""
            if let plan { text += plan.headline }
            text += report.accounts.map { account in
                CostTable(
                    account: account,
                    month: report.month,
                    list: list,
                    isPlan: isPlan,
                    terminal: terminal
                ).text
            }.joined(separator: "\n")
            terminal.output(text)
        }
        return invocation.has("check") ? Self.code(report) : .ok
    }

    private static func code(_ report: CostReport) -> ExitCode {
        report.accounts.map { account in
            switch account.state {
            case "ok": .ok
            case "slowed": .warning
            default: .breached
            }
        }.max { $0.rawValue < $1.rawValue } ?? .ok
    }

    // MARK: Plan

    private struct Plan {
        var report: CostReport
        /// What was priced, in lines.
        var headline: String
    }

    private func estimate(_ invocation: Invocation) throws(CommandFailure) -> Plan {
        var counts = ReferenceEnvironment()
        if let text = invocation.value("environment") {
            guard let read = ReferenceEnvironment(text: text) else {
                throw CommandFailure(
                    code: .usage,
                    message:
                        "--environment takes counts such as nodes=3,workloads=20, not \"\(text)\"; "
                        + "its names are \(ReferenceEnvironment.names.joined(separator: ", "))"
                )
            }
            counts = read
        }
        let files = try files(invocation.operands)
        let needs: [SelectorNeed]
        do {
            needs =
                try RuleLoader.load(paths: files.rules).selectorNeeds
                + DashboardNeeds(paths: files.dashboards).needs
        } catch {
            throw CommandFailure(code: .badConfiguration, message: "\(error)")
        }
        let now = clock.now()
        let accounts = zip(files.accounts, files.names).map { settings, name in
            CostEstimate.account(needs, settings, in: counts, named: name, at: now)
        }
        return Plan(
            report: CostReport(accounts: accounts, at: now),
            headline: """
                Worked out without asking AWS, for 30 days.
                Rules        \(files.rules.joined(separator: ", "))
                Environment  \(counts.description)
                             \(counts.homeDescription)


                """
        )
    }

    private struct Files {
        var rules: [String]
        var dashboards: [String] = []
        var accounts: [CloudWatchSettings]
        var names = ["reference"]
    }

    /// What the operands name: rules, and the accounts of a settings file or a usual one.
    private func files(
        _ operands: [String]
    ) throws(CommandFailure) -> Files {
        let usual = CloudWatchSettings(regions: ["eu-west-1"], budgetDollarsPerMonth: nil)
        guard !operands.isEmpty else { return Files(rules: ["AlertRules"], accounts: [usual]) }
        let settingsFiles = operands.filter(Self.isSettings)
        let rules = operands.filter { !settingsFiles.contains($0) }
        guard let file = settingsFiles.first else {
            return Files(rules: rules, accounts: [usual])
        }
        guard settingsFiles.count == 1 else {
            throw CommandFailure(
                code: .usage,
                message: "one settings file at a time, not \(settingsFiles.joined(separator: ", "))"
            )
        }
        let settings: DaemonSettings
        do {
            settings = try DaemonSettings.parse(
                try DaemonSettings.bytes(at: file),
                file: file,
                environment: environment
            )
        } catch {
            throw CommandFailure(code: .badConfiguration, message: error.description)
        }
        let entries = settings.sources.cloudWatch
        guard !entries.isEmpty else {
            throw CommandFailure(
                code: .badConfiguration,
                message: "\(file) has no sources.cloudwatch, so it costs nothing"
            )
        }
        return Files(
            rules: rules.isEmpty ? settings.rules : rules,
            dashboards: settings.dashboards,
            accounts: entries.map { CloudWatchSettings($0) },
            names: entries.accountNames
        )
    }

    /// True for a file that is not one of rules; what cannot be read is taken for rules, whose loader says why.
    private static func isSettings(_ path: String) -> Bool {
        guard path.hasSuffix(".yaml") || path.hasSuffix(".yml"),
            let text = try? WholeFile.text(at: path)
        else { return false }
        return !text.split(separator: "\n").contains {
            $0.hasPrefix("groups:") || $0.hasPrefix("log_metrics:")
        }
    }
}
