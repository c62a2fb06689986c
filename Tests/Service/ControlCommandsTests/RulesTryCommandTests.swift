import ControlCommands
import Testing

@Suite struct RulesTryCommandTests {
    private static let rules = """
        log_streams:
          - {multiline: {start: '^[A-Z{]'}}
        log_metrics:
          - name: requests_total
            from: {app: web}
            parse: {regex: '^(?P<method>[A-Z]+) (?P<path>\\S+) (?P<status>\\d+)'}
            where: status >= 200
            labels: {class: {field: status, as: class}, route: {field: path, as: route}}
          - {name: took_seconds, type: histogram, parse: json, value: took, unit: ms, buckets: [0.1, 1]}
        log_rules:
          - {alert: TooMany5xx, type: frequency, where: 'contains " 500"', num_events: 2, timeframe: 5m}
        """

    @Test func aDryRunTellsWhatWouldBeCountedAndWhyNot() async throws {
        let folder = try TestFolder(["rules.yaml": Self.rules])
        let run = await CommandRun(
            ["rules", "try", "\(folder.path)/rules.yaml", "--field", "app=web"],
            input: [
                "GET /orders/17?x=1 200", "GET /orders/18 500", "  with a second line",
                "POST /pay 500", "GET /early 100", "OOPS", "{\"took\": 250}", "",
            ]
        )
        #expect(run.code == .ok, "\(run.messages)")
        #expect(
            run.output.hasPrefix(
                """
                7 lines, 6 records

                METRIC          COUNTED  NOT SELECTED  WHERE  UNREADABLE  SERIES
                requests_total  3        0             1      2           3
                took_seconds    1        0             0      5           2


                """
            ),
            "\(run.output)"
        )
        #expect(run.output.contains("class=\"5xx\""))
        #expect(run.output.contains("route=\"/orders/{id}\""))
        #expect(run.output.contains("TooMany5xx  frequency  2        1"))
        #expect(run.output.contains("Unreadable by requests_total, the first 2:\n  OOPS\n"))
        #expect(run.output.contains("      with a second line\n"))
    }

    @Test func whatCannotBeTriedIsSaid() async throws {
        let folder = try TestFolder([
            "empty.yaml": "groups: []\n", "bad.yaml": "log_rules: [{type: x}]\n",
        ])
        let empty = await CommandRun(["rules", "try", "\(folder.path)/empty.yaml"])
        #expect(empty.code == .badConfiguration)
        #expect(empty.messages.contains("there are no log_streams, log_metrics or log_rules"))
        let bad = await CommandRun(["rules", "try", "\(folder.path)/bad.yaml"])
        #expect(bad.code == .badConfiguration)
        #expect(bad.messages.contains("bad.yaml:1:20: unknown type \"x\""))
        let field = await CommandRun(["rules", "try", "x.yaml", "--field", "a"])
        #expect(field.code != .ok)
    }

    @Test func anElastAlertRuleIsCarriedOver() async throws {
        let folder = try TestFolder([
            "good.yaml": """
            name: "Too \\"many\\""
            type: frequency
            index: logs-*
            num_events: 50
            timeframe: {hours: 1, minutes: 30}
            query_key: [user.keyword, host]
            filter:
            - query: {query_string: {query: "level:error AND NOT path:/health*"}}
            - terms: {status: [500, 502]}
            alert: [slack]
            realert: {hours: 2}
            description: Look
            priority: 3
            """,
            "bad.yaml": "name: x\ntype: my.Rule\n",
        ])
        let run = await CommandRun([
            "rules", "import", "--from", "elastalert", "\(folder.path)/good.yaml",
            "\(folder.path)/bad.yaml",
        ])
        #expect(run.code == .badConfiguration)
        #expect(
            run.output == """
                log_rules:
                  # From \(folder.path)/good.yaml
                  - alert: "Too \\"many\\""
                    type: frequency
                    where: "(level in (\\"error\\") and not path =~ \\"/health.*\\") and status in (500, 502)"
                    key: ["user", "host"]
                    timeframe: 1h30m
                    num_events: 50
                    resolve_after: 2h
                    priority: P2
                    annotations: {description: "Look"}

                """
        )
        #expect(run.messages.contains("index logs-*: rules judge every record"))
        #expect(run.messages.contains("alert: incidents are sent where the routes"))
        #expect(run.messages.contains("bad.yaml:2:7: NOT CARRIED OVER: the type \"my.Rule\""))
        #expect(run.messages.contains("1 of 2 rules are carried over\n"))
    }
}
