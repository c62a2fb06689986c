package import HTTPServer
package import Timekeeping

/// The pages for a browser: `/` and `/ui/incidents/<id>`.
package struct PageRoutes: Sendable {
    /// Incidents the first page shows.
    static let incidentsShown = 20

    private let incidents: IncidentRoutes
    private let budgets: BudgetRoutes
    private let rules: RuleRoutes
    private let sources: SourceRoutes
    private let clock: any WallClock

    /// Pages over what the APIs answer.
    package init(
        incidents: IncidentRoutes,
        budgets: BudgetRoutes,
        rules: RuleRoutes,
        sources: SourceRoutes,
        clock: any WallClock
    ) {
        self.incidents = incidents
        self.budgets = budgets
        self.rules = rules
        self.sources = sources
        self.clock = clock
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/", .async(status)),
            HTTPRoute("GET", "/ui/incidents/{id}", .async(incident)),
        ]
    }

    @Sendable private func status(_ request: HTTPRequest) async -> HTTPResponse {
        do {
            let page = StatusPage(
                incidents: try await incidents.documents(
                    includesResolved: true,
                    limit: PageRoutes.incidentsShown
                ),
                slos: budgets.documents,
                alerts: rules.alertRows,
                sources: sources.documents,
                now: clock.now()
            )
            return PageRoutes.html(page.html)
        } catch {
            return DocumentReply.problem(500, "internal error", "\(error)")
        }
    }

    @Sendable private func incident(_ request: HTTPRequest) async -> HTTPResponse {
        let id = request.pathParameters["id"] ?? ""
        do {
            guard let document = try await incidents.document(id) else {
                return DocumentReply.problem(404, "not found", "there is no incident \(id)")
            }
            return PageRoutes.html(IncidentPage(incident: document).html)
        } catch {
            return DocumentReply.problem(500, "internal error", "\(error)")
        }
    }

    private static func html(_ text: String) -> HTTPResponse {
        var response = HTTPResponse(
            status: 200,
            contentType: "text/html; charset=utf-8",
            text
        )
        response.headers += [
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
        ]
        return response
    }
}
