import Model
import Rules
import Testing
import Timekeeping

@Suite struct RuleLoaderTests {
    static let everything = """
        groups:
          - name: app
            interval: 15s
            query_offset: 2m
            limit: 10
            labels: {env: prod}
            eager: true
            rules:
              - record: job:up:sum
                expr: sum by (job) (up)
                labels: {a: b}
              - alert: Down
                expr: up == 0
                for: 5m
                keep_firing_for: 1m30s
                labels: {severity: critical}
                annotations: {summary: "{{ $labels.job }} is down"}
            thresholds:
              - alert: P99Latency
                expr: max by (service) (latency_p99)
                unit: s
                warn: "> 300ms"
                crit: "> 500ms"
                for: 2m
                clear: "< 250ms"
                datapoints: 3 of 5
                missing: breach
                priority: {warn: P4, crit: P1}
                labels: {team: backend}
                annotations: {summary: slow}
                action: Scale, investigate
                runbook: runbooks/latency.md
              - alert: Spike
                expr: sum(rate(requests[5m]))
                warn: "+50%"
                crit: "> +100%"
                clear: "+20%"
                relative_to: {offset: 1h, window: 30m}
            slos:
              - name: availability
                objective: 99.9%
                window: 30d
                sli:
                  events: {bad: 'errors{a="b"} + more', total: requests}
                burn: default
              - name: month
                objective: 99%
                window: {calendar: month, time_zone: Europe/Kyiv}
                description: words
                runbook: r.md
                labels: {tier: gold}
                sli:
                  latency: {percentage: aws_x_pr_le_0_5, total: 'aws_x_request_count_sum{z="1"}'}
        log_metrics:
          - name: http_requests_total
            from: {kubernetes.container_name: nginx}
            parse: json
            where: status >= 500 and path =~ "/api/.*"
            labels: [status, method]
          - name: http_request_duration_seconds
            parse: {regex: '(?P<took>[0-9.]+)'}
            field: message
            labels: {verb: method}
            type: histogram
            value: took
            buckets: [0.1, 0.5, 1]
            max_series: 50
            time: event
        """

