import Buffers
package import Model
import YAML

/// Reads rule files: a superset of Prometheus's, so that an unchanged Prometheus file loads.
package struct RuleLoader {
    /// The end of a rule file's name, for files found in folders.
    package static let extensions = ["yaml", "yml"]

    /// Reads files and folders; of folders every YAML file, at any depth, in order of path.
    ///
    /// In a folder, files that say by their top-level keys that they are on-call settings or rule tests are
    /// left out, and so are names that begin with a dot.
    ///
    /// - Parameters:
    ///   - paths: As the settings name them; locations bear them so.
    ///   - limits: What the load may cost.
    ///   - ignoresUnknownKeys: Passes over keys that nobody knows.
    /// - Returns: Groups in file order.
    /// - Throws: Every problem of every file.
    package static func load(
        paths: [String],
        limits: RuleLoadLimits = RuleLoadLimits(),
        ignoresUnknownKeys: Bool = false
    ) throws(DiagnosticList) -> RuleSet {
        let problems = DiagnosticCollector(ignoresUnknownKeys: ignoresUnknownKeys)
        var finder = RuleFileFinder(limits: limits, problems: problems)
        for path in paths { finder.add(path) }
        let assembly = RuleSetAssembly(problems: problems, rulesMax: limits.rulesMax)
        for file in finder.files {
            do {
                let bytes = try WholeFile.bytes(at: file.path)
                add(bytes, file: file, to: assembly, limits: limits)
            } catch {
                problems.report(
                    SourceLocation(file: file.path, line: 1, column: 1),
                    "cannot be read: \(error); check the path and its permissions"
                )
            }
        }
        try problems.finish()
        return assembly.rules
    }

    /// Reads the text of one rule file.
    ///
    /// - Parameters:
    ///   - text: YAML.
    ///   - file: The name that locations bear.
    ///   - limits: What the load may cost.
    /// - Returns: What the file says.
    /// - Throws: Every problem of the file.
    package static func load(
        text: String,
        file: String,
        limits: RuleLoadLimits = RuleLoadLimits()
    ) throws(DiagnosticList) -> RuleSet {
        let problems = DiagnosticCollector()
        let assembly = RuleSetAssembly(problems: problems, rulesMax: limits.rulesMax)
        add(
            Array(text.utf8),
            file: RuleFileFinder.Found(path: file, isNamed: true),
            to: assembly,
            limits: limits
        )
        try problems.finish()
        return assembly.rules
    }

    private static func add(
        _ bytes: [UInt8],
        file: RuleFileFinder.Found,
        to assembly: RuleSetAssembly,
        limits: RuleLoadLimits
    ) {
        do {
            let documents = try YAMLParser.parseDocuments(
                bytes,
                file: file.path,
                limits: limits.yaml
            )
            for document in documents {
                switch RuleFileKind(of: document) {
                case .rules: assembly.add(document, file: file.path)
                case .other(let what):
                    guard file.isNamed else { continue }
                    assembly.problems.report(
                        document.location,
                        "these are \(what), not rules; name a file with groups:, log_metrics:, log_streams: or log_rules:"
                    )
                }
            }
        } catch {
            assembly.problems.report(error.diagnostics)
        }
    }
}

/// What a YAML file in a rules folder is, by its top-level keys.
enum RuleFileKind {
    case rules
    /// In words.
    case other(String)

    private static let onCallKeys: Set = [
        "receivers", "people", "schedules", "escalation", "priorities", "routes", "route",
    ]

    init(of document: YAMLNode) {
        let keys = Set((document.entries ?? []).compactMap(\.key.text))
        if !keys.isDisjoint(with: ["groups", "log_metrics", "log_streams", "log_rules"]) {
            self = .rules
        } else if keys.contains("tests") {
            self = .other("rule tests")
        } else if !keys.isDisjoint(with: RuleFileKind.onCallKeys) {
            self = .other("on-call settings")
        } else {
            self = .rules
        }
    }
}
