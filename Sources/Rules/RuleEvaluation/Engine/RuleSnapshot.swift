package import Model
package import Timekeeping

/// One pending or firing alert, for APIs and pages.
package struct AlertSnapshot: Hashable, Sendable {
    package enum State: String, Sendable {
        case pending, firing
    }

    package var fingerprint: String
    /// Identity labels.
    package var labels: LabelSet
    package var annotations: [String: String]
    package var state: State
    /// The level it fires at, or would; plain alerts by their severity.
    package var level: AlertLevel
    package var priority: Priority
    /// What the last evaluation knew.
    package var condition: AlertCondition
    package var activeAt: Timestamp?
    package var firedAt: Timestamp?
    package var keepFiringSince: Timestamp?
    /// The last value judged; nil when none is known.
    package var value: Double?
    package var reference: Double?
}

/// One rule as it stands, for APIs and pages.
package struct RuleSnapshot: Sendable {
    package enum Kind: String, Sendable {
        case recording, alerting, threshold
    }

    package enum Health: String, Sendable {
        case unknown, ok, err
    }

    package enum State: String, Sendable {
        /// Not evaluated yet.
        case unknown
        case inactive, pending, firing
    }

    package var kind: Kind
    package var name: String
    package var query: String
    /// The rule's `for`.
    package var hold: Duration
    package var keepFiringFor: Duration
    /// As in the file: templates.
    package var labels: [String: String]
    /// As in the file: templates.
    package var annotations: [String: String]
    /// `> 300ms` and the like, of thresholds.
    package var warn: String?
    package var crit: String?
    package var clear: String?
    package var unit: String?
    package var action: String?
    package var runbook: String?
    package var location: SourceLocation
    /// How much earlier than its slot it is judged.
    package var queryOffset: Duration
    package var health: Health
    package var lastError: String?
    package var state: State
    package var lastEvaluation: Timestamp?
    package var evaluationTime: Duration
    /// Series that the last evaluation gave.
    package var lastSampleCount: Int
    /// In label order.
    package var alerts: [AlertSnapshot]
}

/// One group as it stands, for APIs and pages.
package struct GroupSnapshot: Sendable {
    package var name: String
    package var file: String
    package var interval: Duration
    /// 0: none.
    package var limit: Int
    package var isEager: Bool
    /// The slot of the last evaluation.
    package var lastEvaluation: Timestamp?
    /// How long it took.
    package var evaluationTime: Duration
    /// In file order.
    package var rules: [RuleSnapshot]
}
