/// An alert on log records by one of ElastAlert 2's kinds: one entry of `log_rules` in a rule file.
package struct LogRuleDefinition: Hashable, Sendable {
    package enum Direction: String, Hashable, Sendable, CaseIterable {
        case up, down, both
    }

    /// What is computed of a field's values.
    package enum Aggregation: Hashable, Sendable {
        case min, max, average, sum, valueCount, cardinality
        /// From 0 to 100.
        case percentile(Double)

        /// As ElastAlert names it.
        package var name: String {
            switch self {
            case .min: "min"
            case .max: "max"
            case .average: "avg"
            case .sum: "sum"
            case .valueCount: "value_count"
            case .cardinality: "cardinality"
            case .percentile: "percentiles"
            }
        }
    }

    /// When the current window differs from the one before.
    package struct Spike: Hashable, Sendable {
        /// The ratio.
        package var height: Double
        package var direction: Direction
        /// What the windows must hold at least.
        package var referenceMin: Double
        package var currentMin: Double
        /// A key that is new is judged at once when the rule has been at work for long enough.
        package var alertsOnNewKeys: Bool

        package init(
            height: Double,
            direction: Direction,
            referenceMin: Double = 0,
            currentMin: Double = 0,
            alertsOnNewKeys: Bool = false
        ) {
            self.height = height
            self.direction = direction
            self.referenceMin = referenceMin
            self.currentMin = currentMin
            self.alertsOnNewKeys = alertsOnNewKeys
        }
    }

    package enum Kind: Hashable, Sendable {
        /// Every record.
        case any
        /// So many records within the timeframe.
        case frequency(events: Int)
        /// Of the number of records, or of the mean of a field's whole numbers.
        case spike(Spike, field: String?)
        /// Fewer records than this within the timeframe.
        case flatline(threshold: Int, forgetsKeys: Bool)
        /// One of the fields differs from the record before; within the timeframe when there is one.
        case change(fields: [String], ignoresNull: Bool)
        case blacklist(field: String, values: [String])
        case whitelist(field: String, values: [String], ignoresNull: Bool)
        /// Values, or combinations of them, that were not seen before.
        case newTerm(
            fields: [[String]],
            window: Duration,
            learning: Duration,
            alertsOnMissing: Bool
        )
        /// More or fewer different values within the timeframe.
        case cardinality(field: String, max: Int?, min: Int?)
        case metricAggregation(field: String, Aggregation, max: Double?, min: Double?)
        case spikeAggregation(field: String, Aggregation, Spike)
        /// The share of records that satisfy `match`, in percent.
        case percentageMatch(match: LogFilter, max: Double?, min: Double?, denominatorMin: Int)

        /// As ElastAlert names it.
        package var name: String {
            switch self {
            case .any: "any"
            case .frequency: "frequency"
            case .spike: "spike"
            case .flatline: "flatline"
            case .change: "change"
            case .blacklist: "blacklist"
            case .whitelist: "whitelist"
            case .newTerm: "new_term"
            case .cardinality: "cardinality"
            case .metricAggregation: "metric_aggregation"
            case .spikeAggregation: "spike_aggregation"
            case .percentageMatch: "percentage_match"
            }
        }
    }

    /// The alert's name; no two rules have the same.
    package var name: String
    package var kind: Kind
    /// Which records are judged.
    package var filter: LogFilter
    /// Zero for kinds that have none.
    package var timeframe: Duration
    /// Fields whose values are judged apart from each other.
    package var keys: [String]
    /// How often windows are looked at; aggregates are computed over whole steps of it.
    package var every: Duration
    /// How late records may be: what depends on absence is judged so much behind the clock.
    package var lateness: Duration
    /// The alert ends when nothing has matched for so long.
    package var resolveAfter: Duration
    package var priority: Priority
    package var labels: [String: String]
    package var annotations: [String: String]
    package var action: String?
    package var runbook: String?
    package var location: SourceLocation

    package init(
        name: String,
        kind: Kind,
        filter: LogFilter = .all([]),
        timeframe: Duration = .zero,
        keys: [String] = [],
        every: Duration = .seconds(60),
        lateness: Duration = .seconds(30),
        resolveAfter: Duration = .seconds(300),
        priority: Priority = .p3,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        action: String? = nil,
        runbook: String? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.kind = kind
        self.filter = filter
        self.timeframe = timeframe
        self.keys = keys
        self.every = every
        self.lateness = lateness
        self.resolveAfter = resolveAfter
        self.priority = priority
        self.labels = labels
        self.annotations = annotations
        self.action = action
        self.runbook = runbook
        self.location = location
    }
}
