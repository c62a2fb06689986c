import Model
import PromQL
import Rules
import Timekeeping

/// Parses everything that rules hold; collects every problem.
struct RuleCompiler {
    private let settings: RuleEngineSettings
    private let evaluator: any ExpressionEvaluating
    private var problems: [Diagnostic] = []
    private var places: [RuleKey: Int] = [:]
    /// Metrics that rules record and that read no series: they are as true now as they will be when others have settled.
    private let constantMetrics: Set<String>

    private init(
        _ rules: RuleSet,
        _ settings: RuleEngineSettings,
        _ evaluator: any ExpressionEvaluating
    ) {
        self.settings = settings
        self.evaluator = evaluator
        constantMetrics = RuleCompiler.constantMetrics(rules, evaluator)
    }

    static func compile(
        _ rules: RuleSet,
        settings: RuleEngineSettings,
        evaluator: any ExpressionEvaluating
    ) throws(DiagnosticList) -> [CompiledGroup] {
        var compiler = RuleCompiler(rules, settings, evaluator)
        let groups = rules.groups.map { compiler.group($0) }
        guard compiler.problems.isEmpty else { throw DiagnosticList(compiler.problems) }
        return groups.filter { !$0.rules.isEmpty }
    }

    private mutating func group(_ group: RuleGroup) -> CompiledGroup {
        var compiled: [CompiledRule] = []
        for rule in group.rules {
            switch rule {
            case .recording(let rule):
                compiled += make(
                    .recording(rule),
                    .recording,
                    rule.record,
                    rule.expr,
                    rule.labels,
                    [:],
                    group
                )
            case .alerting(let rule):
                compiled += make(
                    .alerting(rule),
                    .alert,
                    rule.alert,
                    rule.expr,
                    rule.labels,
                    rule.annotations,
                    group
                )
            }
        }
        for rule in group.thresholds {
            compiled += make(
                .threshold(rule),
                .threshold,
                rule.alert,
                rule.expr,
                rule.labels,
                rule.annotations,
                group
            )
        }
        let interval = group.interval ?? settings.interval
        if interval.milliseconds <= 0 {
            problems.append(
                Diagnostic(group.location, "interval must be at least 1ms, such as 15s")
            )
        }
        return CompiledGroup(
            name: group.name,
            file: group.file,
            interval: interval,
            limit: group.limit,
            isEager: group.isEager,
            rules: compiled
        )
    }

    private mutating func make(
        _ definition: CompiledRule.Definition,
        _ kind: RuleKey.Kind,
        _ name: String,
        _ expr: RuleExpression,
        _ ownLabels: [String: String],
        _ annotations: [String: String],
        _ group: RuleGroup
    ) -> [CompiledRule] {
        let labels = group.labels.merging(ownLabels) { _, own in own }
        var key = RuleKey(group: group.name, kind: kind, name: name, labels: labels, place: 0)
        let place = places[key, default: 0]
        places[key] = place + 1
        key.place = place
        guard let expression = prepare(expr.text, at: expr.location) else { return [] }
        var reference: (any EvaluableExpression)?
        if case .threshold(let rule) = definition, let past = rule.relativeTo {
            let text = RuleCompiler.reference(expr.text, past, group.interval ?? settings.interval)
            reference = prepare(text, at: expr.location)
        }
        let (offset, isSettled) = offset(expression.needs, group)
        // Recording rules' labels are no templates.
        let isTemplate = kind != .recording
        let labelTemplates = templates(labels, isTemplate, definition.location)
        let annotationTemplates = templates(annotations, isTemplate, definition.location)
        let names = expression.needs.map(\.metricName)
        return [
            CompiledRule(
                key: key,
                definition: definition,
                expression: expression,
                reference: reference,
                metricNames: names.contains(nil) ? nil : Set(names.compactMap(\.self)),
                offset: offset,
                isSettled: isSettled,
                labels: labelTemplates,
                constantLabels: labelTemplates.constants,
                annotations: annotationTemplates,
                constantAnnotations: annotationTemplates.constants
            )
        ]
    }

    private mutating func prepare(
        _ text: String,
        at location: SourceLocation
    ) -> (any EvaluableExpression)? {
        do {
            return try evaluator.prepare(text)
        } catch {
            problems.append(Diagnostic(location, error.description))
            return nil
        }
    }

    /// The mean of an expression over a window in the past, at about thirty points.
    static func reference(
        _ expression: String,
        _ past: ThresholdRule.Reference,
        _ interval: Duration
    ) -> String {
        let step = Duration.milliseconds(
            max(interval.milliseconds, past.window.milliseconds / 30, 1)
        )
        let offset =
            past.offset > .zero ? " offset \(past.offset.prometheusText)" : ""
        return "avg_over_time((\(expression))[\(past.window.prometheusText):\(step.prometheusText)]"
            + "\(offset))"
    }

    private static func constantMetrics(
        _ rules: RuleSet,
        _ evaluator: any ExpressionEvaluating
    ) -> Set<String> {
        var constant: Set<String> = []
        var varying: Set<String> = []
        for case .recording(let rule) in rules.groups.flatMap(\.rules) {
            // A text that is wrong is reported where the rule is made.
            guard let expression = try? evaluator.prepare(rule.expr.text) else { continue }
            if expression.needs.isEmpty {
                constant.insert(rule.record)
            } else {
                varying.insert(rule.record)
            }
        }
        return constant.subtracting(varying)
    }

    /// An offset that the group sets wins; else the settling time when every selector needs some.
    private func offset(_ needs: [SelectorNeed], _ group: RuleGroup) -> (Duration, Bool) {
        if let set = group.queryOffset { return (set, false) }
        let settling = needs.filter { need in
            !(need.metricName.map(constantMetrics.contains) ?? false)
        }
        .map { $0.metricName.map(settings.settle) ?? .zero }
        guard !settling.isEmpty, settling.allSatisfy({ $0 > .zero }) else {
            return (settings.queryOffset, false)
        }
        return (max(settings.queryOffset, settling.max() ?? .zero), true)
    }

    private mutating func templates(
        _ texts: [String: String],
        _ isTemplate: Bool,
        _ location: SourceLocation
    ) -> [NamedTemplate] {
        var result: [NamedTemplate] = []
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            do {
                let template =
                    isTemplate
                    ? try Template(text, limits: settings.template) : Template(constant: text)
                result.append(NamedTemplate(name: name, template: template))
            } catch {
                problems.append(
                    Diagnostic(location, "template of \"\(name)\": \(error.reason)")
                )
            }
        }
        return result
    }
}
