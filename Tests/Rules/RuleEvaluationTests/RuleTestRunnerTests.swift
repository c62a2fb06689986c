import Foundation
import Model
import PromQL
import RuleEvaluation
import Rules
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct RuleTestRunnerTests {
    /// A folder with these files, gone at the end of the test.
    private struct Folder: ~Copyable {
        let path: String

        init(_ files: [String: String]) throws {
            path =
                FileManager.default.temporaryDirectory
                .appendingPathComponent("tocsin-rule-tests-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
            for (name, text) in files {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            }
        }

        deinit {
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                print("left behind: \(path): \(error)")
            }
        }

        func run(_ name: String) -> RuleTestReport { RuleTestRunner().run(path: "\(path)/\(name)") }
    }

    private static let rules = """
        groups:
          - name: app
            interval: 15s
            rules:
              - {record: 'job:errors:rate1m', expr: 'sum by (job) (rate(errors_total[1m]))'}
              - alert: Errors
                expr: job:errors:rate1m > 0.5
                for: 2m
                labels: {severity: page}
                annotations: {summary: '{{ $labels.job }} has {{ $value | humanize }} errors/s'}
            thresholds:
              - alert: Slow
                expr: max by (job) (latency_seconds)
                unit: s
                warn: "> 300ms"
                crit: "> 500ms"
                for: 1m

        """

    private static let tests = """
        rule_files: ["*.rules.yaml"]
        evaluation_interval: 1m
        fuzzy_compare: true
        tests:
          - name: errors
            interval: 15s
            input_series:
              - {series: 'errors_total{job="api",pod="a"}', values: '0+30x40'}
              - {series: 'latency_seconds{job="api"}', values: '0.1x7 0.4x11 0.6x20'}
            alert_rule_test:
              - {eval_time: 2m, alertname: Errors}
              - eval_time: 4m30s
                alertname: Errors
                exp_alerts:
                  - exp_labels: {job: api, severity: page}
                    exp_annotations: {summary: api has 2 errors/s}
              - {eval_time: 2m, alertname: Slow}
              - {eval_time: 4m, alertname: Slow, exp_alerts: [{exp_labels: {job: api}, exp_level: warn}]}
              - {eval_time: 7m, alertname: Slow, exp_alerts: [{exp_labels: {job: api}, exp_level: crit}]}
            promql_expr_test:
              - expr: job:errors:rate1m
                eval_time: 5m
                exp_samples: [{labels: 'job:errors:rate1m{job="api"}', value: 2}]
              - expr: count(ALERTS{alertstate="firing"}) by (alertname)
                eval_time: 8m
                exp_samples:
                  - {labels: '{alertname="Errors"}', value: 1}
                  - {labels: '{alertname="Slow"}', value: 1}

        """

    @Test func alertsLevelsAndSamplesAreChecked() throws {
        let folder = try Folder([
            "app.rules.yaml": RuleTestRunnerTests.rules, "app.test.yaml": RuleTestRunnerTests.tests,
        ])
        let report = folder.run("app.test.yaml")
        #expect(report.problems.map(\.description) == [])
        #expect(report.cases.compactMap(\.failure) == [])
        #expect(report.cases.count == 7)
        #expect(report.passed)
    }

    @Test func aWrongExpectationIsShownBesideWhatWasGot() throws {
        let wrong = RuleTestRunnerTests.tests
            .replacing("exp_level: crit", with: "exp_level: warn").replacing(
                "value: 2}]",
                with: "value: 3}]"
            )
        let folder = try Folder([
            "app.rules.yaml": RuleTestRunnerTests.rules, "app.test.yaml": wrong,
        ])
        let failed = folder.run("app.test.yaml").cases.filter { $0.failure != nil }
        #expect(
            failed.map(\.name) == ["errors: alert Slow at 7m", "errors: job:errors:rate1m at 5m"]
        )
        #expect(
            failed.first?.failure == """
                expected:
                    labels: {alertname="Slow", job="api"} annotations: {} level warn
                got:
                    labels: {alertname="Slow", job="api"} annotations: {} level crit
                """
        )
        #expect(failed.last?.location.line == 21)
    }

    @Test func problemsOfTheFileAreTold() throws {
        let folder = try Folder([
            "bad.yaml": """
            rule_files: [none.yaml]
            tests:
              - input_series: [{series: 'up{job="a"', values: '1'}]
                alert_rule_tests: []
            """,
            "missing.yaml": "rule_files: [none.yaml]\ntests: []\n",
        ])
        let bad = folder.run("bad.yaml")
        #expect(!bad.passed)
        #expect(bad.problems.count == 2)
        #expect(bad.problems.last?.message.contains("did you mean \"alert_rule_test\"?") ?? false)
        let missing = folder.run("missing.yaml")
        #expect(missing.passed, "as promtool has it")
        #expect(
            missing.warnings.first?.message
                == "rule_files: nothing is found under \"none.yaml\" in \(folder.path)"
        )
        #expect(
            folder.run("absent.yaml").problems.first?.message.hasPrefix("cannot be read") ?? false
        )
    }

    @Test func groupsRunInTheOrderAskedForAndOnlyTheTestsAskedFor() throws {
        let folder = try Folder([
            "rules.yaml": """
            groups:
              - {name: second, rules: [{record: b, expr: a + 1}]}
              - {name: first, rules: [{record: a, expr: vector(1)}]}
            """,
            "test.yaml": """
            rule_files: [rules.yaml]
            group_eval_order: [first, second]
            tests:
              - name: order
                promql_expr_test: [{expr: b, eval_time: 0, exp_samples: [{labels: b, value: 2}]}]
              - name: other
                promql_expr_test: [{expr: b, eval_time: 0, exp_samples: []}]
            """,
        ])
        #expect(folder.run("test.yaml").cases.map { $0.failure == nil } == [true, false])
        let one = RuleTestRunner().run(path: "\(folder.path)/test.yaml") { $0 == "order" }
        #expect(one.cases.map(\.name) == ["order: b at 0s"])
        #expect(one.passed)
    }

    @Test func evaluationsOfATestAreBounded() throws {
        let folder = try Folder([
            "test.yaml": """
            evaluation_interval: 1ms
            tests: [{promql_expr_test: [{expr: up, eval_time: 1h}]}]
            """
        ])
        #expect(
            folder.run("test.yaml").problems.first?.message
                == "more than 1000000 evaluations; test at an earlier time or use a longer "
                + "evaluation_interval"
        )
    }

    @Test func valuesOfAFileAreBounded() throws {
        let text = """
            tests:
              - input_series: [{series: a, values: 1x4 _x1000}, {series: b, values: 0+1x4}]
            """
        let file = try RuleTestFile.read(Array(text.utf8), path: "t.yaml", valuesMax: 10)
        #expect(file.groups.first?.input.map(\.values.count) == [5, 5])
        let error = #expect(throws: DiagnosticList.self) {
            try RuleTestFile.read(Array(text.utf8), path: "t.yaml", valuesMax: 9)
        }
        #expect(error?.diagnostics.map(\.location.line) == [2])
        #expect(error?.diagnostics.first?.message.contains("more than 4 values") == true)
    }

    /// Where the acceptance material is, when it is there at all.
    private static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../../shared/promql").standardized.path

    private struct Entry: Decodable {
        var file: String
        var kind: String
        var expect: String
        var optional: Bool?
    }

    @Test func promtoolsOwnTestsHaveTheirVerdicts() throws {
        let folder = RuleTestRunnerTests.shared + "/rules"
        guard let data = FileManager.default.contents(atPath: folder + "/MANIFEST.json") else {
            print("skipped: \(folder) is not there")
            return
        }
        let entries = try JSONDecoder().decode([Entry].self, from: data)
            .filter { $0.kind == "test" && $0.optional != true }
        #expect(!entries.isEmpty)
        for entry in entries {
            let report = RuleTestRunner().run(path: "\(folder)/\(entry.file)")
            let told = report.problems.map(\.description) + report.cases.compactMap(\.failure)
            #expect(report.passed == (entry.expect == "pass"), "\(entry.file): \(told)")
        }
    }

    @Test(arguments: ["yaml", "yaml-tolerant", "yaml-mustfail"])
    func conformanceCasesThatPromtoolCanExpressHaveTheirVerdicts(_ form: String) throws {
        let folder = "\(RuleTestRunnerTests.shared)/\(form)"
        guard FileManager.default.fileExists(atPath: folder) else {
            print("skipped: \(folder) is not there")
            return
        }
        let mustPass = form != "yaml-mustfail"
        var wrong: [String] = []
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let report = RuleTestRunner().run(path: "\(folder)/\(name)")
            wrong += report.problems.map(\.description)
            count += report.cases.count
            wrong += report.cases.filter { ($0.failure == nil) != mustPass }
                .map { "\(name) \($0.name): \($0.failure ?? "passed")" }
        }
        print("\(form): \(count - wrong.count) of \(count) as promtool has them")
        #expect(wrong == [])
    }
}

