package import Rules

/// What a threshold rule and its group say, without its expression.
package struct ThresholdPolicy: Hashable, Sendable {
    /// In the unit of what is judged: the value, or its relative change.
    package var warn: ThresholdCondition?
    package var crit: ThresholdCondition?
    package var clear: ThresholdCondition?
    /// How long a condition holds before its level is reached: the rule's `for`.
    package var hold: Duration
    package var datapoints: ThresholdRule.Datapoints?
    package var missing: MissingPolicy
    /// Judges the change against the reference instead of the value.
    package var isRelative: Bool
    /// Pending and firing alerts the rule may have; more are refused.
    package var activeMax: Int
    /// Alerts the rule may remember, quiet ones (`missing: breach`, `datapoints`) included; more are refused.
    package var knownMax: Int
    /// A pending alert whose series has been gone for longer is forgotten, under `missing: hold`.
    package var unseenRetention: Duration

    package init(
        warn: ThresholdCondition? = nil,
        crit: ThresholdCondition? = nil,
        clear: ThresholdCondition? = nil,
        hold: Duration = .zero,
        datapoints: ThresholdRule.Datapoints? = nil,
        missing: MissingPolicy = .hold,
        isRelative: Bool = false,
        activeMax: Int = 10000,
        knownMax: Int = 10000,
        unseenRetention: Duration = .seconds(15 * 60)
    ) {
        self.warn = warn
        self.crit = crit
        self.clear = clear
        self.hold = hold
        self.datapoints = datapoints
        self.missing = missing
        self.isRelative = isRelative
        self.activeMax = activeMax
        self.knownMax = knownMax
        self.unseenRetention = unseenRetention
    }

    /// The policy of a rule with these limits.
    package init(
        _ rule: ThresholdRule,
        activeMax: Int = 10000,
        knownMax: Int = 10000,
        unseenRetention: Duration = .seconds(15 * 60)
    ) {
        self.init(
            warn: rule.warn,
            crit: rule.crit,
            clear: rule.clear,
            hold: rule.hold,
            datapoints: rule.datapoints,
            missing: rule.missing,
            isRelative: rule.relativeTo != nil,
            activeMax: activeMax,
            knownMax: knownMax,
            unseenRetention: unseenRetention
        )
    }

    /// What the conditions look at; nil when there is no data: a NaN, or no reference to compare with.
    package func judged(_ observation: RuleObservation) -> Double? {
        guard isRelative else { return observation.value.isNaN ? nil : observation.value }
        guard let reference = observation.reference else { return nil }
        let change = (observation.value - reference) / abs(reference)
        return change.isNaN ? nil : change
    }

    package func verdict(_ judged: Double) -> ThresholdVerdict {
        if crit?.holds(judged) ?? false { return .crit }
        return warn?.holds(judged) ?? false ? .warn : .clear
    }

    /// What missing data counts as under `missing: breach`.
    package var worst: ThresholdVerdict { crit == nil ? .warn : .crit }

    /// True when nothing stands against ending an alert at this value.
    package func clears(_ judged: Double) -> Bool { clear?.holds(judged) ?? true }
}
