/// One release of a service into an environment, as the API gives it.
package struct DeployDocument: Codable, Hashable, Sendable {
    package var id: String
    package var service: String
    package var environment: String
    /// `running`, `succeeded` or `failed`.
    package var outcome: String
    @Null package var startedAt: String?
    /// When the outcome was reached.
    package var at: String
    package var revision: String
    package var url: String
    package var message: String

    package init(
        id: String,
        service: String,
        environment: String,
        outcome: String,
        startedAt: String?,
        at: String,
        revision: String,
        url: String,
        message: String
    ) {
        self.id = id
        self.service = service
        self.environment = environment
        self.outcome = outcome
        self.startedAt = startedAt
        self.at = at
        self.revision = revision
        self.url = url
        self.message = message
    }
}

/// `GET /v1/deploys`.
package struct DeployListDocument: Codable, Hashable, Sendable {
    package var deploys: [DeployDocument]

    package init(deploys: [DeployDocument]) { self.deploys = deploys }
}

/// The answer of `POST /v1/deploys`: `recorded`, `known` when it added nothing, or `ignored` when it tells of no release.
package struct DeployResultDocument: Codable, Hashable, Sendable {
    package var result: String

    package init(result: String) { self.result = result }
}
