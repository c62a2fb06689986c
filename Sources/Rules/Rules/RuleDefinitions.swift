package import Model
package import Timekeeping

/// Everything the loaded rule files say.
package struct RuleSet: Sendable {
    package var groups: [RuleGroup]
    package var logMetrics: [LogMetricDefinition]
    /// In file order: of those that fit a record the first is used.
    package var logStreams: [LogStreamDefinition]
    package var logRules: [LogRuleDefinition]

    package init(
        groups: [RuleGroup] = [],
        logMetrics: [LogMetricDefinition] = [],
        logStreams: [LogStreamDefinition] = [],
        logRules: [LogRuleDefinition] = []
    ) {
        self.groups = groups
        self.logMetrics = logMetrics
        self.logStreams = logStreams
        self.logRules = logRules
    }

    package var slos: [SLODefinition] { groups.flatMap(\.slos) }
}

/// An expression as it stands in a file; the loader has checked that it parses.
package struct RuleExpression: Hashable, Sendable {
    package var text: String
    package var location: SourceLocation

    package init(text: String, location: SourceLocation) {
        self.text = text
        self.location = location
    }
}

/// A group of rules evaluated together.
package struct RuleGroup: Sendable {
    package var name: String
    package var file: String
    /// Nil: the daemon's default interval.
    package var interval: Duration?
    /// Nil: the daemon's default query offset.
    package var queryOffset: Duration?
    /// Alerts or series a rule may produce; 0 is no limit.
    package var limit: Int
    package var labels: [String: String]
    /// Evaluated also when an accepted batch touches its selectors.
    package var isEager: Bool
    package var rules: [Rule]
    package var thresholds: [ThresholdRule]
    package var slos: [SLODefinition]
    package var location: SourceLocation

    package init(
        name: String,
        file: String,
        interval: Duration? = nil,
        queryOffset: Duration? = nil,
        limit: Int = 0,
        labels: [String: String] = [:],
        isEager: Bool = false,
        rules: [Rule] = [],
        thresholds: [ThresholdRule] = [],
        slos: [SLODefinition] = [],
        location: SourceLocation
    ) {
        self.name = name
        self.file = file
        self.interval = interval
        self.queryOffset = queryOffset
        self.limit = limit
        self.labels = labels
        self.isEager = isEager
        self.rules = rules
        self.thresholds = thresholds
        self.slos = slos
        self.location = location
    }
}

/// A Prometheus rule.
package enum Rule: Sendable {
    case recording(RecordingRule)
    case alerting(AlertingRule)
}

package struct RecordingRule: Sendable {
    /// The metric name to record under.
    package var record: String
    package var expr: RuleExpression
    package var labels: [String: String]
    package var location: SourceLocation

    package init(
        record: String,
        expr: RuleExpression,
        labels: [String: String] = [:],
        location: SourceLocation
    ) {
        self.record = record
        self.expr = expr
        self.labels = labels
        self.location = location
    }
}

package struct AlertingRule: Sendable {
    package var alert: String
    package var expr: RuleExpression
    /// How long the condition must hold (`for`).
    package var hold: Duration
    package var keepFiringFor: Duration
    /// Templates.
    package var labels: [String: String]
    /// Templates.
    package var annotations: [String: String]
    package var location: SourceLocation

    package init(
        alert: String,
        expr: RuleExpression,
        hold: Duration = .zero,
        keepFiringFor: Duration = .zero,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        location: SourceLocation
    ) {
        self.alert = alert
        self.expr = expr
        self.hold = hold
        self.keepFiringFor = keepFiringFor
        self.labels = labels
        self.annotations = annotations
        self.location = location
    }
}

/// A comparison with a quantity, already in the unit of the rule's expression.
package struct ThresholdCondition: Hashable, Sendable {
    package enum Comparison: String, Hashable, Sendable, CaseIterable {
        case greaterOrEqual = ">="
        case lessOrEqual = "<="
        case equal = "=="
        case notEqual = "!="
        case greater = ">"
        case less = "<"
    }

    package var comparison: Comparison
    /// In the expression's unit; for a relative condition the change as a ratio (`+50%` is 0.5).
    package var value: Double
    /// As a person wrote it, `> 300ms`.
    package var text: String

    package init(comparison: Comparison, value: Double, text: String) {
        self.comparison = comparison
        self.value = value
        self.text = text
    }

    /// NaN never holds, except for `!=`.
    package func holds(_ measured: Double) -> Bool {
        switch comparison {
        case .greater: measured > value
        case .greaterOrEqual: measured >= value
        case .less: measured < value
        case .lessOrEqual: measured <= value
        case .equal: measured == value
        case .notEqual: measured != value
        }
    }
}