    @Test func everyKeyIsRead() throws {
        let rules = try RuleLoader.load(text: RuleLoaderTests.everything, file: "app.yaml")
        let group = try #require(rules.groups.first)
        #expect(group.name == "app")
        #expect(group.file == "app.yaml")
        #expect(group.interval == .seconds(15))
        #expect(group.queryOffset == .seconds(120))
        #expect(group.limit == 10)
        #expect(group.labels == ["env": "prod"])
        #expect(group.isEager)
        #expect(group.location == SourceLocation(file: "app.yaml", line: 2, column: 5))

        guard case .recording(let record) = group.rules[0],
            case .alerting(let alert) = group.rules[1]
        else {
            Issue.record("a recording rule and an alerting rule, in this order")
            return
        }
        #expect(record.record == "job:up:sum")
        #expect(record.expr.text == "sum by (job) (up)")
        #expect(record.expr.location.description == "app.yaml:10:15")
        #expect(record.labels == ["a": "b"])
        #expect(alert.alert == "Down")
        #expect(alert.hold == .seconds(300))
        #expect(alert.keepFiringFor == .seconds(90))
        #expect(alert.annotations == ["summary": "{{ $labels.job }} is down"])

        let latency = group.thresholds[0]
        #expect(latency.alert == "P99Latency")
        #expect(latency.unit == "s")
        #expect(
            latency.warn == ThresholdCondition(comparison: .greater, value: 0.3, text: "> 300ms")
        )
        #expect(
            latency.crit == ThresholdCondition(comparison: .greater, value: 0.5, text: "> 500ms")
        )
        #expect(
            latency.clear == ThresholdCondition(comparison: .less, value: 0.25, text: "< 250ms")
        )
        #expect(latency.hold == .seconds(120))
        #expect(latency.datapoints == ThresholdRule.Datapoints(needed: 3, of: 5))
        #expect(latency.missing == .breach)
        #expect(latency.warnPriority == .p4)
        #expect(latency.critPriority == .p1)
        #expect(latency.labels == ["team": "backend"])
        #expect(latency.annotations == ["summary": "slow"])
        #expect(latency.action == "Scale, investigate")
        #expect(latency.runbook == "runbooks/latency.md")

        let spike = group.thresholds[1]
        #expect(spike.warn == ThresholdCondition(comparison: .greater, value: 0.5, text: "+50%"))
        #expect(spike.crit == ThresholdCondition(comparison: .greater, value: 1, text: "> +100%"))
        #expect(spike.clear == ThresholdCondition(comparison: .less, value: 0.2, text: "+20%"))
        #expect(
            spike.relativeTo
                == ThresholdRule.Reference(offset: .seconds(3600), window: .seconds(1800))
        )
        #expect(spike.missing == .hold)
        #expect(spike.warnPriority == .p3)
        #expect(spike.critPriority == .p2)
    }

    @Test func objectivesAreRead() throws {
        let slos = try RuleLoader.load(text: RuleLoaderTests.everything, file: "app.yaml").slos
        #expect(slos.map(\.name) == ["availability", "month"])
        #expect(slos[0].objective == 0.999)
        #expect(slos[0].window == .rolling(.seconds(30 * 86400)))
        guard case .badOverTotal(let bad, let total) = slos[0].indicator else {
            Issue.record("bad over total")
            return
        }
        #expect(bad.selectors.map(\.text) == ["errors{a=\"b\"}", "more"])
        #expect(bad.selectors.map(\.location.description) == ["app.yaml:44:26", "app.yaml:44:42"])
        #expect(bad.kind == .counter)
        #expect(total.selectors.map(\.text) == ["requests"])
        #expect(slos[1].objective == 0.99)
        #expect(slos[1].window == .calendarMonth(try TimeZoneRules.load("Europe/Kyiv")))
        #expect(slos[1].labels == ["tier": "gold"])
        #expect(slos[1].description == "words")
        #expect(slos[1].runbook == "r.md")
        guard case .percentageOfTotal(let percentage, let requests) = slos[1].indicator else {
            Issue.record("a percentage of a total")
            return
        }
        #expect(percentage.text == "aws_x_pr_le_0_5")
        #expect(requests.selectors.map(\.text) == ["aws_x_request_count_sum{z=\"1\"}"])
        #expect(requests.kind == .delta)
    }

    @Test func logMetricsAreRead() throws {
        let metrics = try RuleLoader.load(text: RuleLoaderTests.everything, file: "app.yaml")
            .logMetrics
        #expect(
            metrics == [
                LogMetricDefinition(
                    name: "http_requests_total",
                    from: ["kubernetes.container_name": "nginx"],
                    parser: .json,
                    conditions: [
                        .init(field: "status", comparison: .greaterOrEqual, value: "500"),
                        .init(field: "path", comparison: .matches, value: "/api/.*"),
                    ],
                    labels: [
                        .init(label: "status", field: "status"),
                        .init(label: "method", field: "method"),
                    ],
                    location: SourceLocation(file: "app.yaml", line: 55, column: 5)
                ),
                LogMetricDefinition(
                    name: "http_request_duration_seconds",
                    parser: .regex("(?P<took>[0-9.]+)"),
                    parseField: "message",
                    labels: [.init(label: "verb", field: "method")],
                    kind: .histogram(value: "took", bounds: [0.1, 0.5, 1]),
                    seriesMax: 50,
                    usesEventTime: true,
                    location: SourceLocation(file: "app.yaml", line: 60, column: 5)
                ),
            ]
        )
    }

    struct Kind: CustomTestStringConvertible {
        let events: String
        let expected: SLODefinition.CountKind
        var testDescription: String { "\(events) is \(expected)" }
    }

    @Test(arguments: [
        Kind(events: "{bad: errors, total: requests_total}", expected: .counter),
        Kind(
            events: "{bad: aws_x_5xx_count_sum, total: aws_x_request_count_sum}",
            expected: .delta
        ),
        Kind(
            events: "{bad: aws_x_latency_sample_count, total: aws_x_request_count_sum}",
            expected: .delta
        ),
        Kind(
            events: "{bad: 'aws_x_sum{a=\"b\"}', total: aws_x_request_count_sum}",
            expected: .delta
        ),
        Kind(
            events: "{bad: aws_x_average, total: aws_x_request_count_sum, kind: counter}",
            expected: .counter
        ),
        Kind(events: "{bad: errors, total: requests_total, kind: delta}", expected: .delta),
    ])
    func countKinds(_ kind: Kind) throws {
        let text =
            "groups: [{name: g, slos: [{name: s, objective: 99%, window: 30d, sli: {events: \(kind.events)}}]}]"
        let slos = try RuleLoader.load(text: text, file: "f.yaml").slos
        guard case .badOverTotal(let bad, _) = slos[0].indicator else {
            Issue.record("bad over total")
            return
        }
        #expect(bad.kind == kind.expected)
    }

    @Test func prometheusOperatorResourcesAreRead() throws {
        let text = """
            apiVersion: monitoring.coreos.com/v1
            kind: PrometheusRule
            metadata: {name: x, labels: {any: thing}}
            spec:
              groups:
                - {name: g, rules: [{record: a, expr: b}]}
            """
        #expect(try RuleLoader.load(text: text, file: "f.yaml").groups.map(\.name) == ["g"])
    }

    @Test func documentsOfOneFileAddUp() throws {
        let text = "groups: [{name: a}]\n---\ngroups: [{name: b}]\n---\ngroups:\n"
        #expect(try RuleLoader.load(text: text, file: "f.yaml").groups.map(\.name) == ["a", "b"])
        #expect(throws: DiagnosticList.self) {
            try RuleLoader.load(
                text: "groups: [{name: a}]\n---\ngroups: [{name: a}]",
                file: "f.yaml"
            )
        }
    }

    @Test(arguments: [
        "", "groups:", "groups: []", "groups: [{name: g}]", "groups: [{name: g, rules: }]",
    ])
    func emptyFilesAreFine(_ text: String) throws {
        #expect(
            try RuleLoader.load(text: text, file: "f.yaml").groups.allSatisfy { $0.rules.isEmpty }
        )
    }

    @Test func ruleLimit() {
        let rules = Array(repeating: "{record: a, expr: b}", count: 3).joined(separator: ", ")
        let list = #expect(throws: DiagnosticList.self) {
            try RuleLoader.load(
                text: "groups: [{name: g, rules: [\(rules)]}]",
                file: "f.yaml",
                limits: RuleLoadLimits(rulesMax: 2)
            )
        }
        #expect(list?.description == "f.yaml:1:10: more than 2 rules in all; load fewer files")
    }
}
