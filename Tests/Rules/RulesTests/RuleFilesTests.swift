import Foundation
import Model
import Rules
import Testing

/// Folders and files, and the files of others.
@Suite struct RuleFilesTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A folder that is removed when the test is done.
    static func withFolder(
        _ files: [String: String],
        _ body: (String) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tocsin-rules-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        try body(folder.path)
    }

    @Test func foldersAreReadInOrderOfPath() throws {
        let files = [
            "b.yaml": "groups: [{name: b}]", "a/z.yml": "groups: [{name: z}]",
            "a/notes.md": "# no rules", ".hidden/x.yaml": "nonsense: [", ".x.yaml": "nonsense: [",
            "oncall.yaml": "receivers: []", "tests/app.test.yaml": "rule_files: []\ntests: []",
        ]
        try RuleFilesTests.withFolder(files) { folder in
            let rules = try RuleLoader.load(paths: [folder])
            #expect(rules.groups.map(\.name) == ["z", "b"])
            #expect(rules.groups.map(\.file) == ["\(folder)/a/z.yml", "\(folder)/b.yaml"])
        }
    }

    @Test func linksAreFollowedOnce() throws {
        let files = ["..data/app.yaml": "groups: [{name: g}]"]
        try RuleFilesTests.withFolder(files) { folder in
            let manager = FileManager.default
            try manager.createSymbolicLink(
                atPath: "\(folder)/app.yaml",
                withDestinationPath: "..data/app.yaml"
            )
            try manager.createSymbolicLink(atPath: "\(folder)/loop", withDestinationPath: ".")
            try manager.createSymbolicLink(
                atPath: "\(folder)/gone.yaml",
                withDestinationPath: "nowhere"
            )
            let rules = try RuleLoader.load(paths: [folder, "\(folder)/app.yaml"])
            #expect(rules.groups.map(\.name) == ["g"])
        }
    }

    @Test func problemsOfAllFilesComeAtOnce() throws {
        let files = [
            "a.yaml": "groups: [{name: a, x: 1}]", "b.yaml": "groups: [", "c.yaml": "slos: []",
        ]
        try RuleFilesTests.withFolder(files) { folder in
            let list = #expect(throws: DiagnosticList.self) {
                try RuleLoader.load(paths: [folder, "\(folder)/none.yaml"])
            }
            let found = list?.diagnostics.map {
                $0.location.description.replacing(folder, with: "")
            }
            #expect(
                found == ["/a.yaml:1:20", "/b.yaml:2:1", "/c.yaml:1:1", "/none.yaml:1:1"]
            )
        }
    }

    @Test func objectivesAreUniqueOverFiles() throws {
        let slo = "slos: [{name: s, objective: 9%, window: 1h, sli: {events: {bad: b, total: t}}}]"
        let files = [
            "a.yaml": "groups: [{name: g, \(slo)}]", "b.yaml": "groups: [{name: g, \(slo)}]",
        ]
        try RuleFilesTests.withFolder(files) { folder in
            let list = #expect(throws: DiagnosticList.self) { try RuleLoader.load(paths: [folder]) }
            #expect(
                list?.description
                    == "\(folder)/b.yaml:1:27: objective \"s\" is already defined at \(folder)/a.yaml:1:27; rename one of them"
            )
        }
    }

    @Test func emptyFoldersAndTooManyFilesAreRefused() throws {
        try RuleFilesTests.withFolder(["x.txt": ""]) { folder in
            let list = #expect(throws: DiagnosticList.self) { try RuleLoader.load(paths: [folder]) }
            #expect(
                list?.description.hasPrefix("\(folder):1:1: the folder holds no rule file") == true
            )
        }
        try RuleFilesTests.withFolder(["a.yaml": "", "b.yaml": "", "c.yaml": ""]) { folder in
            let list = #expect(throws: DiagnosticList.self) {
                try RuleLoader.load(paths: [folder], limits: RuleLoadLimits(filesMax: 1))
            }
            #expect(
                list?.description
                    == "\(folder)/b.yaml:1:1: more than 1 rule files; name fewer folders"
            )
        }
        try RuleFilesTests.withFolder(["a/b/c.yaml": ""]) { folder in
            let list = #expect(throws: DiagnosticList.self) {
                try RuleLoader.load(paths: [folder], limits: RuleLoadLimits(folderDepthMax: 2))
            }
            #expect(
                list?.diagnostics.first?.message
                    == "more than 2 folders within each other; flatten them"
            )
        }
    }

    struct ForeignFile: Decodable, CustomTestStringConvertible {
        var file: String
        var kind: String
        var expect: String
        var folder: String?
        var testDescription: String { file }
    }

    /// What the manifests of Prometheus's and others' rule files say; empty where they are not present.
    static let foreignFiles: [ForeignFile] = ["rules", "community-rules"].flatMap { name in
        let folder = root.appendingPathComponent("../shared/promql/\(name)").standardizedFileURL
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("MANIFEST.json")),
            var files = try? JSONDecoder().decode([ForeignFile].self, from: data)
        else {
            print("skipped: no rule files of others at \(folder.path)")
            return [ForeignFile]()
        }
        for index in files.indices { files[index].folder = folder.path }
        return files.filter { $0.kind == "rules" }
    }

    /// An unchanged Prometheus file loads, and one that Prometheus refuses is refused with its places.
    @Test(arguments: foreignFiles) func foreignFilesLoad(_ foreign: ForeignFile) throws {
        let path = "\(foreign.folder ?? "")/\(foreign.file)"
        do throws(DiagnosticList) {
            let rules = try RuleLoader.load(paths: [path])
            #expect(foreign.expect == "pass", "must be refused")
            #expect(throws: Never.self) { _ = try rules.selectorNeeds }
        } catch {
            #expect(foreign.expect == "fail", "\(error)")
            #expect(error.diagnostics.allSatisfy { $0.location.file == path })
        }
    }
}
