import Model
import YAML

/// Puts the documents of a load together, and holds what must be unique across all of them.
final class RuleSetAssembly {
    let problems: DiagnosticCollector
    private(set) var rules = RuleSet()
    private let rulesMax: Int
    private var ruleCount = 0
    /// Where each objective was defined first.
    private var slos: [String: SourceLocation] = [:]
    /// The first definition of each log metric.
    private var logMetrics: [String: LogMetricDefinition] = [:]
    /// Where each log rule was defined first.
    private var logRules: [String: SourceLocation] = [:]
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
            rules.logStreams += LogStreamReader.logStreams(of: reader)
            for definition in LogRuleReader.logRules(of: reader) { add(definition) }
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
            if let first = slos[slo.name] {
                problems.report(
                    slo.location,
                    "objective \"\(slo.name)\" is already defined at \(first); rename one of them"
                )
            } else {
                slos[slo.name] = slo.location
            }
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

    private func add(_ definition: LogRuleDefinition) {
        if let first = logRules[definition.name] {
            problems.report(
                definition.location,
                "log rule \"\(definition.name)\" is already defined at \(first); rename one of them"
            )
        } else {
            logRules[definition.name] = definition.location
        }
        let before = ruleCount
        ruleCount += 1
        if before <= rulesMax, ruleCount > rulesMax {
            problems.report(
                definition.location,
                "more than \(rulesMax) rules in all; load fewer files"
            )
        }
        rules.logRules.append(definition)
    }

    /// Several definitions may feed one metric, from other records or in another format, as long as its series
    /// stay alike.
    private func add(_ definition: LogMetricDefinition) {
        if let first = logMetrics[definition.name] {
            let (names, known) = (definition.labels.map(\.label), first.labels.map(\.label))
            if Set(names) != Set(known) || !definition.kind.isAlike(first.kind) {
                problems.report(
                    definition.location,
                    "log metric \"\(definition.name)\" is already defined at \(first.location) with "
                        + "other labels, type or buckets; make them the same, or rename one of them"
                )
            }
        } else {
            logMetrics[definition.name] = definition
        }
        rules.logMetrics.append(definition)
    }
}

extension LogMetricDefinition.Kind {
    /// True when the series of both have the same names and buckets.
    fileprivate func isAlike(_ other: LogMetricDefinition.Kind) -> Bool {
        switch (self, other) {
        case (.counter, .counter), (.gauge, .gauge): true
        case (.histogram(_, let bounds), .histogram(_, let others)): bounds == others
        case (.counter, _), (.gauge, _), (.histogram, _): false
        }
    }
}
