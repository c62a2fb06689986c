import APIModel
import CloudWatchIngest
import ControlCommands
import Foundation
import Model
import Testing
import Timekeeping

/// `sloctl cost`, offline and from a server.
@Suite struct CostCommandTests {
    private static let project = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let shipped = project.appending(path: "AlertRules").path

    private func file(_ name: String, _ text: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-cost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent(name)
        try text.write(to: path, atomically: true, encoding: .utf8)
        return path.path
    }

    private func report(_ arguments: String...) async throws -> CostReport {
        let run = await CommandRun(["cost", "--plan", "--format", "json"] + arguments)
        #expect(run.code == .ok, "\(run.messages)")
        return try APIJSON.decode(CostReport.self, from: Data(run.output.utf8))
    }

    @Test func theShippedRulesCostLessThanTenDollars() async throws {
        let run = await CommandRun(["cost", "--plan", Self.shipped])
        #expect(run.code == .ok, "\(run.messages)")
        print(run.output)
        #expect(run.output.contains("1 load balancer, 3 nodes, 20 workloads, 2 Aurora instances"))
        #expect(run.output.contains("AWS/ApplicationELB RequestCount Sum"))
        #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 140 })
        let report = try await report(Self.shipped)
        let account = try #require(report.accounts.first)
        #expect(account.planUsdPerMonth < 10)
        #expect(account.dataAloneUsdPerMonth < 10)
        #expect(report.schema == CostReport.schemaName)
    }

    @Test func alargerEnvironmentCostsMore() async throws {
        let small = try await report(Self.shipped).accounts[0]
        let large = try await report(
            Self.shipped,
            "--environment",
            "workloads=400,databases=8,balancers=10"
        ).accounts[0]
        #expect(large.dataAloneUsdPerMonth > 5 * small.dataAloneUsdPerMonth)
    }

    @Test func aSettingsFileBringsItsRulesPeriodAndBudget() async throws {
        let rules = try file(
            "rules.yaml",
            """
            groups:
              - name: g
                thresholds:
                  - {alert: A, expr: aws_rds_cpuutilization_average, warn: "> 1", priority: P4}
                  - {alert: B, expr: aws_applicationelb_request_count_sum, crit: "> 1", priority: P1}
            """
        )
        let settings = try file(
            "tocsin.yaml",
            """
            rules: [\(rules)]
            sources:
              cloudwatch:
                - {regions: [eu-west-1, us-east-1], budget_usd_per_month: 1.5, metric_statistics: false}
            """
        )
        let account = try await report(settings).accounts[0]
        // Twice a region: one load balancer a minute at $0.43, two databases every two minutes.
        #expect(abs(account.usualUsdPerMonth - 2 * (0.432 + 0.432)) < 1e-9)
        #expect(account.state == "slowed")
        #expect(account.slowed.map(\.priority) == ["P4"])
        #expect(account.slowed.map(\.rules) == [["g/A"]])
        let check = await CommandRun(["cost", "--plan", "--check", settings])
        #expect(check.code == .warning)
        #expect(check.output.contains("READ EVERY"))
    }

    @Test func whatIsWrongIsSaid() async throws {
        let unknown = await CommandRun(["cost", "--plan", "--environment", "nodes=x"])
        #expect(unknown.code == .usage && unknown.messages.contains("health_checks"))
        let files = await CommandRun(["cost", "rules.yaml"])
        #expect(files.code == .usage && files.messages.contains("--plan"))
        let missing = await CommandRun(["cost", "--plan", "/nowhere/rules.yaml"])
        #expect(
            missing.code == .badConfiguration && missing.messages.contains("/nowhere/rules.yaml")
        )
        let nothing = await CommandRun(["cost", "--plan", try file("tocsin.yaml", "rules: []\n")])
        #expect(
            nothing.code == .badConfiguration && nothing.messages.contains("sources.cloudwatch")
        )
        let away = await CommandRun(["cost"])
        #expect(away.code == .unreachable)
    }

    @Test func aServersReportIsShown() async throws {
        var settings = CloudWatchSettings(regions: ["eu-west-1"], usesMetricStatistics: false)
        settings.budgetDollarsPerMonth = 0.5
        let needs = [("aws_rds_cpuutilization_average", "db/CPU", Priority.p4)].map {
            SelectorNeed(
                matchers: [LabelMatcher(LabelSet.metricName, equals: $0.0)],
                reach: .seconds(300),
                readers: [NeedReader(name: $0.1, priority: $0.2)]
            )
        }
        let now = Timestamp(year: 2026, month: 11, day: 24)
        var account = CostEstimate.account(needs, settings, in: .init(), named: "own", at: now)
        account.spentUsd = 0.31
        let document = CostReport(accounts: [account], at: now)
        let body = String(decoding: try APIJSON.encode(document), as: UTF8.self)
        let server = CommandRun.Server(answers: ["GET /v1/cost": (200, body)])
        let run = await CommandRun(["cost"], server: server)
        #expect(run.code == .ok, "\(run.messages)")
        print(run.output)
        for text in [
            "CloudWatch, account own (eu-west-1)   2026-11 in UTC   SLOWED", "spent so far  $0.31",
            "of a budget of $0.50", "4m, usually 2m", "db/CPU",
            "0 of 1,000,000 free requests are used this month.",
        ] {
            #expect(run.output.contains(text), "\(text)")
        }
        let byMetric = await CommandRun(["cost", "--by", "metric"], server: server)
        #expect(byMetric.output.contains("AWS/RDS CPUUtilization Average  P4"))
        let none = CommandRun.Server(answers: [
            "GET /v1/cost": (
                200, #"{"schema":"tocsin.cost/1","month":"2026-11","at":"","accounts":[]}"#
            )
        ])
        let off = await CommandRun(["cost"], server: none)
        #expect(off.output.isEmpty && off.messages.contains("sources.cloudwatch"))
    }
}
