import APIModel
import FoundationEssentials
package import HTTPServer
package import Incidents
import Model
package import Paging
import Timekeeping

/// `/v1/incidents` and `/v1/deliveries`: what is wrong, what was sent, and what somebody does about it.
package struct IncidentRoutes: Sendable {
    /// Incidents, and messages, that one answer holds unless `limit` says otherwise.
    static let listUsual = 200
    /// What `limit` may be.
    static let listMax = 10_000

    private let dispatcher: Dispatcher
    private let pages: PagePipeline
    private let released: @Sendable (String) -> Void

    /// - Parameters:
    ///   - dispatcher: Holds the incidents.
    ///   - pages: Holds the messages.
    ///   - released: Told the fingerprints of alerts whose incident a person has closed.
    package init(
        dispatcher: Dispatcher,
        pages: PagePipeline,
        released: @escaping @Sendable (String) -> Void
    ) {
        self.dispatcher = dispatcher
        self.pages = pages
        self.released = released
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/v1/incidents", .async(list)),
            HTTPRoute("GET", "/v1/incidents/{id}", .async(one)),
            HTTPRoute("POST", "/v1/incidents/{id}/{action}", .async(act)),
            HTTPRoute("GET", "/v1/deliveries", .async(deliveries)),
        ]
    }

    /// The newest incidents without their timelines, for the status page.
    func documents(includesResolved: Bool, limit: Int) async throws -> [IncidentDocument] {
        let filter = IncidentFilter(includesResolved: includesResolved, limit: limit)
        return try await dispatcher.incidents(filter).map { IncidentDocument($0, timeline: []) }
    }

    /// One incident with its timeline; nil when there is none of that name.
    func document(_ id: String) async throws -> IncidentDocument? {
        try await dispatcher.incident(IncidentID(id)).map {
            IncidentDocument($0.incident, timeline: $0.timeline)
        }
    }

    @Sendable private func list(_ request: HTTPRequest) async -> HTTPResponse {
        guard let limit = IncidentRoutes.limit(request) else { return IncidentRoutes.badLimit }
        do {
            let documents = try await documents(
                includesResolved: request.parameter("all") == "true",
                limit: limit
            )
            return DocumentReply.json(IncidentListDocument(incidents: documents))
        } catch {
            return IncidentRoutes.failure(error)
        }
    }

    @Sendable private func one(_ request: HTTPRequest) async -> HTTPResponse {
        await describe(IncidentID(request.pathParameters["id"] ?? ""))
    }

    private func describe(_ id: IncidentID) async -> HTTPResponse {
        do {
            guard let found = try await document(id.text) else {
                return IncidentRoutes.failure(DispatchError.unknownIncident(id))
            }
            return DocumentReply.json(found)
        } catch {
            return IncidentRoutes.failure(error)
        }
    }

    @Sendable private func act(_ request: HTTPRequest) async -> HTTPResponse {
        let id = IncidentID(request.pathParameters["id"] ?? "")
        let action = request.pathParameters["action"] ?? ""
        let body: IncidentActionDocument
        do {
            body = try APIJSON.decode(IncidentActionDocument.self, from: Data(request.body))
        } catch {
            return DocumentReply.problem(
                400,
                "bad request",
                "the body must be a JSON object such as {\"by\": \"ann\"}"
            )
        }
        do {
            switch action {
            case "ack": try await dispatcher.acknowledge(id, by: body.by)
            case "resolve":
                let alerts = try await dispatcher.incident(id)?.incident.alerts ?? []
                try await dispatcher.resolve(id, by: body.by)
                for alert in alerts where alert.isFiring { released(alert.fingerprint) }
            case "snooze":
                try await dispatcher.snooze(id, for: .seconds(body.seconds ?? 0), by: body.by)
            case "note": try await dispatcher.note(id, body.text ?? "", by: body.by)
            default:
                return DocumentReply.problem(
                    404,
                    "not found",
                    "no action \"\(action)\"; there are ack, resolve, snooze, note"
                )
            }
        } catch {
            return IncidentRoutes.failure(error)
        }
        return await describe(id)
    }

    @Sendable private func deliveries(_ request: HTTPRequest) async -> HTTPResponse {
        guard let limit = IncidentRoutes.limit(request) else { return IncidentRoutes.badLimit }
        do {
            let filter = DeliveryFilter(
                incident: request.parameter("incident").map { IncidentID($0) },
                limit: limit
            )
            let found = try await pages.deliveries(filter)
            return DocumentReply.json(
                DeliveryListDocument(deliveries: found.map { DeliveryDocument($0) })
            )
        } catch {
            return IncidentRoutes.failure(error)
        }
    }

    /// How many a call wants; nil when what it says is no such number.
    private static func limit(_ request: HTTPRequest) -> Int? {
        guard let text = request.parameter("limit") else { return listUsual }
        return Int(text).flatMap { (1...listMax).contains($0) ? $0 : nil }
    }

    private static var badLimit: HTTPResponse {
        DocumentReply.problem(
            400,
            "bad request",
            "limit must be a whole number from 1 to \(listMax)"
        )
    }

    private static func failure(_ error: any Error) -> HTTPResponse {
        switch error as? DispatchError {
        case .unknownIncident: DocumentReply.problem(404, "not found", "\(error)")
        case .alreadyResolved: DocumentReply.problem(409, "conflict", "\(error)")
        case .snoozeOutOfRange, .textTooLong, .textEmpty:
            DocumentReply.problem(422, "not acceptable", "\(error)")
        case nil: DocumentReply.problem(500, "internal error", "\(error)")
        }
    }
}

