import Model
import YAML

/// Puts the documents of a load together, and holds what must be unique across all of them.
final class RuleSetAssembly {
    let problems: DiagnosticCollector
    private(set) var rules = RuleSet()
    private let rulesMax: Int
    private var ruleCount = 0
    /// Where each objective and each log metric was defined first.
    private var slos: [String: SourceLocation] = [:]
    private var logMetrics: [String: SourceLocation] = [:]
    /// Where each group of the file at hand was defined first.
    private var groups: [String: SourceLocation] = [:]
    private var groupsFile = ""

    init(problems: DiagnosticCollector, rulesMax: Int) {
        self.problems = problems
        self.rulesMax = rulesMax
    }

    /// Adds what a document says; several documents of one file come one after the other.
    func add(_ document: YAMLNode, file: String) {
        if file != groupsFile {
            groups = [:]
            groupsFile = file
        }
        for group in RuleGroupReader.groups(of: root(of: document), file: file) { add(group) }
    }

    /// The mapping that holds the groups: the document, or `spec` of a PrometheusRule resource.
    private func root(of document: YAMLNode) -> MappingReader {
        let reader = MappingReader(document, "a rule file", problems)
        guard document["kind"]?.text == "PrometheusRule", let spec = document["spec"] else {
            for definition in LogMetricReader.logMetrics(of: reader) { add(definition) }
            return reader
        }
        for key in ["apiVersion", "kind", "metadata", "spec"] { _ = reader.node(key) }
        reader.finish()
        return MappingReader(spec, "the spec of a PrometheusRule", problems)
    }

    private func add(_ group: RuleGroup) {
        if let first = groups[group.name] {
            problems.report(
                group.location,
                "group \"\(group.name)\" is already defined at line \(first.line); rename one of them"
            )
        } else {
            groups[group.name] = group.location
        }
        for slo in group.slos {
            claim(slo.name, "objective", at: slo.location, in: &slos)
        }
        let before = ruleCount
        ruleCount += group.rules.count + group.thresholds.count + group.slos.count
        if before <= rulesMax, ruleCount > rulesMax {
            problems.report(
                group.location,
                "more than \(rulesMax) rules in all; load fewer files"
            )
        }
        rules.groups.append(group)
    }

    private func add(_ definition: LogMetricDefinition) {
        claim(definition.name, "log metric", at: definition.location, in: &logMetrics)
        rules.logMetrics.append(definition)
    }

    private func claim(
        _ name: String,
        _ what: String,
        at location: SourceLocation,
        in owners: inout [String: SourceLocation]
    ) {
        if let first = owners[name] {
            problems.report(
                location,
                "\(what) \"\(name)\" is already defined at \(first); rename one of them"
            )
        } else {
            owners[name] = location
        }
    }
}
