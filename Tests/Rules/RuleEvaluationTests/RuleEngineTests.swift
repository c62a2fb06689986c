import Foundation
import Model
import PromQL
import RuleEvaluation
import Rules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct RuleEngineTests {
    @Test func aRecordingRuleIsSeenByLaterRulesOfTheSameCycle() async throws {
        let bench = try EngineBench()
        let table = bench.table
        bench.evaluator.set("errors", ["api": 7])
        bench.evaluator.set("job:errors", reads: ["job:errors"]) { time in
            let labels: LabelSet = [LabelSet.metricName: "job:errors", "job": "api", "team": "x"]
            return table.value(labels, at: time).map { [VectorSample(labels: labels, value: $0)] }
                ?? []
        }
        try bench.engine.load(
            RuleSet(groups: [
                .of(rules: [
                    .record("job:errors", "errors", labels: ["team": "x"]),
                    .alert("Errors", "job:errors"),
                ])
            ])
        )
        await bench.advance()
        #expect(bench.sink.brief == ["api fired crit@1700000040"])
        #expect(bench.sink.taken.first?.value == 7)
        #expect(bench.sink.taken.first?.labels["team"] == "x")
    }

    @Test func samplesAreGatheredUntilARuleReadsThem() async throws {
        let bench = try EngineBench()
        for index in 0..<50 { bench.evaluator.set("m\(index)", ["api": 1]) }
        try bench.engine.load(
            RuleSet(groups: [.of(rules: (0..<50).map { .record("r\($0)", "m\($0)") })])
        )
        await bench.advance()
        #expect(bench.table.appendCount == 1)
        #expect(bench.table.history([LabelSet.metricName: "r49", "job": "api"]).count == 1)
    }

    @Test func gatheredSamplesAreBounded() async throws {
        var settings = EngineBench.settings
        settings.appendSamplesMax = 10
        let bench = try EngineBench(settings)
        for index in 0..<25 { bench.evaluator.set("m\(index)", ["api": 1]) }
        try bench.engine.load(
            RuleSet(groups: [.of(rules: (0..<25).map { .record("r\($0)", "m\($0)") })])
        )
        await bench.advance()
        #expect(bench.table.appendCount == 3)
    }

    @Test func recordedSeriesThatGoEndWithAMarker() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["a": 1, "b": 2])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.record("r", "m")])]))
        await bench.advance()
        bench.evaluator.set("m", ["a": 3])
        await bench.advance()
        await bench.advance()
        #expect(
            bench.table.history([LabelSet.metricName: "r", "job": "b"])
                == ["1700000040 2", "1700000100 stale"]
        )
        #expect(
            bench.table.history([LabelSet.metricName: "r", "job": "a"])
                == ["1700000040 1", "1700000100 3", "1700000160 3"]
        )
        bench.evaluator.fail("m", "boom")
        await bench.advance()
        #expect(
            bench.table.history([LabelSet.metricName: "r", "job": "a"]).count == 3,
            "a failed evaluation ends nothing"
        )
    }

    @Test func alertsAndTheirStartAreWrittenAsSeries() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m", hold: 60)])]))
        await bench.advance()
        await bench.advance()
        bench.evaluator.set("m", [:])
        await bench.advance()
        let alert: LabelSet = ["alertname": "A", "job": "api"]
        func series(_ name: String, _ state: String = "") -> [String] {
            var labels = alert
            labels[LabelSet.metricName] = name
            labels["alertstate"] = state
            return bench.table.history(labels)
        }
        #expect(series("ALERTS", "pending") == ["1700000040 1", "1700000100 stale"])
        #expect(series("ALERTS", "firing") == ["1700000100 1", "1700000160 stale"])
        #expect(
            series("ALERTS_FOR_STATE")
                == ["1700000040 1700000040", "1700000100 1700000040", "1700000160 stale"]
        )
    }

    @Test func aThresholdIsOneAlertThatEscalatesInPlace() async throws {
        let bench = try EngineBench()
        try bench.engine.load(
            RuleSet(groups: [
                .of(
                    "app",
                    thresholds: [
                        .of(
                            "P99Latency",
                            "p99",
                            hold: 60,
                            labels: ["team": "backend"],
                            annotations: ["summary": "{{ $labels.job }} is slow: {{ $value }}"]
                        )
                    ]
                )
            ])
        )
        for value in [0.4, 0.4, 0.612, 0.612, 0.2] {
            bench.evaluator.set("p99", ["api": value])
            await bench.advance()
        }
        let taken = bench.sink.taken
        #expect(
            taken.map(\.summary) == [
                "P99Latency job=api: 400 ms > 300 ms for 1m",
                "P99Latency job=api: 612 ms > 500 ms for 1m (was warn)",
                "P99Latency job=api: 200 ms, no longer > 300 ms",
            ]
        )
        #expect(taken.map(\.priority) == [.p3, .p2, .p2])
        #expect(Set(taken.map(\.fingerprint)).count == 1)
        #expect(taken.map(\.sequence) == [1, 2, 3])
        #expect(taken[1].rule == "app/P99Latency")
        #expect(taken[1].annotations == ["summary": "api is slow: 0.612"])
        #expect(taken[1].labels == ["alertname": "P99Latency", "job": "api", "team": "backend"])
        #expect(taken[1].action == "Scale, investigate")
        #expect(taken[1].runbook == "runbooks/latency.md")
        #expect(taken[1].unit == "s")
    }

    @Test func relativeRulesReadTheMeanOfThePast() async throws {
        let bench = try EngineBench()
        let past = "avg_over_time((rps)[30m:1m] offset 1h)"
        bench.evaluator.set("rps", ["api": 320])
        bench.evaluator.set(past) { _ in
            [VectorSample(labels: ["job": "api"], value: 150)]
        }
        try bench.engine.load(
            RuleSet(groups: [
                .of(thresholds: [
                    .of(
                        "Spike",
                        "rps",
                        warn: 0.5,
                        crit: 1,
                        unit: "per_second",
                        relativeTo: .init(offset: .seconds(3600), window: .seconds(1800))
                    )
                ])
            ])
        )
        await bench.advance()
        #expect(bench.evaluator.times(past) == [1_700_000_040])
        #expect(
            bench.sink.taken.map(\.summary) == [
                "Spike job=api: 320/s is +113.3 % on 150/s, > +100 %"
            ]
        )
    }

    @Test func aFailedQueryBlindsAndDoesNotResolve() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("p99", ["api": 0.9])
        try bench.engine.load(RuleSet(groups: [.of(thresholds: [.of("Slow", "p99")])]))
        await bench.advance()
        bench.evaluator.fail("p99", "query timed out")
        await bench.advance()
        await bench.advance()
        let rule = try #require(bench.engine.snapshot.first?.rules.first)
        #expect(rule.health == .err)
        #expect(rule.lastError == "query timed out")
        #expect(rule.state == .firing)
        #expect(rule.alerts.first?.condition == .error)
        bench.evaluator.set("p99", ["api": 0.1])
        await bench.advance()
        #expect(
            bench.sink.brief == [
                "api fired crit@1700000040", "api blind@1700000100", "api resolved@1700000220",
            ]
        )
        #expect(
            bench.sink.taken[1].summary
                == "Slow job=api: cannot be seen (query timed out); held at crit, last 900 ms"
        )
        #expect(
            bench.metric("prometheus_rule_evaluation_failures_total{rule_group=\"rules.yaml;g\"} 2")
        )
    }

    @Test func cloudWatchRulesAreJudgedAfterTheirSamplesSettled() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("cw", reads: ["aws_rds_cpu_average"]) { _ in [] }
        bench.evaluator.set("mixed", reads: ["aws_rds_cpu_average", "up"]) { _ in [] }
        bench.evaluator.set("fixed", reads: ["aws_rds_cpu_average"]) { _ in [] }
        try bench.engine.load(
            RuleSet(groups: [
                .of("a", rules: [.alert("A", "cw"), .alert("B", "mixed"), .alert("C", "up")]),
                .of("b", rules: [.alert("D", "fixed")], queryOffset: .seconds(30)),
            ])
        )
        await bench.advance()
        #expect(bench.evaluator.times("cw") == [1_700_000_040 - 120])
        #expect(bench.evaluator.times("mixed") == [1_700_000_040])
        #expect(bench.evaluator.times("up") == [1_700_000_040])
        #expect(bench.evaluator.times("fixed") == [1_700_000_040 - 30])
    }

    @Test func recordedConstantsDoNotKeepARuleFromSettling() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("vector(100)", reads: []) { _ in [] }
        bench.evaluator.set("over", reads: ["aws_rds_connections", "limit"]) { _ in [] }
        bench.evaluator.set("other", reads: ["aws_rds_connections", "sometimes"]) { _ in [] }
        try bench.engine.load(
            RuleSet(groups: [
                .of(
                    "a",
                    rules: [
                        .record("limit", "vector(100)"), .record("sometimes", "vector(100)"),
                        .record("sometimes", "up"), .alert("A", "over"), .alert("B", "other"),
                    ]
                )
            ])
        )
        await bench.advance()
        #expect(bench.evaluator.times("over") == [1_700_000_040 - 120])
        #expect(bench.evaluator.times("other") == [1_700_000_040])
    }

    @Test func missedSlotsAreCounted() async throws {
        let bench = try EngineBench()
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        await bench.advance()
        await bench.advance(240)
        #expect(bench.evaluator.times("m") == [1_700_000_040, 1_700_000_280])
        #expect(
            bench.metric("prometheus_rule_group_iterations_total{rule_group=\"rules.yaml;g\"} 5")
        )
        #expect(
            bench.metric(
                "prometheus_rule_group_iterations_missed_total{rule_group=\"rules.yaml;g\"} 3"
            )
        )
    }

    @Test func aGroupLimitRefusesNewAlertsAndSaysSo() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["a": 1])
        try bench.engine.load(
            RuleSet(groups: [
                .of(rules: [.alert("A", "m"), .record("r", "many")], limit: 1)
            ])
        )
        await bench.advance()
        bench.evaluator.set("m", ["a": 1, "b": 1, "c": 1])
        bench.evaluator.set("many", ["a": 1, "b": 1])
        await bench.advance()
        let rules = try #require(bench.engine.snapshot.first?.rules)
        #expect(rules[0].alerts.map { $0.labels["job"] } == ["a"])
        #expect(
            rules[0].lastError
                == "exceeded limit of 1 alerts: 2 new alerts refused, the others go on"
        )
        #expect(rules[1].lastError == "exceeded limit of 1 with 2 series; nothing recorded")
        #expect(bench.sink.brief == ["a fired crit@1700000040"])
        #expect(bench.metric("tocsin_rule_alerts_refused_total 2"))
    }

    @Test func problemsOfALoadAreAllToldAndTheOldRulesGoOn() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m")])]))
        let error = #expect(throws: DiagnosticList.self) {
            try bench.engine.load(
                RuleSet(groups: [
                    .of(rules: [
                        .alert("B", "((("), .alert("C", "m", labels: ["x": "{{ $labels.job"]),
                        .alert("D", "m", annotations: ["y": "{{ humanise $value }}"]),
                    ])
                ])
            )
        }
        #expect(
            error?.diagnostics.map(\.description) == [
                "rules.yaml:1:1: parse error: unclosed left parenthesis",
                "rules.yaml:1:1: template of \"x\": line 1: unclosed action; end it with }}",
                "rules.yaml:1:1: template of \"y\": line 1: function \"humanise\" not defined; "
                    + "did you mean humanize?",
            ]
        )
        await bench.advance()
        #expect(bench.sink.brief == ["api fired crit@1700000040"])
    }

    @Test func absenceIsNotBelievedUntilTheSourcesHadTime() async throws {
        var settings = EngineBench.settings
        settings.graceAfterStart = .seconds(150)
        let bench = try EngineBench(settings)
        bench.evaluator.set("absent(up)", ["api": 1])
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(
            RuleSet(groups: [
                .of(
                    rules: [.alert("Gone", "absent(up)"), .alert("Here", "m")],
                    thresholds: [.of("Empty", "nothing", missing: .breach)]
                )
            ])
        )
        for _ in 0..<3 { await bench.advance() }
        #expect(
            bench.sink.taken.map { "\($0.alertName)@\($0.at.milliseconds / 1000)" } == [
                "Here@1700000040", "Gone@1700000160", "Empty@1700000160",
            ]
        )
        #expect(bench.sink.taken.last?.summary == "Empty: no data")
    }

    @Test func absenceIsBelievedLaterWhereLaterIsJudged() async throws {
        var settings = EngineBench.settings
        settings.graceAfterStart = .seconds(150)
        let bench = try EngineBench(settings)
        for (text, metric) in [("absent(up)", "up"), ("absent(aws_x)", "aws_x")] {
            bench.evaluator.set(text, reads: [metric]) { _ in
                [VectorSample(labels: ["job": metric], value: 1)]
            }
        }
        try bench.engine.load(
            RuleSet(groups: [
                .of(rules: [.alert("Now", "absent(up)"), .alert("Settled", "absent(aws_x)")])
            ])
        )
        for _ in 0..<5 { await bench.advance() }
        #expect(
            bench.sink.taken.map { "\($0.alertName)@\($0.at.milliseconds / 1000)" } == [
                "Now@1700000160", "Settled@1700000280",
            ]
        )
    }

    @Test func seriesWhoseSourceIsNotReadAreNotJudgedThoughTheyAreThere() async throws {
        var settings = EngineBench.settings
        settings.blindness = { needs, time in
            needs.contains { $0.metricName == "logs_total" }
                && time.milliseconds == 1_700_000_100_000 ? "elasticsearch/a: 401" : nil
        }
        settings.settle = { _ in .zero }
        let bench = try EngineBench(settings)
        bench.evaluator.set("logs_total", ["api": 1])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "logs_total")])]))
        await bench.advance()
        // What is there would resolve one and fire another.
        bench.evaluator.set("logs_total", ["web": 1])
        await bench.advance()
        #expect(bench.sink.brief == ["api fired crit@1700000040", "api blind@1700000100"])
        #expect(bench.engine.snapshot.first?.rules.first?.lastError == "elasticsearch/a: 401")
        await bench.advance()
        #expect(bench.engine.snapshot.first?.rules.first?.lastError == nil)
        #expect(
            bench.sink.brief.suffix(2) == [
                "api resolved@1700000160", "web fired crit@1700000160",
            ]
        )
    }

    @Test func unseenSourcesHoldWhatFiresAndAbsentIsNotBelieved() async throws {
        var settings = EngineBench.settings
        settings.sight = { needs, time in
            needs.contains { $0.metricName == "aws_x" } && time.milliseconds >= 1_700_000_100_000
                ? .unseen(.error, "cloudwatch/eu-west-1: access denied") : .judged
        }
        settings.settle = { _ in .zero }
        let bench = try EngineBench(settings)
        bench.evaluator.set("aws_x", ["api": 1])
        try bench.engine.load(
            RuleSet(groups: [.of(rules: [.alert("A", "aws_x"), .alert("B", "up")])])
        )
        await bench.advance()
        bench.evaluator.set("aws_x", [:])
        await bench.advance()
        #expect(bench.sink.brief == ["api fired crit@1700000040", "api blind@1700000100"])
        #expect(
            bench.sink.taken.last?.summary
                == "A job=api: cannot be seen (cloudwatch/eu-west-1: access denied); held at crit, last 1"
        )
    }

    @Test func aFailingTemplateIsShownCountedAndLoggedOnce() async throws {
        let lines = Mutex<[String]>([])
        let bench = try EngineBench()
        let engine = try RuleEngine(
            settings: EngineBench.settings,
            evaluator: bench.evaluator,
            appender: bench.table,
            store: bench.store,
            sink: bench.sink,
            clock: bench.clock,
            log: Log(component: "rules", clock: bench.clock) { line in
                lines.withLock { $0.append(line) }
            },
            metrics: bench.registry
        )
        bench.evaluator.set("m", ["api": 1])
        try engine.load(
            RuleSet(groups: [
                .of(rules: [.alert("A", "m", annotations: ["x": "{{ query `none` | first }}"])])
            ])
        )
        for _ in 0..<3 {
            bench.clock.advance(by: .seconds(60))
            engine.evaluateDue(at: bench.clock.now())
        }
        let text = engine.snapshot.first?.rules.first?.alerts.first?.annotations["x"] ?? ""
        #expect(text.hasPrefix("<error expanding template: error executing template __alert_A: "))
        #expect(bench.metric("prometheus_template_text_expansion_failures_total 3"))
        #expect(lines.withLock { $0.count { $0.contains("expanding a template failed") } } == 1)
    }

    @Test func theMetricsAreCleanByPromtool() async throws {
        let promtool = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: promtool) else {
            print("skipped: promtool is not installed")
            return
        }
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(RuleSet(groups: [.of(rules: [.alert("A", "m"), .record("r", "m")])]))
        await bench.advance()
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: promtool)
        process.arguments = ["check", "metrics"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(
            contentsOf: Data(bench.registry.exposition(.text).utf8)
        )
        try input.fileHandleForWriting.close()
        let told = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: told, as: UTF8.self))")
    }

    @Test func releaseEndsAnAlertWhoseSeriesIsGone() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("p99", ["api": 0.9])
        try bench.engine.load(RuleSet(groups: [.of(thresholds: [.of("Slow", "p99")])]))
        await bench.advance()
        bench.evaluator.set("p99", [:])
        await bench.advance()
        let fingerprint = try #require(bench.sink.taken.first?.fingerprint)
        #expect(bench.engine.release(fingerprint: fingerprint))
        #expect(!bench.engine.release(fingerprint: fingerprint))
        await bench.advance()
        #expect(bench.sink.taken.map(\.change.brief) == ["fired crit", "blind", "resolved"])
        #expect(bench.engine.snapshot.first?.rules.first?.alerts.isEmpty ?? false)
        #expect(bench.store.alerts.isEmpty)
    }

    @Test func theSnapshotShowsRulesAndAlerts() async throws {
        let bench = try EngineBench()
        bench.evaluator.set("m", ["api": 1])
        try bench.engine.load(
            RuleSet(groups: [
                .of(
                    rules: [
                        .record("r", "m"),
                        .alert("A", "m", hold: 60, labels: ["severity": "warning"]),
                    ],
                    thresholds: [.of("T", "m", hold: 300)]
                )
            ])
        )
        #expect(bench.engine.snapshot.first?.rules.map(\.state) == [.unknown, .unknown, .unknown])
        await bench.advance()
        await bench.advance()
        let group = try #require(bench.engine.snapshot.first)
        #expect(group.lastEvaluation == Timestamp(milliseconds: 1_700_000_100_000))
        #expect(group.rules.map(\.kind) == [.recording, .alerting, .threshold])
        #expect(group.rules.map(\.state) == [.inactive, .firing, .pending])
        #expect(group.rules.map(\.health) == [.ok, .ok, .ok])
        let alert = try #require(group.rules[1].alerts.first)
        #expect(alert.state == .firing)
        #expect(alert.level == .warn)
        #expect(alert.priority == .p3)
        #expect(alert.activeAt == Timestamp(milliseconds: 1_700_000_040_000))
        #expect(alert.value == 1)
        #expect(group.rules[2].alerts.first?.level == .crit)
        #expect(bench.metric("tocsin_alerts{state=\"pending\"} 1"))
        #expect(bench.metric("tocsin_alerts{state=\"firing\"} 1"))
        #expect(bench.metric("prometheus_rule_group_rules{rule_group=\"rules.yaml;g\"} 3"))
    }
}
