import Foundation
import Model
import PromQL
import PromQLSyntax
import Testing
import Timekeeping

/// Runs the scripts beside this file: one for each family of functions.
@Suite struct ScriptTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Scripts")

    static let scripts: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".test") }.sorted()
    }()

    @Test func scriptsAreThere() { #expect(ScriptTests.scripts.count >= 10) }

    @Test(arguments: scripts) func script(_ name: String) throws {
        let url = ScriptTests.folder.appendingPathComponent(name)
        let script = try QueryScript(try String(contentsOf: url, encoding: .utf8))
        #expect(!script.evaluations.isEmpty)
        for evaluation in script.evaluations {
            let problem = ScriptTests.problem(evaluation)
            #expect(problem == nil, "\(name):\(evaluation.line): \(evaluation.text)")
        }
    }

    private static func problem(_ test: QueryScript.Evaluation) -> String? {
        let result: QueryResult
        do {
            result = try evaluate(test)
        } catch {
            guard let failure = test.failure else { return "failed: \(error)" }
            return "\(error)" == failure ? nil : "failed with: \(error)"
        }
        if test.failure != nil { return "gave an answer, should have failed" }
        if result.warnings != test.warnings { return "warnings: \(result.warnings)" }
        if !test.infos.isEmpty, result.infos != test.infos { return "infos: \(result.infos)" }
        switch result.value {
        case .scalar(let value):
            return test.scalar.map { isSame(value, $0) } == true ? nil : "is \(value)"
        case .string(let text): return text == test.string ? nil : "is \(text)"
        case .vector(let samples):
            return problem(samples.map { ($0.labels, [(test.at ?? 0, $0.value)]) }, test)
        case .matrix(let series):
            let rows = series.map { one in
                (one.labels, one.samples.map { ($0.timestamp.milliseconds, $0.value) })
            }
            return problem(rows, test)
        }
    }

    private static func evaluate(_ test: QueryScript.Evaluation) throws -> QueryResult {
        let engine = QueryEngine(source: test.source)
        let expression = try PromQLParser.parse(test.text)
        if let range = test.range {
            return try engine.range(
                expression,
                from: Timestamp(milliseconds: range.start),
                through: Timestamp(milliseconds: range.end),
                step: .milliseconds(range.step)
            )
        }
        return try engine.instant(expression, at: Timestamp(milliseconds: test.at ?? 0))
    }

    private static func problem(
        _ rows: [(LabelSet, [(Int64, Double)])],
        _ test: QueryScript.Evaluation
    ) -> String? {
        let shown = rows.map { "\($0.0) \($0.1.map(\.1))" }.joined(separator: ", ")
        guard rows.count == test.series.count else { return "has \(rows.count) series: \(shown)" }
        let step = test.range?.step ?? 1
        let start = test.range?.start ?? test.at ?? 0
        for (index, row) in rows.enumerated() {
            let expected =
                test.isOrdered ? test.series[index] : test.series.first { $0.labels == row.0 }
            guard let expected, expected.labels == row.0 else { return "has \(row.0): \(shown)" }
            var wanted: [(Int64, Double)] = []
            for (position, value) in expected.values.enumerated() {
                if let value { wanted.append((start + Int64(position) * step, value)) }
            }
            guard wanted.count == row.1.count,
                zip(wanted, row.1).allSatisfy({ $0.0 == $1.0 && isSame($0.1, $1.1) })
            else { return "\(row.0) is \(row.1), not \(wanted)" }
        }
        return nil
    }

    /// Equal up to rounding in the last places.
    private static func isSame(_ value: Double, _ wanted: Double) -> Bool {
        if value.isNaN || wanted.isNaN { return value.isNaN && wanted.isNaN }
        if value == wanted { return true }
        return (value - wanted).magnitude <= 1e-12 * max(value.magnitude, wanted.magnitude)
    }
}
