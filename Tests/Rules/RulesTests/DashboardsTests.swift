import Foundation
import Model
import PromQL
import PromQLSyntax
import Rules
import TestSupport
import Testing
import Timekeeping

/// The Grafana dashboards: each parses, its queries are PromQL, its lines are the rules' thresholds.
@Suite struct DashboardsTests {
    struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable {
                var expr: String
                var refId: String
                var datasource: DataSource
            }
            struct DataSource: Decodable, Equatable {
                var type: String
                var uid: String
            }
            struct Step: Decodable {
                var color: String
                var value: Double?
            }
            struct Thresholds: Decodable {
                var mode: String
                var steps: [Step]
            }
            struct Defaults: Decodable {
                var unit: String
                var thresholds: Thresholds
            }
            struct FieldConfig: Decodable { var defaults: Defaults }
            struct Position: Decodable { var x, y, w, h: Int }

            var id: Int
            var title: String
            var description: String
            var type: String
            var targets: [Target]
            var fieldConfig: FieldConfig
            var gridPos: Position
            var datasource: DataSource
        }

        var uid: String
        var title: String
        var schemaVersion: Int
        var panels: [Panel]
    }

    static let names = ["app.json", "db.json", "infra.json", "slo.json"]

    static func dashboard(_ name: String) throws -> Dashboard {
        let file = RuleFilesTests.root.appendingPathComponent("Dashboards/\(name)")
        return try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: file))
    }

    @Test func allFilesAreHere() throws {
        let folder = RuleFilesTests.root.appendingPathComponent("Dashboards").path
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                == DashboardsTests.names
        )
        let dashboards = try DashboardsTests.names.map(DashboardsTests.dashboard)
        #expect(Set(dashboards.map(\.uid)).count == dashboards.count)
    }

    @Test(arguments: names) func panelsAreWhole(_ name: String) throws {
        let dashboard = try DashboardsTests.dashboard(name)
        #expect(dashboard.title.hasPrefix("Tocsin: "))
        #expect(dashboard.schemaVersion >= 38, "Grafana 10")
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        let source = Dashboard.Panel.DataSource(type: "prometheus", uid: "${datasource}")
        for panel in dashboard.panels {
            #expect(!panel.description.isEmpty, "\(panel.title)")
            #expect(panel.datasource == source)
            #expect(panel.fieldConfig.defaults.thresholds.steps.first?.value == nil)
            #expect(panel.gridPos.x + panel.gridPos.w <= 24, "\(panel.title) leaves the grid")
            #expect(!panel.targets.isEmpty)
            for target in panel.targets {
                #expect(target.datasource == source)
                #expect(throws: Never.self, "\(panel.title) \(target.refId)") {
                    _ = try PromQLParser.parse(target.expr)
                }
            }
        }
    }

    /// Each query is asked as Grafana asks it, over two hours of the series it reads.
    @Test(arguments: names) func queriesRun(_ name: String) throws {
        for panel in try DashboardsTests.dashboard(name).panels {
            for target in panel.targets {
                let query = try PromQLParser.parse(target.expr)
                let source = SeriesList(query.selectorNeeds.compactMap(DashboardsTests.series))
                let result = try QueryEngine(source: source).range(
                    query,
                    from: Timestamp(milliseconds: 3_600_000),
                    through: Timestamp(milliseconds: 7_200_000),
                    step: .seconds(60)
                )
                guard case .matrix = result.value else {
                    Issue.record("\(panel.title) \(target.refId) gives no series")
                    continue
                }
                #expect(result.warnings.isEmpty, "\(panel.title): \(result.warnings)")
            }
        }
    }

    /// A series that a selector's equality matchers accept, rising by the minute; nil without a metric name.
    private static func series(_ need: SelectorNeed) -> SeriesSamples? {
        guard let name = need.metricName else { return nil }
        var labels = need.matchers.filter { $0.operation == .equal }.map {
            Label($0.name, $0.value)
        }
        if name.hasSuffix("_bucket") { labels.append(Label("le", "+Inf")) }
        return SeriesSamples(
            labels: LabelSet(labels),
            samples: (0...120).map {
                Sample(Timestamp(milliseconds: $0 * 60000), Double($0))
            }
        )
    }

    struct Line: CustomTestStringConvertible {
        let file: String
        let panel: String
        let rule: String
        /// Grafana's name of the rule's unit.
        let unit: String
        var testDescription: String { "\(file) \(panel)" }

        init(_ file: String, _ panel: String, _ rule: String, _ unit: String) {
            self.file = file
            self.panel = panel
            self.rule = rule
            self.unit = unit
        }
    }

    static let lines = [
        Line("app.json", "p99 latency", "app/P99Latency", "s"),
        Line("app.json", "5xx rate", "app/HTTP5xxRate", "percentunit"),
        Line("app.json", "4xx rate", "app/HTTP4xxRate", "percentunit"),
        Line("app.json", "Request change", "app/RequestSpike", "percentunit"),
        Line("app.json", "Healthy targets", "app/APIDead", "short"),
        Line("app.json", "p99 latency, access log", "app-from-logs/P99Latency", "s"),
        Line("app.json", "5xx rate, access log", "app-from-logs/HTTP5xxRate", "percentunit"),
        Line("app.json", "4xx rate, access log", "app-from-logs/HTTP4xxRate", "percentunit"),
        Line("infra.json", "CPU", "infra/NodeCPU", "percent"),
        Line("infra.json", "Memory", "infra/NodeMemory", "percent"),
        Line("infra.json", "Pod restarts in the last hour", "infra/PodRestarts", "short"),
        Line("infra.json", "Nodes left", "infra/NodesLeft", "short"),
        Line("infra.json", "Worst node's memory", "infra/WorstNodeMemory", "percent"),
        Line("infra.json", "Fullest disk of a node", "infra/NodeDisk", "percent"),
        Line("infra.json", "CPU by node, OpenTelemetry", "infra-otel/NodeCPU", "percentunit"),
        Line("infra.json", "Memory by node, OpenTelemetry", "infra-otel/NodeMemory", "percentunit"),
        Line(
            "infra.json",
            "Pod restarts in the last hour, OpenTelemetry",
            "infra-otel/PodRestarts",
            "short"
        ),
        Line("db.json", "Connections", "db/DBConnections", "percentunit"),
        Line("db.json", "CPU", "db/DBCPU", "percent"),
        Line("db.json", "Free memory", "db/DBFreeMemory", "percentunit"),
        Line("db.json", "Replica lag", "db/ReplicaLag", "ms"),
        Line("db.json", "Down", "db/DBDown", "short"),
    ]

    /// A panel about a rule shows what the rule judges, with lines where the rule has its levels.
    @Test(arguments: lines) func linesAreTheRules(_ line: Line) throws {
        let panel = try #require(
            try DashboardsTests.dashboard(line.file).panels.first { $0.title == line.panel }
        )
        let rule = try #require(try ShippedRulesTests.thresholds()[line.rule])
        #expect(panel.fieldConfig.defaults.unit == line.unit)
        #expect(panel.description.hasSuffix("Rule \(line.rule)."))

        let judged = try PromQLParser.parse(rule.expr.text)
        let shown = try PromQLParser.parse(panel.targets[0].expr)
        #expect(DashboardsTests.contains(judged, in: shown))
        #expect(shown == judged || rule.relativeTo != nil)

        let levels = [rule.warn, rule.crit].compactMap { $0 }
        let steps = panel.fieldConfig.defaults.thresholds.steps.filter { $0.value != nil }
        #expect(steps.compactMap(\.value) == levels.map(\.value).sorted())
        // Steps color upward from their value: of a rule about too little, the worst is the base.
        let base = panel.fieldConfig.defaults.thresholds.steps[0].color
        let isUp = levels[0].direction == .up
        #expect(base == (isUp ? "green" : "red"))
        #expect(steps.last?.color == (isUp ? (rule.crit == nil ? "orange" : "red") : "green"))
    }

    /// Every rule of the product's tables has its panel.
    @Test func noRowIsWithoutAPanel() {
        let shown = Set(DashboardsTests.lines.map(\.rule))
        let rows = ShippedRulesTests.rows.map(\.rule)
            .filter { !["app-from-logs/RequestSpike", "infra-otel/NodesLeft"].contains($0) }
        #expect(shown.isSuperset(of: rows))
    }

    static func contains(_ part: PromQLSyntax.Expression, in whole: PromQLSyntax.Expression) -> Bool
    {
        part == whole || whole.children.contains { contains(part, in: $0) }
    }
}