extension IncidentDocument {
    init(_ incident: Incident, timeline: [TimelineEvent]) {
        let leading = incident.leadingAlert
        self.init(
            id: incident.id.text,
            state: incident.state.rawValue,
            priority: incident.priority.description,
            summary: incident.summary,
            labels: incident.commonLabels.dictionary,
            action: leading?.action,
            runbook: leading?.runbook,
            openedAt: incident.openedAt.rfc3339,
            acknowledgedAt: incident.acknowledgedAt?.rfc3339,
            acknowledgedBy: incident.acknowledgedBy,
            resolvedAt: incident.resolvedAt?.rfc3339,
            snoozedUntil: incident.snoozedUntil?.rfc3339,
            respondBy: incident.isUnanswered ? incident.respondBy.rfc3339 : nil,
            blind: incident.blind,
            timeline: timeline.map {
                Event(at: $0.at.rfc3339, kind: $0.kind.rawValue, text: $0.text, by: $0.by)
            },
            lines: IncidentDocument.lines(incident)
        )
    }
}

extension IncidentDocument {
    private static let linesMax = 20

    /// The last lines of the alerts that fire, or of all when none does; nil without any.
    private static func lines(_ incident: Incident) -> [Line]? {
        let firing = incident.alerts.filter(\.isFiring)
        let lines = (firing.isEmpty ? incident.alerts : firing).flatMap { $0.lines ?? [] }
            .sorted { $0.at < $1.at }.suffix(linesMax)
        guard !lines.isEmpty else { return nil }
        return lines.map { Line(at: $0.at.rfc3339, stream: $0.stream, text: $0.text) }
    }
}

extension DeliveryDocument {
    init(_ delivery: Delivery) {
        self.init(
            id: delivery.page.id,
            incident: delivery.page.incident.id.text,
            receiver: delivery.page.receiver,
            kind: delivery.page.kind.rawValue,
            state: delivery.state.rawValue,
            createdAt: delivery.page.createdAt.rfc3339,
            nextTryAt: delivery.nextTryAt?.rfc3339,
            reason: delivery.reason,
            tries: delivery.tries.map {
                Try(at: $0.at.rfc3339, status: $0.status, outcome: $0.outcome)
            }
        )
    }
}
