import APIModel
package import DeployIngest
package import HTTPServer
import Timekeeping

/// `/v1/deploys`: takes reports of deploys, and lists what was reported.
package struct DeployRoutes: Sendable {
    /// Releases listed at most, and when `limit` is absent.
    private static let limits = (max: 10_000, usual: 50)

    private let intake: DeployIntake
    private let store: any DeployStoring

    package init(intake: DeployIntake, store: any DeployStoring) {
        self.intake = intake
        self.store = store
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("POST", "/v1/deploys", bodyMax: intake.bodyMax, .blocking(take)),
            HTTPRoute("GET", "/v1/deploys", .blocking(list)),
        ]
    }

    @Sendable private func take(_ request: HTTPRequest) -> HTTPResponse {
        switch intake.take(request) {
        case .recorded: return DocumentReply.json(DeployResultDocument(result: "recorded"))
        case .known: return DocumentReply.json(DeployResultDocument(result: "known"))
        case .ignored: return DocumentReply.json(DeployResultDocument(result: "ignored"))
        case .refused(let status, let reason):
            var response = DocumentReply.problem(status, "the deploy was not taken", reason)
            if status == 503 { response.headers.append(("Retry-After", "5")) }
            return response
        }
    }

    @Sendable private func list(_ request: HTTPRequest) -> HTTPResponse {
        var limit = DeployRoutes.limits.usual
        if let text = request.parameter("limit") {
            guard let number = Int(text), (1...DeployRoutes.limits.max).contains(number) else {
                return DocumentReply.problem(
                    400,
                    "bad limit",
                    "\"limit\" is a number from 1 to \(DeployRoutes.limits.max)"
                )
            }
            limit = number
        }
        do {
            let deploys = try store.deploys(
                service: request.parameter("service"),
                environment: request.parameter("environment"),
                limit: limit
            )
            return DocumentReply.json(
                DeployListDocument(deploys: deploys.map(DeployRoutes.document))
            )
        } catch {
            return DocumentReply.problem(503, "deploys cannot be read", "\(error)")
        }
    }

    private static func document(_ deploy: Deploy) -> DeployDocument {
        DeployDocument(
            id: deploy.id,
            service: deploy.service,
            environment: deploy.environment,
            outcome: deploy.outcome.rawValue,
            startedAt: deploy.startedAt?.rfc3339,
            at: deploy.at.rfc3339,
            revision: deploy.revision,
            url: deploy.url,
            message: deploy.message
        )
    }
}
