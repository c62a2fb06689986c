import Timekeeping

/// GitHub's `deployment` and `deployment_status` webhooks, as far as they matter here.
///
/// - Source: docs.github.com, webhook events and payloads; states are those of the deployment statuses API.
struct GitHubDeployment: Decodable {
    struct Deployment: Decodable {
        var id: Int64
        var sha: String
        var environment: String
        var createdAt: String
    }

    struct Status: Decodable {
        var state: String
        var updatedAt: String
        var description: String?
        var logUrl: String?
        var targetUrl: String?
    }

    struct Repository: Decodable {
        var name: String
    }

    var deployment: Deployment
    /// Nil in a `deployment` event, which says that one begins.
    var deploymentStatus: Status?
    var repository: Repository

    /// The release; nil for a state that says nothing of one, such as `inactive`.
    func deploy() throws(DeployProblem) -> Deploy? {
        let started = try GitHubDeployment.time(deployment.createdAt)
        let state = deploymentStatus?.state ?? "queued"
        guard let outcome = Deploy.Outcome(word: state) else { return nil }
        var deploy = Deploy(
            id: "github-\(deployment.id)",
            service: repository.name,
            environment: deployment.environment,
            outcome: outcome,
            at: try deploymentStatus.map { status throws(DeployProblem) in
                try GitHubDeployment.time(status.updatedAt)
            } ?? started,
            startedAt: started
        )
        deploy.revision = deployment.sha
        if let status = deploymentStatus {
            deploy.url =
                [status.logUrl, status.targetUrl].compactMap(\.self)
                .first { !$0.isEmpty } ?? ""
            if outcome == .failed { deploy.message = status.description ?? "" }
        }
        return deploy
    }

    private static func time(_ text: String) throws(DeployProblem) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) else {
            throw DeployProblem("\"\(DeployText.shown(text))\" is not a time as GitHub writes it")
        }
        return time
    }
}
