import Foundation
import Matching
import Model
import Rules
import Testing
import Timekeeping

/// The files in AlertRules: each loads, and says what the product's tables say.
@Suite struct ShippedRulesTests {
    static let folder = RuleFilesTests.root.appendingPathComponent("AlertRules")

    private static let loaded = Result { try RuleLoader.load(paths: [folder.path]) }

    static func load() throws -> RuleSet { try loaded.get() }

    static func thresholds() throws -> [String: ThresholdRule] {
        var found: [String: ThresholdRule] = [:]
        for group in try load().groups {
            for threshold in group.thresholds {
                found["\(group.name)/\(threshold.alert)"] = threshold
            }
        }
        return found
    }

    static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".yaml") && $0 != "oncall.yaml" }.sorted()

    @Test func allFilesAreThere() {
        #expect(
            ShippedRulesTests.files == [
                "app-from-logs.yaml", "app.yaml", "db.yaml", "deploys.yaml", "infra.yaml",
                "limits.yaml", "platform.yaml", "slo.yaml",
            ]
        )
    }

    @Test(arguments: files) func everyFileLoadsByItself(_ file: String) throws {
        let path = ShippedRulesTests.folder.appendingPathComponent(file).path
        let rules = try RuleLoader.load(paths: [path])
        #expect(!rules.groups.isEmpty)
        #expect(try !rules.selectorNeeds.isEmpty || file == "limits.yaml")
    }

    struct Row: CustomTestStringConvertible {
        let rule: String
        /// In the unit of the expression.
        let warn: Double?
        let crit: Double?
        let unit: String
        let action: String
        let sign: ThresholdCondition.Comparison
        var testDescription: String { rule }

        init(
            _ rule: String,
            _ sign: ThresholdCondition.Comparison,
            warn: Double?,
            crit: Double?,
            _ unit: String,
            _ action: String
        ) {
            self.rule = rule
            self.warn = warn
            self.crit = crit
            self.unit = unit
            self.action = action
            self.sign = sign
        }
    }

    /// The twelve rows of the product's tables, from each source that has them.
    static let rows = [
        Row("app/P99Latency", .greater, warn: 0.3, crit: 0.5, "s", "Scale, investigate"),
        Row("app/HTTP5xxRate", .greater, warn: 0.005, crit: 0.01, "ratio", "Page, investigate"),
        Row("app/HTTP4xxRate", .greater, warn: 0.05, crit: 0.1, "ratio", "Logs, abuse check"),
        Row("app/RequestSpike", .greater, warn: 0.5, crit: 1, "count", "Attack? Scale up"),
        Row("app-from-logs/P99Latency", .greater, warn: 0.3, crit: 0.5, "s", "Scale, investigate"),
        Row(
            "app-from-logs/HTTP5xxRate",
            .greater,
            warn: 0.005,
            crit: 0.01,
            "ratio",
            "Page, investigate"
        ),
        Row(
            "app-from-logs/HTTP4xxRate",
            .greater,
            warn: 0.05,
            crit: 0.1,
            "ratio",
            "Logs, abuse check"
        ),
        Row(
            "app-from-logs/RequestSpike",
            .greater,
            warn: 0.5,
            crit: 1,
            "count",
            "Attack? Scale up"
        ),
        Row("infra/NodeCPU", .greater, warn: 70, crit: 85, "percent", "HPA, resize"),
        Row("infra/NodeMemory", .greater, warn: 75, crit: 90, "percent", "HPA, leak check"),
        Row("infra/PodRestarts", .greater, warn: 3, crit: 10, "per_hour", "CrashLoop"),
        Row("infra/NodesLeft", .lessOrEqual, warn: 1, crit: 0, "count", "Raise limit"),
        Row("infra-otel/NodeCPU", .greater, warn: 0.7, crit: 0.85, "ratio", "HPA, resize"),
        Row("infra-otel/NodeMemory", .greater, warn: 0.75, crit: 0.9, "ratio", "HPA, leak check"),
        Row("infra-otel/PodRestarts", .greater, warn: 3, crit: 10, "per_hour", "CrashLoop"),
        Row("infra-otel/NodesLeft", .lessOrEqual, warn: 1, crit: 0, "count", "Raise limit"),
        Row("db/DBConnections", .greater, warn: 0.7, crit: 0.85, "ratio", "Pooling, replicas"),
        Row("db/DBCPU", .greater, warn: 70, crit: 85, "percent", "Scale, replicas"),
        Row("db/DBFreeMemory", .less, warn: 0.3, crit: 0.15, "ratio", "Scale"),
        Row("db/ReplicaLag", .greater, warn: 100, crit: 1000, "ms", "Network?"),
    ]

    @Test(arguments: rows) func tables(_ row: Row) throws {
        let rule = try #require(try ShippedRulesTests.thresholds()[row.rule])
        #expect(rule.warn?.value == row.warn)
        #expect(rule.crit?.value == row.crit)
        #expect(rule.warn?.comparison == row.sign)
        #expect(rule.crit?.comparison == row.sign)
        #expect(rule.unit == row.unit)
        #expect(rule.action == row.action)
        #expect(rule.clear != nil, "every row has hysteresis")
        #expect(
            rule.hold > .zero || row.rule.hasSuffix("PodRestarts"),
            "every row waits, but the one whose window is an hour"
        )
        #expect((rule.relativeTo != nil) == row.rule.hasSuffix("RequestSpike"))
    }

    @Test(arguments: [
        "app/APIDead", "db/DBDown", "db-from-logs/DBUnreachable", "failover/HealthCheckFailed",
    ]) func downIsP1(_ name: String) throws {
        let rule = try #require(try ShippedRulesTests.thresholds()[name])
        #expect(rule.critPriority == .p1)
        #expect(rule.missing == .hold, "blindness must not resolve a P1")
    }

    @Test func accountBudgets() throws {
        let rules = try ShippedRulesTests.thresholds()
        #expect(rules["accounts/AccountBudgetHalf"]?.warn?.value == 0.5)
        #expect(rules["accounts/AccountBudget"]?.warn?.value == 0.8)
        #expect(rules["accounts/AccountBudget"]?.crit?.value == 1)
        #expect(rules["accounts/ManagementBudgetOverrun"]?.crit?.value == 1.2)
        #expect(rules["accounts/ProductionBudgetOverrun"]?.crit?.value == 1.1)
        let limits = try ShippedRulesTests.load().groups.flatMap(\.rules).compactMap { rule in
            if case .recording(let rule) = rule { rule } else { nil }
        }
        let budgets = limits.filter { $0.record == "tocsin:account_budget_usd" }
            .map { "\($0.labels["account"] ?? ""): \($0.expr.text)" }
        #expect(
            budgets == [
                "management: vector(200)", "production: vector(3000)",
                "non-production: vector(500)",
            ]
        )
    }

    @Test func objectives() throws {
        let slos = try ShippedRulesTests.load().slos
        #expect(
            slos.map { "\($0.name) \($0.objective)" } == [
                "availability 0.999", "latency 0.99", "availability-from-logs 0.999",
                "latency-from-logs 0.99",
            ]
        )
        #expect(slos.allSatisfy { $0.window == .rolling(.seconds(30 * 86400)) })
        guard case .badOverTotal(let bad, let total) = slos[0].indicator,
            case .percentageOfTotal(_, let requests) = slos[1].indicator,
            case .badOverTotal(let failed, _) = slos[2].indicator,
            case .goodOverTotal(let fast, _) = slos[3].indicator
        else {
            Issue.record("the indicators in this order")
            return
        }
        #expect(
            [bad.kind, total.kind, requests.kind, failed.kind, fast.kind] == [
                .delta, .delta, .delta, .counter, .counter,
            ]
        )
        #expect(bad.selectors.count == 2)
        #expect(total.selectors.count == 2)
    }

    @Test func everyRuleHasAnActionAndARunbookThatExists() throws {
        let runbooks =
            try ShippedRulesTests.thresholds().map { ($0, $1.runbook, $1.action) }
            + ShippedRulesTests.load().slos.map { ($0.name, $0.runbook, "") }
        for (name, runbook, action) in runbooks {
            #expect(action != nil, "\(name) has no action")
            let path = ShippedRulesTests.folder.appendingPathComponent(runbook ?? "none").path
            let text = try? String(contentsOfFile: path, encoding: .utf8)
            #expect(text?.contains("**Escalate**") == true, "\(name): \(path)")
        }
        let used = Set(runbooks.compactMap(\.1))
        let there = try FileManager.default.contentsOfDirectory(
            atPath: ShippedRulesTests.folder.appendingPathComponent("runbooks").path
        )
        #expect(Set(there.map { "runbooks/\($0)" }) == used, "no runbook without an alert")
    }

    /// A window of one period holds one sample, as windows are open on the left; CloudWatch's are a minute.
    @Test func windowsHoldSeveralPeriods() throws {
        let windows = try ShippedRulesTests.load().groups.flatMap(\.thresholds)
            .flatMap { $0.expr.text.matches(of: #/\[(\w+)\]/#).map { String($0.1) } }
        #expect(windows.count > 20)
        for window in windows {
            #expect(try #require(Duration(prometheus: window)) >= .seconds(120), "[\(window)]")
        }
    }

    /// What CloudWatch is asked for by the shipped rules: every name is one that the poller can turn back.
    @Test func cloudWatchMetrics() throws {
        let names = Set(try ShippedRulesTests.load().selectorNeeds.compactMap(\.metricName))
            .filter { $0.hasPrefix("aws_") }
        #expect(
            names.sorted() == [
                "aws_applicationelb_healthy_host_count_minimum",
                "aws_applicationelb_httpcode_elb_4xx_count_sum",
                "aws_applicationelb_httpcode_elb_5xx_count_sum",
                "aws_applicationelb_httpcode_target_4xx_count_sum",
                "aws_applicationelb_httpcode_target_5xx_count_sum",
                "aws_applicationelb_request_count_sum",
                "aws_applicationelb_target_response_time_p99",
                "aws_applicationelb_target_response_time_pr_le_0_5",
                "aws_autoscaling_group_in_service_instances_average",
                "aws_autoscaling_group_max_instances",
                "aws_autoscaling_group_max_size_average",
                "aws_autoscaling_group_min_size_average",
                "aws_billing_estimated_charges_maximum",
                "aws_containerinsights_cluster_node_count_average",
                "aws_containerinsights_node_cpu_utilization_average",
                "aws_containerinsights_node_filesystem_utilization_maximum",
                "aws_containerinsights_node_memory_utilization_average",
                "aws_containerinsights_node_memory_utilization_maximum",
                "aws_containerinsights_pod_memory_utilization_over_pod_limit_maximum",
                "aws_containerinsights_pod_number_of_container_restarts_sum",
                "aws_rds_aurora_replica_lag_maximum",
                "aws_rds_cpuutilization_average",
                "aws_rds_database_connections_average",
                "aws_rds_engine_uptime_minimum",
                "aws_rds_freeable_memory_average",
                "aws_rds_instance_memory_bytes",
                "aws_rds_max_connections",
                "aws_route53_health_check_status_minimum",
            ]
        )
    }

    struct Line: CustomTestStringConvertible {
        let text: String
        let status: String?
        let time: String?
        var testDescription: String { text }
    }

    /// The expressions for access logs that are not JSON.
    @Test(arguments: [
        Line(
            text:
                #"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "http://x/" "Mozilla""#,
            status: "200",
            time: nil
        ),
        Line(
            text:
                #"1.2.3.4 - jane doe [17/May/2015:10:05:03 +0000] "POST / HTTP/1.1" 503 - "-" "curl" 0.512"#,
            status: "503",
            time: "0.512"
        ),
        Line(
            text:
                #"::1 - - [17/May/2015:10:05:03 +0000] "HEAD / HTTP/2.0" 404 0 "-" "x" 77 0.003 [default-app-80] [] 10.0.0.1:80 0 0.003 404 ab"#,
            status: "404",
            time: "0.003"
        ),
        Line(text: #"{"status":200,"method":"GET"}"#, status: nil, time: nil),
        Line(text: "started worker 7", status: nil, time: nil),
    ])
    func combinedLines(_ line: Line) throws {
        let patterns = try ShippedRulesTests.load().logMetrics.compactMap { metric in
            if case .regex(let text) = metric.parser {
                (metric.name, try Pattern(text))
            } else {
                nil
            }
        }
        #expect(patterns.map(\.0) == ["http_requests_total", "http_request_duration_seconds"])
        #expect(ShippedRulesTests.group("status", patterns[0].1, line.text) == line.status)
        #expect(ShippedRulesTests.group("request_time", patterns[1].1, line.text) == line.time)
    }

    @Test(arguments: [
        (
            "psycopg2.OperationalError: connection to server at \"db\" (10.0.0.1), port 5432 failed: timeout",
            true
        ),
        ("FATAL:  sorry, too many clients already", true),
        ("Traceback:\n  FATAL:  the database system is starting up\n", true),
        ("GET /connection to server", false),
    ])
    func databaseErrors(_ text: String, _ isOne: Bool) throws {
        let metric = try #require(
            try ShippedRulesTests.load().logMetrics.first {
                $0.name == "db_connection_errors_total"
            }
        )
        let condition = try #require(metric.conditions.first)
        #expect(condition.field == "log")
        #expect(try Pattern(condition.value).matchesWhole(text) == isOne)
    }

    static func group(_ name: String, _ pattern: Pattern, _ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let ranges = pattern.groups(in: bytes.span),
            let index = (1...pattern.groupCount).first(where: { pattern.groupName($0) == name }),
            let range = ranges[index]
        else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }
}
