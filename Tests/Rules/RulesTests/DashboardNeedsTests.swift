import Foundation
import Model
import Rules
import Testing
import Timekeeping

/// What dashboards read, for sources that fetch nothing else.
@Suite struct DashboardNeedsTests {
    private func needs(_ text: String) throws -> DashboardNeeds {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-dashboards-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try text.write(
            to: folder.appendingPathComponent("a.json"),
            atomically: true,
            encoding: .utf8
        )
        try "no dashboard".write(
            to: folder.appendingPathComponent("notes.txt"),
            atomically: true,
            encoding: .utf8
        )
        return try DashboardNeeds(paths: [folder.path])
    }

    @Test func everyQueryIsFoundAndVariablesSelectEverything() throws {
        let found = try needs(
            #"""
            {"title": "Shop", "panels": [
              {"type": "row", "panels": [{"targets": [{"expr": "sum(rate(a{pod=~\"$pod\", job=\"x\"}[$__rate_interval]))"}]}]},
              {"targets": [{"expr": "b{dimension_ClusterName=\"[[cluster]]\"} offset 1h"}, {"expr": ""}, {"expr": "c["}]}
            ], "templating": {"list": [{"query": "label_values(d, x)"}]}}
            """#
        )
        let needs = found.needs.map { need in
            need.matchers.map { "\($0.name)\($0.operation.rawValue)\($0.value)" }.sorted()
                .joined(separator: " ") + " " + need.reach.prometheusText
        }
        #expect(needs == ["__name__=a job=x 5m", "__name__=b 1h5m"])
        #expect(
            found.needs.allSatisfy {
                $0.readers == [NeedReader(name: "dashboard/Shop", priority: .p4)]
            }
        )
        #expect(found.notes.count == 1)
    }

    @Test func theShippedDashboardsAreRead() throws {
        let path = RuleFilesTests.root.appendingPathComponent("Dashboards").path
        let found = try DashboardNeeds(paths: [path])
        #expect(found.notes.isEmpty)
        let names = Set(found.needs.compactMap(\.metricName))
        #expect(names.contains("aws_rds_database_connections_average"))
    }

    @Test func whatCannotBeReadIsNamed() {
        #expect(throws: DiagnosticList.self) { try DashboardNeeds(paths: ["/nowhere/a.json"]) }
        #expect(throws: DiagnosticList.self) { try needs("{\"title\": [") }
    }
}
