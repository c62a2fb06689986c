package import Model
package import Timekeeping

/// What a test group's rules told the incidents, with what its file expects to come of it.
///
/// Incidents and pages are not this target's: who runs them plays the turns and compares.
package struct ResponseRehearsal: Sendable {
    /// What the rules told at one evaluation.
    package struct Turn: Sendable {
        package var at: Timestamp
        package var transitions: [AlertTransition]
    }

    package var group: String
    package var expectations: ResponseExpectations
    package var startedAt: Timestamp
    /// The last moment that is looked at.
    package var endedAt: Timestamp
    /// In order of time; turns without a transition are left out.
    package var turns: [Turn]
}

/// What a test group says about incidents and messages: our own addition to promtool's format.
package struct ResponseExpectations: Sendable {
    /// What a person does.
    package enum Deed: Hashable, Sendable {
        case acknowledge
        case resolve
        case snooze(Duration)
    }

    /// A person acts on the incident of an alert.
    package struct Action: Sendable {
        package var time: Duration
        package var deed: Deed
        package var person: String
        /// The alert whose incident it is.
        package var alertName: String
        /// Labels that the alert must have besides.
        package var labels: [String: String]
        package var location: SourceLocation
    }

    /// The incidents there have been by a time.
    package struct IncidentTest: Sendable {
        package var time: Duration
        package var expected: [ExpectedIncident]
        package var location: SourceLocation
    }

    /// Nil and empty: whatever it is.
    package struct ExpectedIncident: Hashable, Sendable {
        /// `open`, `escalated`, `acknowledged` or `resolved`.
        package var state: String?
        package var priority: Priority?
        /// The worst level it has had.
        package var level: AlertLevel?
        /// Names of all alerts it has had.
        package var alerts: [String]?
        /// Labels that all its alerts have in common; it may have more.
        package var labels: [String: String]

        package init(
            state: String?,
            priority: Priority?,
            level: AlertLevel?,
            alerts: [String]?,
            labels: [String: String]
        ) {
            self.state = state
            self.priority = priority
            self.level = level
            self.alerts = alerts
            self.labels = labels
        }
    }

    /// The messages there have been by a time.
    package struct PageTest: Sendable {
        package var time: Duration
        /// In the order they were made.
        package var expected: [ExpectedPage]
        package var location: SourceLocation
    }

    /// Nil: whatever it is.
    package struct ExpectedPage: Hashable, Sendable {
        package var receiver: String?
        /// `opened`, `raised`, `escalated`, `reopened`, `reminded`, `digest`, `updated`, `acknowledged`, `resolved`.
        package var kind: String?
        package var priority: Priority?
        package var alertName: String?
        /// After the start.
        package var time: Duration?

        package init(
            receiver: String?,
            kind: String?,
            priority: Priority?,
            alertName: String?,
            time: Duration?
        ) {
            self.receiver = receiver
            self.kind = kind
            self.priority = priority
            self.alertName = alertName
            self.time = time
        }
    }

    /// The on-call file, relative to the test file.
    package var onCallFile: String?
    package var actions: [Action] = []
    package var incidentTests: [IncidentTest] = []
    package var pageTests: [PageTest] = []

    package var isEmpty: Bool { incidentTests.isEmpty && pageTests.isEmpty }

    /// The last moment that is looked at, after the start.
    package var end: Duration {
        (incidentTests.map(\.time) + pageTests.map(\.time)).max() ?? .zero
    }
}
