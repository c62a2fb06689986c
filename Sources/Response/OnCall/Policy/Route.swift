package import Model

/// A branch of the routing: which alerts it takes, how they are grouped, who else is told.
package struct Route: Hashable, Sendable {
    /// Which alerts share one incident.
    package enum Grouping: Hashable, Sendable {
        /// Each alert has an incident of its own: no `group_by`, or `group_by: ['...']`.
        case byAlert
        /// Alerts with equal values of these labels; none: all alerts of the route.
        case byLabels([String])
    }

    /// All must match; empty for the root.
    package var matchers: [LabelMatcher]
    /// Told of every incident of this route besides the escalation; nil: nobody.
    package var receiver: String?
    package var grouping: Grouping
    /// Instead of the priority's; nil: the priority's.
    package var escalation: String?
    /// Goes on to the next routes after a match.
    package var continues: Bool
    package var routes: [Route]
    package var location: SourceLocation

    package init(
        matchers: [LabelMatcher] = [],
        receiver: String? = nil,
        grouping: Grouping = .byAlert,
        escalation: String? = nil,
        continues: Bool = false,
        routes: [Route] = [],
        location: SourceLocation
    ) {
        self.matchers = matchers
        self.receiver = receiver
        self.grouping = grouping
        self.escalation = escalation
        self.continues = continues
        self.routes = routes
        self.location = location
    }

    /// Where an alert goes.
    package struct Destination: Hashable, Sendable {
        /// Alerts with equal keys share one incident.
        package var dedupKey: String
        /// As Alertmanager writes it: `{}/{team="x"}:{alertname="B"}`.
        package var groupKey: String
        /// The labels that alerts of the incident have in common by grouping.
        package var groupLabels: LabelSet
        /// Receivers told besides the escalation, in order, each once.
        package var receivers: [String]
        /// Instead of the priority's escalation.
        package var escalation: String?

        package init(
            dedupKey: String,
            groupKey: String,
            groupLabels: LabelSet,
            receivers: [String],
            escalation: String?
        ) {
            self.dedupKey = dedupKey
            self.groupKey = groupKey
            self.groupLabels = groupLabels
            self.receivers = receivers
            self.escalation = escalation
        }
    }

    /// The routes an alert takes: the matching children up to the first that does not continue, or this one.
    private func matching(_ labels: LabelSet) -> [Route] {
        var found: [Route] = []
        for route in routes where route.matchers.allSatisfy({ $0.matches(labels) }) {
            found.append(route)
            if !route.continues { break }
        }
        return found.isEmpty ? [self] : found
    }

    /// Where an alert goes; the first matching route decides grouping and escalation.
    package func destination(of labels: LabelSet, fingerprint: String) -> Destination {
        let taken = matching(labels)
        let first = taken[0]
        var receivers: [String] = []
        for case let receiver? in taken.map(\.receiver) where !receivers.contains(receiver) {
            receivers.append(receiver)
        }
        var path = "{}"
        if !first.matchers.isEmpty {
            path += "/{\(first.matchers.map(\.description).joined(separator: ","))}"
        }
        let groupLabels: LabelSet
        let dedupKey: String
        switch first.grouping {
        case .byAlert:
            groupLabels = labels.withoutName
            dedupKey = fingerprint
        case .byLabels(let names):
            groupLabels = labels.keeping(Set(names))
            dedupKey = "\(path):\(groupLabels)"
        }
        return Destination(
            dedupKey: dedupKey,
            groupKey: "\(path):\(groupLabels)",
            groupLabels: groupLabels,
            receivers: receivers,
            escalation: first.escalation
        )
    }
}