/// What a threshold does while its expression gives no value.
package enum MissingPolicy: String, Hashable, Sendable, CaseIterable {
    /// The state stays as it is.
    case hold
    case ok
    /// Counts as the worst level.
    case breach
}

/// One alert with two levels.
package struct ThresholdRule: Sendable {
    /// Compares with the mean of the expression over `window` that ended `offset` ago.
    package struct Reference: Hashable, Sendable {
        package var offset: Duration
        package var window: Duration

        package init(offset: Duration, window: Duration) {
            self.offset = offset
            self.window = window
        }
    }

    /// `datapoints: 3 of 5`: this many of the last evaluations must be over the threshold.
    package struct Datapoints: Hashable, Sendable {
        package var needed: Int
        package var of: Int

        package init(needed: Int, of: Int) {
            self.needed = needed
            self.of = of
        }
    }

    package var alert: String
    package var expr: RuleExpression
    /// The unit of `expr` as the file names it: `s`, `ms`, `ratio`, `percent`, `bytes`, `count`, `per_hour`.
    package var unit: String?
    /// At least one of warn and crit is there.
    package var warn: ThresholdCondition?
    package var crit: ThresholdCondition?
    package var relativeTo: Reference?
    /// How long the condition must hold (`for`).
    package var hold: Duration
    /// Firing ends only when this holds; nil: when no level holds.
    package var clear: ThresholdCondition?
    package var datapoints: Datapoints?
    package var missing: MissingPolicy
    package var warnPriority: Priority
    package var critPriority: Priority
    /// Templates.
    package var labels: [String: String]
    /// Templates.
    package var annotations: [String: String]
    package var action: String?
    package var runbook: String?
    package var location: SourceLocation

    package init(
        alert: String,
        expr: RuleExpression,
        unit: String? = nil,
        warn: ThresholdCondition? = nil,
        crit: ThresholdCondition? = nil,
        relativeTo: Reference? = nil,
        hold: Duration = .zero,
        clear: ThresholdCondition? = nil,
        datapoints: Datapoints? = nil,
        missing: MissingPolicy = .hold,
        warnPriority: Priority = .p3,
        critPriority: Priority = .p2,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        action: String? = nil,
        runbook: String? = nil,
        location: SourceLocation
    ) {
        self.alert = alert
        self.expr = expr
        self.unit = unit
        self.warn = warn
        self.crit = crit
        self.relativeTo = relativeTo
        self.hold = hold
        self.clear = clear
        self.datapoints = datapoints
        self.missing = missing
        self.warnPriority = warnPriority
        self.critPriority = critPriority
        self.labels = labels
        self.annotations = annotations
        self.action = action
        self.runbook = runbook
        self.location = location
    }
}

/// A service level objective.
package struct SLODefinition: Sendable {
    /// The span an objective is kept over.
    package enum Window: Hashable, Sendable {
        case rolling(Duration)
        case calendarMonth(TimeZoneRules)
    }

    /// How a series' samples are counted.
    package enum CountKind: String, Hashable, Sendable {
        /// Cumulative: the increase between two samples falls in the later one's minute.
        case counter
        /// Each sample counts its own period; a revised sample replaces its count.
        case delta
    }

    /// Selectors that are summed over their series, with the kind of their samples.
    package struct Count: Hashable, Sendable {
        /// One vector selector each.
        package var selectors: [RuleExpression]
        package var kind: CountKind

        package init(selectors: [RuleExpression], kind: CountKind) {
            self.selectors = selectors
            self.kind = kind
        }
    }

    package enum Indicator: Hashable, Sendable {
        case badOverTotal(bad: Count, total: Count)
        case goodOverTotal(good: Count, total: Count)
        /// `percentile_rank`: a gauge of the percentage of good events (CloudWatch `PR(:0.5)`) weighted by `total`.
        case percentageOfTotal(percentage: RuleExpression, total: Count)
    }

    package var name: String
    /// 0.999 for 99.9 %; strictly between 0 and 1.
    package var objective: Double
    package var window: Window
    package var indicator: Indicator
    package var labels: [String: String]
    package var description: String?
    package var runbook: String?
    package var location: SourceLocation

    package init(
        name: String,
        objective: Double,
        window: Window,
        indicator: Indicator,
        labels: [String: String] = [:],
        description: String? = nil,
        runbook: String? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.objective = objective
        self.window = window
        self.indicator = indicator
        self.labels = labels
        self.description = description
        self.runbook = runbook
        self.location = location
    }
}
