import Model
import PromQLSyntax
package import Rules
import Timekeeping

/// Finds what is legal in rules but seldom meant.
///
/// Every finding names its place, says why it is seldom meant and how to mend it. Nothing here knows the series there
/// are: what depends on them is asked of a server.
package struct RuleLinter {
    /// How often series that are not CloudWatch's have a sample.
    package var scrapeInterval: Duration
    /// How often groups are evaluated that do not say.
    package var evaluationInterval: Duration
    private var findings: [RuleLintFinding] = []
    /// Names of the series that the rules record.
    private var recorded: Set<String> = []

    package init(
        scrapeInterval: Duration = .seconds(15),
        evaluationInterval: Duration = .seconds(15)
    ) {
        self.scrapeInterval = scrapeInterval
        self.evaluationInterval = evaluationInterval
    }

    /// Looks through all rules.
    ///
    /// - Returns: Findings in the order of the files.
    package func findings(in rules: RuleSet) -> [RuleLintFinding] {
        var linter = self
        for case .recording(let rule) in rules.groups.flatMap(\.rules) {
            linter.recorded.insert(rule.record)
        }
        linter.checkDuplicates(rules)
        for group in rules.groups {
            for rule in group.rules {
                switch rule {
                case .recording(let rule): linter.check(rule.expr)
                case .alerting(let rule): linter.check(rule, in: group)
                }
            }
            for rule in group.thresholds { linter.check(rule, in: group) }
        }
        return linter.findings.enumerated().sorted { left, right in
            let (a, b) = (left.element.location, right.element.location)
            return (a.file, a.line, a.column, left.offset)
                < (b.file, b.line, b.column, right.offset)
        }.map(\.element)
    }

    // MARK: Rules

    private mutating func check(_ rule: AlertingRule, in group: RuleGroup) {
        guard let expression = check(rule.expr) else { return }
        check(
            labels: rule.labels,
            annotations: rule.annotations,
            of: rule.alert,
            LabelSpace.of(expression),
            rule.location
        )
        checkHold(rule.hold, of: rule.alert, in: group, rule.location)
    }

    private mutating func check(_ rule: ThresholdRule, in group: RuleGroup) {
        guard let expression = check(rule.expr) else { return }
        check(
            labels: rule.labels,
            annotations: rule.annotations,
            of: rule.alert,
            LabelSpace.of(expression),
            rule.location
        )
        checkHold(rule.hold, of: rule.alert, in: group, rule.location)
        if rule.relativeTo == nil {
            for (name, level) in [("warn", rule.warn), ("crit", rule.crit)] {
                if let level { check(level, name, of: rule, expression) }
            }
        }
        let interval = group.interval ?? evaluationInterval
        if let past = rule.relativeTo, past.window < interval * 2 {
            findings.append(
                RuleLintFinding(
                    .shortWindow,
                    rule.location,
                    "relative_to of \(rule.alert): a window of \(past.window.prometheusText) holds "
                        + "fewer than two evaluations (\(interval.prometheusText) apart); use at "
                        + "least \((interval * 4).prometheusText)"
                )
            )
        }
    }

    /// What a level compares with must be among the values that its expression can have.
    private mutating func check(
        _ level: ThresholdCondition,
        _ name: String,
        of rule: ThresholdRule,
        _ expression: Expression
    ) {
        guard let operation = BinaryOperation(rawValue: level.comparison.rawValue),
            let bounds = ValueBounds(expression), bounds.excludes(operation, level.value)
        else { return }
        findings.append(
            RuleLintFinding(
                .unreachableLevel,
                rule.location,
                "\(name) of \(rule.alert), \"\(level.text)\", is never reached: \(bounds.text); correct "
                    + "the quantity or unit:"
            )
        )
    }

    private mutating func checkHold(
        _ hold: Duration,
        of alert: String,
        in group: RuleGroup,
        _ location: SourceLocation
    ) {
        guard let interval = group.interval, interval.milliseconds > 0, hold > .zero,
            hold.milliseconds % interval.milliseconds != 0
        else { return }
        let turns = hold.milliseconds / interval.milliseconds + 1
        findings.append(
            RuleLintFinding(
                .unevenFor,
                location,
                "for: \(hold.prometheusText) of \(alert) is no multiple of the interval "
                    + "\(interval.prometheusText), so it lasts \((interval * Int(turns)).prometheusText); "
                    + "write that"
            )
        )
    }

    // MARK: Expressions

    /// Looks through an expression and gives it parsed.
    @discardableResult
    private mutating func check(_ expr: RuleExpression) -> Expression? {
        guard let expression = try? PromQLParser.parse(expr.text) else { return nil }
        var linter = ExpressionLinter(expr.location) { [scrapeInterval] name in
            CloudWatchNaming.isCloudWatch(name) ? CloudWatchNaming.period : scrapeInterval
        }
        linter.check(expression)
        findings += linter.findings
        checkSources(expression, expr.location)
        return expression
    }

    /// Series that rules record have no source of their own; by their names or by the rules they are known.
    private mutating func checkSources(_ expression: Expression, _ location: SourceLocation) {
        let names = expression.selectorNeeds.compactMap(\.metricName)
        guard let late = names.first(where: CloudWatchNaming.isCloudWatch),
            let other = names.first(where: {
                !CloudWatchNaming.isCloudWatch($0) && !recorded.contains($0) && !$0.contains(":")
            })
        else { return }
        findings.append(
            RuleLintFinding(
                .mixedSources,
                location,
                "\(late) comes minutes late and \(other) at once, so the rule is judged before "
                    + "CloudWatch's samples are settled; put them into two rules, or give the group a "
                    + "query_offset"
            )
        )
    }

    // MARK: Labels

    private mutating func check(
        labels: [String: String],
        annotations: [String: String],
        of alert: String,
        _ space: LabelSpace,
        _ location: SourceLocation
    ) {
        var missing: [String: String] = [:]
        for (name, text) in labels.sorted(by: { $0.key < $1.key }) {
            let references = TemplateReferences(text)
            if references.readsValue {
                findings.append(
                    RuleLintFinding(
                        .valueInLabel,
                        location,
                        "label \"\(name)\" of \(alert) holds $value, so every new value is another "
                            + "alert, which resolves the last one; put it into an annotation"
                    )
                )
            }
            for label in references.labels where !space.contains(label) { missing[label] = name }
        }
        for (name, text) in annotations.sorted(by: { $0.key < $1.key }) {
            for label in TemplateReferences(text).labels where !space.contains(label) {
                missing[label] = missing[label] ?? name
            }
        }
        for (label, place) in missing.sorted(by: { $0.key < $1.key }) {
            findings.append(
                RuleLintFinding(
                    .missingLabel,
                    location,
                    "\"\(place)\" of \(alert) reads label \"\(label)\", which the expression drops, so "
                        + "it is always empty; add it to by (...) or group_left (...), or remove it"
                )
            )
        }
    }

    // MARK: Duplicates

    private mutating func checkDuplicates(_ rules: RuleSet) {
        struct Key: Hashable {
            var name: String
            var labels: [String: String]
        }
        var first: [Key: SourceLocation] = [:]
        func place(
            _ name: String,
            _ labels: [String: String],
            _ location: SourceLocation
        )
            -> SourceLocation?
        {
            let key = Key(name: name, labels: labels)
            if let known = first[key] { return known }
            first[key] = location
            return nil
        }
        for group in rules.groups {
            var named: [(name: String, labels: [String: String], location: SourceLocation)] = []
            for rule in group.rules {
                switch rule {
                case .recording(let rule): named.append((rule.record, rule.labels, rule.location))
                case .alerting(let rule): named.append((rule.alert, rule.labels, rule.location))
                }
            }
            named += group.thresholds.map { ($0.alert, $0.labels, $0.location) }
            for (name, labels, location) in named {
                let all = group.labels.merging(labels) { _, own in own }
                guard let known = place(name, all, location) else { continue }
                findings.append(
                    RuleLintFinding(
                        .duplicateRules,
                        location,
                        "\(name) with these labels is already at \(known), so their series collide; "
                            + "rename one, or give it a label of its own"
                    )
                )
            }
        }
    }
}
