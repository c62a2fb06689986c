import Rules
import Testing

@Suite struct PrometheusRuleExportTests {
    @Test func everyKindOfRuleIsWritten() throws {
        let text = """
            groups:
              - name: app
                interval: 30s
                labels: {team: web}
                rules:
                  - {record: 'job:x:sum', expr: 'sum by (job) (x)', labels: {tier: a}}
                  - {alert: Down, expr: up == 0, for: 1m, keep_firing_for: 5m, annotations: {summary: "a \\"b\\""}}
                thresholds:
                  - alert: Slow
                    expr: |
                      max by (job) (latency) # newest
                    unit: s
                    warn: "> 300ms"
                    crit: "> 500ms"
                    for: 2m
                    missing: ok
                    action: Scale
                  - {alert: Often, expr: y, crit: "> 3", datapoints: 3 of 5, missing: ok}
                  - {alert: Back, expr: y, crit: "> 3", clear: "< 2", missing: ok}
                  - {alert: Jump, expr: y, relative_to: {offset: 1h, window: 30m}, crit: "+50%"}
                slos: []
              - {name: empty}
            """
        let exported = PrometheusRuleExport.yaml(try RuleLoader.load(text: text, file: "x.yaml"))
        #expect(
            exported == #"""
                groups:
                  - name: "app"
                    interval: 30s
                    rules:
                      - record: "job:x:sum"
                        expr: "sum by (job) (x)"
                        labels:
                          "team": "web"
                          "tier": "a"
                      - alert: "Down"
                        expr: "up == 0"
                        for: 1m
                        keep_firing_for: 5m
                        labels:
                          "team": "web"
                        annotations:
                          "summary": "a \"b\""
                      - alert: "Slow"
                        expr: "(max by (job) (latency)) > 0.3"
                        for: 2m
                        labels:
                          "priority": "P3"
                          "severity": "warning"
                          "team": "web"
                        annotations:
                          "action": "Scale"
                          "summary": "Slow: {{ $value }}, threshold > 300ms"
                      - alert: "Slow"
                        expr: "(max by (job) (latency)) > 0.5"
                        for: 2m
                        labels:
                          "priority": "P2"
                          "severity": "critical"
                          "team": "web"
                        annotations:
                          "action": "Scale"
                          "summary": "Slow: {{ $value }}, threshold > 500ms"
                      - alert: "Often"
                        expr: "sum_over_time(((y) > bool 3)[2m30s:30s]) >= 3"
                        labels:
                          "priority": "P2"
                          "severity": "critical"
                          "team": "web"
                        annotations:
                          "summary": "Often: {{ $value }}, threshold > 3"
                      - alert: "Back"
                        expr: "(y) > 3 or ((y) unless (y) < 2) and ignoring (alertname, alertstate, priority, severity, team) ALERTS{alertname=\"Back\", alertstate=\"firing\", severity=\"critical\"}"
                        labels:
                          "priority": "P2"
                          "severity": "critical"
                          "team": "web"
                        annotations:
                          "summary": "Back: {{ $value }}, threshold > 3"
                      # While there is no value Tocsin holds the state; Prometheus resolves the alert.
                      - alert: "Jump"
                        expr: "((y) / avg_over_time((y)[30m:1m] offset 1h) - 1) > 0.5"
                        labels:
                          "priority": "P2"
                          "severity": "critical"
                          "team": "web"
                        annotations:
                          "summary": "Jump: {{ $value }}, threshold +50%"

                """#
        )
        let again = try RuleLoader.load(text: exported, file: "again.yaml")
        #expect(again.groups.map(\.rules.count) == [7])
    }

    @Test func nothingIsAnEmptyList() {
        #expect(PrometheusRuleExport.yaml(RuleSet()) == "groups: []\n")
    }
}
