package import Model

/// One series that a rule's expression gave, under the labels that identify its alert.
package struct RuleObservation: Hashable, Sendable {
    /// Identity labels: the series' labels without the metric name, the rule's labels, `alertname`.
    package var labels: LabelSet
    package var value: Double
    /// The past the value is compared with; nil for rules without `relative_to` and when the past has no data.
    package var reference: Double?

    package init(labels: LabelSet, value: Double, reference: Double? = nil) {
        self.labels = labels
        self.value = value
        self.reference = reference
    }
}

/// How it is to be read that a known alert's series is missing from the results.
package enum Absence: Hashable, Sendable {
    /// The sources are well: absence means what the rule says it means.
    case judged
    /// The service has just started and the sources had no full period yet: what was restored and not seen since
    /// is held, silently; other absences are judged, but `missing: breach` is not applied to what never was there.
    case awaited
    /// The sources cannot be seen (`late` or `error`, with the reason): the state is held, the alert is blind.
    case unseen(AlertCondition, String)
}

/// What one evaluation of a rule gave.
package enum RuleOutcome: Hashable, Sendable {
    case results([RuleObservation], absence: Absence = .judged)
    /// The query failed; the text says why.
    case failed(String)
}

/// One change of one alert, before the engine puts it into words.
package struct AlertChange: Hashable, Sendable {
    package var labels: LabelSet
    package var change: AlertTransition.Change
    /// The level the alert has after the change; on resolve the one it had.
    package var level: AlertLevel
    /// The value that was judged last; nil when there was none.
    package var value: Double?
    package var reference: Double?

    package init(
        labels: LabelSet,
        change: AlertTransition.Change,
        level: AlertLevel,
        value: Double?,
        reference: Double? = nil
    ) {
        self.labels = labels
        self.change = change
        self.level = level
        self.value = value
        self.reference = reference
    }
}

/// What one evaluation did to a rule's alerts.
package struct AlertStep: Hashable, Sendable {
    /// In label order; changes of one alert in the order they happened.
    package var changes: [AlertChange] = []
    /// New alerts that a limit kept out; those known before go on.
    package var refused = 0
    /// Why the results could not be used; the state was frozen then.
    package var error: String?

    package init() {}

    mutating func sortChanges() {
        guard changes.count > 1 else { return }
        changes = changes.enumerated().sorted { left, right in
            left.element.labels == right.element.labels
                ? left.offset < right.offset : left.element.labels < right.element.labels
        }.map(\.element)
    }

    /// Prometheus's words for two results under one identity.
    static let duplicateIdentity =
        "vector contains metrics with the same labelset after applying alert labels"
}
