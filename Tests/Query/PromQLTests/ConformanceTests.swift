import Foundation
import PromQL
import PromQLConformance
import Testing

/// Runs Prometheus's own cases where they are at hand; they are no part of the project.
@Suite struct ConformanceTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared/promql/cases")

    @Test func casesPass() throws {
        let folder = ConformanceTests.folder
        guard FileManager.default.fileExists(atPath: folder.path) else {
            print("skipped: no conformance cases at \(folder.path)")
            return
        }
        let runner = ConformanceRunner()
        var total = 0
        for url in ConformanceFile.files(below: folder) {
            guard let file = try ConformanceFile.read(url), file.group != "native" else { continue }
            var passed = 0
            for test in file.cases {
                let problem = ConformanceVerdict.problem(test, in: file, runner)
                #expect(problem == nil, "\(test.id): \(test.expr)")
                if problem == nil { passed += 1 }
            }
            total += passed
            print(
                "conformance \(url.lastPathComponent): \(passed) of \(file.cases.count) passed"
            )
        }
        #expect(total > 0)
    }

    /// The core cases hold also where each operation drops names at once; but for the texts of some annotations.
    @Test func coreCasesPassWithNamesDroppedAtOnce() throws {
        let folder = ConformanceTests.folder
        guard FileManager.default.fileExists(atPath: folder.path) else {
            print("skipped: no conformance cases at \(folder.path)")
            return
        }
        var settings = ConformanceRunner.defaultSettings
        settings.delaysNameRemoval = false
        let runner = ConformanceRunner(settings: settings)
        var total = 0
        for url in ConformanceFile.files(below: folder) {
            guard let file = try ConformanceFile.read(url), file.group == "core" else { continue }
            for test in file.cases {
                var test = test
                test.annotations = nil
                let problem = ConformanceVerdict.problem(test, in: file, runner)
                #expect(problem == nil, "\(test.id): \(test.expr)")
                total += 1
            }
        }
        print("conformance with names dropped at once: \(total) core cases")
        #expect(total > 0)
    }
}