@Suite struct QueryEngineRulesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../..").standardized.path

    private static func engine() throws -> RuleEngine {
        try RuleEngine(
            evaluator: QueryEngine(source: SampleLedger()),
            appender: SampleLedger(),
            store: MemoryAlertStore(),
            sink: TransitionRecorder(),
            clock: ManualClock(),
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    @Test func theShippedRulesCompile() throws {
        let rules = try RuleLoader.load(paths: [QueryEngineRulesTests.root + "/AlertRules"])
        let engine = try QueryEngineRulesTests.engine()
        try engine.load(rules)
        #expect(!engine.snapshot.isEmpty)
    }

    @Test func communityRulesCompile() throws {
        let folder = QueryEngineRulesTests.root + "/../shared/promql/community-rules"
        guard let names = FileManager.default.enumerator(atPath: folder) else {
            print("skipped: \(folder) is not there")
            return
        }
        var rulesCount = 0
        for case let name as String in names where name.hasSuffix("yaml") || name.hasSuffix("yml") {
            guard let rules = try? RuleLoader.load(paths: ["\(folder)/\(name)"]) else { continue }
            #expect(throws: Never.self, "\(name)") {
                try QueryEngineRulesTests.engine().load(rules)
            }
            rulesCount += rules.groups.reduce(0) { $0 + $1.rules.count }
        }
        print("community rules compiled: \(rulesCount)")
    }

    @Test(arguments: [
        ("absent(up)", true), ("up == 0", false), ("sum(absent_over_time(up[5m])) > 0", true),
        ("up unless on(job) absent(x)", true),
    ])
    func absenceIsSeenInAnExpression(_ text: String, _ expected: Bool) throws {
        let prepared = try QueryEngine(source: SampleLedger()).prepare(text)
        #expect(prepared.judgesAbsence == expected)
    }

    @Test(arguments: ["up[5m]", "\"text\""])
    func whatGivesNoSeriesIsRefused(_ text: String) throws {
        let engine = QueryEngine(source: SampleLedger())
        let error = #expect(throws: QueryError.self) { try engine.prepare(text) }
        #expect(error?.description.hasPrefix("a rule needs an instant vector or a scalar") ?? false)
    }

    @Test func relativeThresholdsReadThePastThroughTheQueryEngine() throws {
        let ledger = SampleLedger()
        let rules = try RuleLoader.load(
            text: """
                groups:
                  - name: traffic
                    interval: 1m
                    thresholds:
                      - alert: Spike
                        expr: requests
                        unit: per_second
                        warn: "+50%"
                        crit: "+100%"
                        relative_to: {offset: 1h, window: 30m}
                """,
            file: "rules.yaml"
        )
        // 100 for two hours, then 160 for ten minutes, then 210.
        ledger.append(
            ["__name__": "requests", "service": "api"],
            (0..<150).map {
                Sample(
                    Timestamp(milliseconds: Int64($0) * 60000),
                    $0 < 120 ? 100 : $0 < 130 ? 160 : 210
                )
            }
        )
        var replay = try RuleReplay(rules, over: ledger)
        var told: [String] = []
        for minute in 80..<150 {
            told += replay.evaluate(at: Timestamp(milliseconds: Int64(minute) * 60000))
                .map { "\(minute) \($0.summary)" }
        }
        #expect(
            told == [
                "120 Spike service=api: 160/s is +60 % on 100/s, > +50 %",
                "130 Spike service=api: 210/s is +110 % on 100/s, > +100 % (was warn)",
            ]
        )
    }
}
