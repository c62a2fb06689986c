import Model
import Rules
import Testing
import Timekeeping

@Suite struct SelectorNeedsTests {
    @Test func everySelectorOnceWithItsLongestReach() throws {
        let text = """
            groups:
              - name: g
                query_offset: 1m
                rules:
                  - {record: r, expr: 'rate(a{x="1"}[5m]) / rate(a{x="1"}[1h])'}
                  - {alert: A, expr: b offset 1h > 0}
                thresholds:
                  - {alert: T, expr: 'sum(c)', warn: "+50%", relative_to: {offset: 1h, window: 30m}}
                  - {alert: U, expr: 'max_over_time(d[1h:5m])', warn: "> 1"}
                slos:
                  - name: s
                    objective: 99%
                    window: 30d
                    sli: {latency: {percentage: p, total: t1 + t2}}
            """
        let needs = try RuleLoader.load(text: text, file: "f.yaml").selectorNeeds
        let found = needs.map { need in
            "\(need.metricName ?? "") \(need.matchers.count) \(need.reach.prometheusText)"
        }
        #expect(
            found == [
                "a 2 1h1m", "b 1 1h6m", "c 1 1h36m", "d 1 1h6m", "p 1 6m", "t1 1 6m", "t2 1 6m",
            ]
        )
    }

    @Test func whoReadsASelectorIsKnownWithItsPriority() throws {
        let text = """
            groups:
              - name: g
                rules:
                  - {record: r, expr: sum(a)}
                  - {record: s, expr: r + b}
                  - {record: unused, expr: c}
                  - {alert: A, expr: s > 0, labels: {priority: P2}}
                  - {alert: Info, expr: b > 0, labels: {severity: info}}
                thresholds:
                  - {alert: T, expr: c, warn: "> 1", crit: "> 2", priority: {warn: P4, crit: P3}}
                  - {alert: W, expr: d, warn: "> 1", priority: P4}
                slos:
                  - name: o
                    objective: 99%
                    window: 30d
                    sli: {events: {bad: e, total: c}}
            """
        let needs = try RuleLoader.load(text: text, file: "f.yaml").selectorNeeds
        let readers = Dictionary(
            uniqueKeysWithValues: needs.map { need in
                (
                    need.metricName ?? "",
                    need.readers.map { "\($0.name) \($0.priority)" }.sorted()
                )
            }
        )
        // What is recorded matters as much as the alert at the end of the chain.
        #expect(readers["a"] == ["g/r P2"])
        #expect(readers["b"] == ["g/Info P4", "g/s P2"])
        #expect(readers["c"] == ["g/T P3", "g/o P1", "g/unused P4"])
        #expect(readers["d"] == ["g/W P4"])
        #expect(readers["e"] == ["g/o P1"])
    }

    @Test func anExpressionThatIsNoPromQLThrows() {
        let place = SourceLocation(file: "f", line: 1, column: 1)
        let rule = RecordingRule(
            record: "r",
            expr: RuleExpression(text: "(", location: place),
            location: place
        )
        let group = RuleGroup(name: "g", file: "f", rules: [.recording(rule)], location: place)
        #expect(throws: (any Error).self) { try RuleSet(groups: [group]).selectorNeeds }
    }
}
