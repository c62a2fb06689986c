import Model
import Synchronization
package import Telemetry
import Timekeeping

/// The engine's own metrics; rule metrics bear Prometheus's names.
package final class RuleEngineMetrics: Sendable {
    /// What one group has done since it was loaded first.
    struct GroupFigures {
        var rules = 0
        var interval = Duration.zero
        var iterations = 0
        var missed = 0
        var eagerIterations = 0
        var evaluations = 0
        var failures = 0
        var lastSamples = 0
        var lastDuration = Duration.zero
        var lastRuleDurationSum = Duration.zero
        var lastEvaluation: Timestamp?
        var pending = 0
        var firing = 0
        var blind = 0
    }

    let alertsRefused: Counter
    let samplesRefused: Counter
    let templateExpansions: Counter
    let templateFailures: Counter
    let saveFailures: Counter
    let handOnFailures: Counter
    let transitionsMerged: Counter
    let queueLength: Gauge
    let restoreSeconds: Gauge
    let evaluationDuration: Histogram
    let groupDuration: Histogram
    private let transitions: [String: Counter]
    private let groups = Mutex<[String: GroupFigures]>([:])

    private static let changes = ["fired", "level_changed", "resolved", "blind", "sighted"]

    /// Registers everything with `registry`.
    package init(_ registry: MetricsRegistry) {
        func counter(_ name: String, _ help: String) -> Counter {
            registry.counter(name, help: help)
        }
        alertsRefused = counter(
            "tocsin_rule_alerts_refused",
            "New alerts that a limit kept out."
        )
        samplesRefused = counter(
            "tocsin_rule_samples_refused",
            "Samples of recording rules and alert states that the store refused."
        )
        templateExpansions = counter(
            "prometheus_template_text_expansions",
            "Templates filled in."
        )
        templateFailures = counter(
            "prometheus_template_text_expansion_failures",
            "Templates that could not be filled in."
        )
        saveFailures = counter(
            "tocsin_alert_state_save_failures",
            "Writes of alert states that failed; they are tried again with the next one."
        )
        handOnFailures = counter(
            "tocsin_alert_transition_failures",
            "Batches of transitions that the receiver did not take; they are tried again."
        )
        transitionsMerged = counter(
            "tocsin_alert_transitions_merged",
            "Waiting transitions that were merged because the queue was full."
        )
        queueLength = registry.gauge(
            "tocsin_alert_transition_queue_length",
            help: "Transitions waiting for the receiver."
        )
        restoreSeconds = registry.gauge(
            "prometheus_rule_group_last_restore_duration_seconds",
            help: "How long it took to load alert states at start."
        )
        evaluationDuration = registry.histogram(
            "prometheus_rule_evaluation_duration_seconds",
            help: "The duration for a rule to execute."
        )
        groupDuration = registry.histogram(
            "prometheus_rule_group_duration_seconds",
            help: "The duration of rule group evaluations."
        )
        var transitions: [String: Counter] = [:]
        for change in RuleEngineMetrics.changes {
            transitions[change] = registry.counter(
                "tocsin_alert_transitions",
                help: "Changes of alerts, by kind.",
                labels: [("change", change)]
            )
        }
        self.transitions = transitions
        registry.collect { [weak self] in self?.families ?? [] }
    }

    func count(_ change: AlertTransition.Change) {
        let name =
            switch change {
            case .fired: "fired"
            case .levelChanged: "level_changed"
            case .resolved: "resolved"
            case .blind: "blind"
            case .sighted: "sighted"
            }
        transitions[name]?.add()
    }

    func update(_ group: String, _ change: (inout GroupFigures) -> Void) {
        groups.withLock { change(&$0[group, default: GroupFigures()]) }
    }

    /// Forgets groups that are no longer loaded.
    func keep(_ labels: Set<String>) {
        groups.withLock { groups in groups = groups.filter { labels.contains($0.key) } }
    }

    private var families: [MetricFamily] {
        let groups = groups.withLock { $0.sorted { $0.key < $1.key } }
        func family(
            _ name: String,
            _ help: String,
            _ kind: MetricKind,
            _ value: (GroupFigures) -> Double
        ) -> MetricFamily {
            MetricFamily(
                name,
                help: help,
                kind: kind,
                points: groups.map { MetricPoint([("rule_group", $0.key)], value($0.value)) }
            )
        }
        let states = [
            ("pending", groups.map(\.value.pending)), ("firing", groups.map(\.value.firing)),
            ("blind", groups.map(\.value.blind)),
        ]
        return [
            family("prometheus_rule_evaluations", "The total number of rule evaluations.", .counter)
            {
                Double($0.evaluations)
            },
            family(
                "prometheus_rule_evaluation_failures",
                "The total number of rule evaluation failures.",
                .counter
            ) { Double($0.failures) },
            family(
                "prometheus_rule_group_iterations",
                "The total number of scheduled rule group evaluations, whether executed or missed.",
                .counter
            ) { Double($0.iterations) },
            family(
                "prometheus_rule_group_iterations_missed",
                "The total number of rule group evaluations missed due to slow rule group evaluation.",
                .counter
            ) { Double($0.missed) },
            family(
                "tocsin_rule_group_eager_iterations",
                "Evaluations between slots because new samples touched the group.",
                .counter
            ) { Double($0.eagerIterations) },
            family(
                "prometheus_rule_group_interval_seconds",
                "The interval of a rule group.",
                .gauge
            ) {
                $0.interval.inSeconds
            },
            family("prometheus_rule_group_rules", "The number of rules.", .gauge) {
                Double($0.rules)
            },
            family(
                "prometheus_rule_group_last_duration_seconds",
                "The duration of the last rule group evaluation.",
                .gauge
            ) { $0.lastDuration.inSeconds },
            family(
                "prometheus_rule_group_last_rule_duration_sum_seconds",
                "The sum of the durations of the group's rules at the last evaluation.",
                .gauge
            ) { $0.lastRuleDurationSum.inSeconds },
            family(
                "prometheus_rule_group_last_evaluation_timestamp_seconds",
                "The timestamp of the last rule group evaluation in seconds.",
                .gauge
            ) { $0.lastEvaluation?.seconds ?? 0 },
            family(
                "prometheus_rule_group_last_evaluation_samples",
                "The number of samples returned during the last rule group evaluation.",
                .gauge
            ) { Double($0.lastSamples) },
            MetricFamily(
                "tocsin_alerts",
                help: "Alerts by state; blind ones fire too.",
                kind: .gauge,
                points: states.map { MetricPoint([("state", $0.0)], Double($0.1.reduce(0, +))) }
            ),
        ]
    }
}
