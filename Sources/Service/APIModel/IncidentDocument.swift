/// An incident as the API gives it.
package struct IncidentDocument: Codable, Hashable, Sendable {
    package struct Event: Codable, Hashable, Sendable {
        package var at: String
        /// `opened`, `paged`, `acknowledged`, `escalated`, `note`, `resolved` and the like.
        package var kind: String
        package var text: String
        /// A person's name, or null for Tocsin itself.
        @Null package var by: String?

        package init(at: String, kind: String, text: String, by: String?) {
            self.at = at
            self.kind = kind
            self.text = text
            self.by = by
        }
    }

    /// A log line that made the incident's alert fire.
    package struct Line: Codable, Hashable, Sendable {
        package var at: String
        package var stream: String
        package var text: String

        package init(at: String, stream: String, text: String) {
            self.at = at
            self.stream = stream
            self.text = text
        }
    }

    package var id: String
    /// `open`, `acknowledged`, `escalated` or `resolved`.
    package var state: String
    /// `P1` to `P4`.
    package var priority: String
    /// What is wrong, with the value and the threshold.
    package var summary: String
    package var labels: [String: String]
    @Null package var action: String?
    @Null package var runbook: String?
    package var openedAt: String
    @Null package var acknowledgedAt: String?
    @Null package var acknowledgedBy: String?
    @Null package var resolvedAt: String?
    @Null package var snoozedUntil: String?
    /// When somebody must have answered; null when nobody must.
    @Null package var respondBy: String?
    /// Set while the alert cannot be seen: why.
    @Null package var blind: String?
    package var timeline: [Event]
    /// The last log lines that its alerts are about, oldest first; absent when they are about none.
    package var lines: [Line]?

    package init(
        id: String,
        state: String,
        priority: String,
        summary: String,
        labels: [String: String],
        action: String?,
        runbook: String?,
        openedAt: String,
        acknowledgedAt: String?,
        acknowledgedBy: String?,
        resolvedAt: String?,
        snoozedUntil: String?,
        respondBy: String?,
        blind: String?,
        timeline: [Event],
        lines: [Line]? = nil
    ) {
        self.id = id
        self.state = state
        self.priority = priority
        self.summary = summary
        self.labels = labels
        self.action = action
        self.runbook = runbook
        self.openedAt = openedAt
        self.acknowledgedAt = acknowledgedAt
        self.acknowledgedBy = acknowledgedBy
        self.resolvedAt = resolvedAt
        self.snoozedUntil = snoozedUntil
        self.respondBy = respondBy
        self.blind = blind
        self.timeline = timeline
        self.lines = lines
    }
}

/// `GET /v1/incidents`.
package struct IncidentListDocument: Codable, Hashable, Sendable {
    package var incidents: [IncidentDocument]

    package init(incidents: [IncidentDocument]) { self.incidents = incidents }
}

/// The body of `POST /v1/incidents/<id>/{ack,resolve,snooze,note}`.
package struct IncidentActionDocument: Codable, Hashable, Sendable {
    /// Who acts; shown in the timeline.
    package var by: String
    /// The note's text, or a reason.
    package var text: String?
    /// For snooze.
    package var seconds: Int?

    package init(by: String, text: String? = nil, seconds: Int? = nil) {
        self.by = by
        self.text = text
        self.seconds = seconds
    }
}
