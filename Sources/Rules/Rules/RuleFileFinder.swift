import FoundationEssentials
import Model
import YAML

/// Turns the paths of the settings into a list of files.
struct RuleFileFinder {
    struct Found: Hashable {
        var path: String
        /// True when the settings name the file itself, false when it was found in a folder.
        var isNamed: Bool
    }

    private(set) var files: [Found] = []
    private let limits: RuleLoadLimits
    private let problems: DiagnosticCollector
    /// Real paths, so that a file that is named twice, or reached by two links, is read once.
    private var seen: Set<String> = []
    private var isFull = false

    init(limits: RuleLoadLimits, problems: DiagnosticCollector) {
        self.limits = limits
        self.problems = problems
    }

    /// Adds a file, or every rule file below a folder.
    mutating func add(_ path: String) {
        guard let isFolder = isFolder(path) else {
            problems.report(
                SourceLocation(file: path, line: 1, column: 1),
                "there is no such file or folder; correct the path"
            )
            return
        }
        if isFolder {
            let before = files.count
            addFolder(path, depth: 1)
            if files.count == before, problems.isEmpty {
                problems.report(
                    SourceLocation(file: path, line: 1, column: 1),
                    "the folder holds no rule file (*.yaml, *.yml); correct the path or add one"
                )
            }
        } else {
            addFile(path, isNamed: true)
        }
    }

    /// What a path leads to, links followed; nil when there is nothing.
    private func isFolder(_ path: String) -> Bool? {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: real) else {
            return nil
        }
        let type = attributes[.type] as? FileAttributeType
        // A link that resolves to itself leads nowhere.
        return type == .typeSymbolicLink ? nil : type == .typeDirectory
    }

    private mutating func addFile(_ path: String, isNamed: Bool) {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard seen.insert(real).inserted, !isFull else { return }
        guard files.count < limits.filesMax else {
            isFull = true
            problems.report(
                SourceLocation(file: path, line: 1, column: 1),
                "more than \(limits.filesMax) rule files; name fewer folders"
            )
            return
        }
        files.append(Found(path: path, isNamed: isNamed))
    }

    private mutating func addFolder(_ path: String, depth: Int) {
        let place = SourceLocation(file: path, line: 1, column: 1)
        guard depth <= limits.folderDepthMax else {
            problems.report(
                place,
                "more than \(limits.folderDepthMax) folders within each other; flatten them"
            )
            return
        }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            problems.report(
                place,
                "cannot be listed; check its permissions"
            )
            return
        }
        for name in names where !name.hasPrefix(".") {
            let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            // A link without a target is passed over.
            guard let isFolder = isFolder(inner) else { continue }
            if isFolder {
                let real = URL(fileURLWithPath: inner).resolvingSymlinksInPath().path
                if seen.insert(real).inserted { addFolder(inner, depth: depth + 1) }
            } else if RuleLoader.extensions.contains(where: { name.hasSuffix("." + $0) }) {
                addFile(inner, isNamed: false)
            }
        }
    }
}
