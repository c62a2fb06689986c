package import Model
package import OnCall
package import Timekeeping

/// Something is wrong and somebody has to act: one or more alerts under one dedup key.
package struct Incident: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nobody has acknowledged it; the first ones were notified.
        case open
        /// Nobody has acknowledged it, and the escalation has gone past its first step.
        case escalated
        /// Somebody has taken it; nobody else is notified.
        case acknowledged
        case resolved
    }

    /// What the escalation does next.
    package struct Progress: Hashable, Sendable, Codable {
        /// The step that comes at `at`; nil: the escalation ends then without an answer.
        package var position: Escalation.Position?
        package var at: Timestamp
        /// What the step's message is, when it is the first of its round of messages.
        package var kind: Page.Kind

        package init(position: Escalation.Position?, at: Timestamp, kind: Page.Kind) {
            self.position = position
            self.at = at
            self.kind = kind
        }
    }

    package let id: IncidentID
    /// What alerts of this incident have in common; at most one incident that is not resolved has it.
    package var dedupKey: String
    /// As Alertmanager writes it: `{}/{team="x"}:{alertname="B"}`.
    package var groupKey: String
    package var groupLabels: LabelSet
    package var state: State
    /// The most urgent one since it opened; alerts that get better do not lower it.
    package var priority: Priority
    /// The worst level since it opened.
    package var peakLevel: AlertLevel
    /// In the order they came.
    package var alerts: [IncidentAlert]
    package var openedAt: Timestamp
    package var updatedAt: Timestamp
    package var acknowledgedAt: Timestamp?
    package var acknowledgedBy: String?
    package var resolvedAt: Timestamp?
    /// Nil when the alerts themselves were resolved.
    package var resolvedBy: String?
    /// Until then nobody is notified; then it is open again.
    package var snoozedUntil: Timestamp?
    /// When somebody must have acknowledged.
    package var respondBy: Timestamp
    /// True once `respondBy` passed without an acknowledgement.
    package var isOverdue: Bool
    /// How many times it came back after it was resolved.
    package var reopenings: Int
    /// All alerts are resolved, but they came and went so often that it stays open until then.
    package var quietUntil: Timestamp?
    /// The next step of the escalation; nil when none is due.
    package var progress: Progress?
    /// The escalation that its route names; nil: the priority's.
    package var routedEscalation: String?
    /// Receivers told besides the escalation.
    package var routeReceivers: [String]
    /// Every receiver that got a message, and so gets the end of the story too.
    package var told: [String]
    /// How many messages were made so far; numbers them.
    package var pageCount: Int
    /// How many timeline events were recorded.
    package var eventCount: Int

    /// The worst alert that fires, else the worst that did.
    package var leadingAlert: IncidentAlert? {
        let firing = alerts.filter(\.isFiring)
        return (firing.isEmpty ? alerts : firing).min { left, right in
            (left.priority, right.level, left.firedAt) < (right.priority, left.level, right.firedAt)
        }
    }

    /// What is wrong, in one line.
    package var summary: String {
        guard let leadingAlert else { return groupLabels.description }
        let others = alerts.count { $0.isFiring } - 1
        return others > 0 ? "\(leadingAlert.summary) (and \(others) more)" : leadingAlert.summary
    }

    /// Labels that all alerts have with the same values.
    package var commonLabels: LabelSet {
        guard let first = alerts.first else { return groupLabels }
        return LabelSet(
            sortedUnique: first.labels.labels.filter { label in
                alerts.allSatisfy { $0.labels[label.name] == label.value }
            }
        )
    }

    /// Annotations that all alerts have with the same values.
    package var commonAnnotations: [String: String] {
        guard let first = alerts.first else { return [:] }
        return first.annotations.filter { name, value in
            alerts.allSatisfy { $0.annotations[name] == value }
        }
    }

    /// Why an alert of it cannot be seen just now.
    package var blind: String? { alerts.lazy.filter(\.isFiring).compactMap(\.blind).first }

    /// The next moment at which it changes by itself; nil when it does not.
    package var deadline: Timestamp? {
        guard state != .resolved else { return nil }
        var moments = [snoozedUntil, quietUntil].compactMap { $0 }
        if isUnanswered {
            if !isOverdue { moments.append(respondBy) }
            if let progress { moments.append(progress.at) }
        }
        return moments.min()
    }

    /// Nobody has taken it.
    package var isUnanswered: Bool { state == .open || state == .escalated }
}
