import Cryptography
import FoundationEssentials
package import HTTPServer
package import Ingest
package import Model
package import Timekeeping

/// What became of a report.
package enum DeployAnswer: Hashable, Sendable {
    /// It is on disk.
    case recorded
    /// It adds nothing to what is on disk.
    case known
    /// It tells of no release.
    case ignored
    /// Nothing of it is kept.
    ///
    /// | status | when |
    /// | --- | --- |
    /// | 400 | it is not a report |
    /// | 401 | its signature or token is missing or wrong |
    /// | 422 | one pair of service and environment too many |
    /// | 503 | the state file cannot be written just now; come again |
    case refused(status: Int, reason: String)
}

/// Takes reports of deploys: our own shape, which ArgoCD sends by template, and GitHub's webhooks.
package struct DeployIntake: Sendable {
    /// The source's name at the door.
    package static let source = "deploys"

    private let settings: DeploySettings
    private let store: any DeployStoring
    private let admission: any SampleAdmitting
    private let sources: SourceRegistry
    private let clock: any WallClock

    package init(
        settings: DeploySettings = DeploySettings(),
        store: any DeployStoring,
        admission: any SampleAdmitting,
        sources: SourceRegistry,
        clock: any WallClock
    ) {
        self.settings = settings
        self.store = store
        self.admission = admission
        self.sources = sources
        self.clock = clock
        sources.declare(Self.source, isOn: true)
    }

    /// Bytes of a report at most.
    package var bodyMax: Int { settings.bodyMax }

    /// Writes how all releases stand now into the rings; called again and again, so that the series stay fresh.
    package func tick() {
        do {
            let batch = DeploySeries.batch(try store.standings(), at: clock.now())
            guard batch.sampleCount > 0 else { return }
            // What the store cannot take now comes again with the next tick; the door counts it.
            _ = admission.admit(batch, from: Self.source)
        } catch {
            sources.failed(Self.source, advice: Self.advice(error))
        }
    }

    private static func advice(_ error: any Error) -> String {
        "deploys cannot be read from or written to the state file: \(error)"
    }

    /// Takes one report; blocks on the state file.
    package func take(_ request: HTTPRequest) -> DeployAnswer {
        do {
            let deploy: Deploy?
            if let event = request.header("x-github-event") {
                try checkSignature(request)
                deploy = try github(event, request)
            } else {
                try checkToken(request)
                let report: DeployReport = try Self.decode(request.body)
                deploy = try report.deploy(now: clock.now())
            }
            guard let deploy else { return .ignored }
            try checkTimes(deploy)
            return try keep(DeployText.checked(deploy))
        } catch let refusal as Refusal {
            return refuse(request, refusal.status, refusal.cause, refusal.reason)
        } catch {
            return refuse(request, 400, "malformed", "\(error)")
        }
    }

    private func checkTimes(_ deploy: Deploy) throws(DeployProblem) {
        let newest = max(deploy.at, deploy.startedAt ?? deploy.at)
        guard newest <= clock.now() + settings.aheadMax else {
            throw DeployProblem(
                "\(newest.rfc3339) is more than \(settings.aheadMax.prometheusText) ahead of this machine's "
                    + "clock; mend the time or the reporter's clock (sources.max_clock_skew)"
            )
        }
    }

    private func keep(_ deploy: Deploy) throws -> DeployAnswer {
        let isNew: Bool
        do {
            isNew = try store.record(
                deploy,
                kept: settings.kept,
                standingsMax: settings.standingsMax
            )
        } catch let limit as DeployLimit {
            throw Refusal(status: 422, cause: "too_many_services", reason: "\(limit)")
        } catch {
            sources.failed(Self.source, advice: Self.advice(error))
            throw Refusal(status: 503, cause: "state_unavailable", reason: Self.advice(error))
        }
        if isNew { tick() } else { sources.succeeded(Self.source) }
        return isNew ? .recorded : .known
    }

    // MARK: Who sends it

    private struct Refusal: Error {
        var status: Int
        var cause: String
        var reason: String
    }

    private func checkSignature(_ request: HTTPRequest) throws(Refusal) {
        guard let secret = settings.githubSecret else {
            throw Refusal(
                status: 401,
                cause: "unsigned",
                reason: "GitHub's webhooks are taken only when they are signed; put the webhook's "
                    + "secret into a file and name it in sources.deploys.github_secret_file"
            )
        }
        let expected = MessageAuthentication.hmacSHA256(key: secret, request.body)
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let given = request.header("x-hub-signature-256") ?? ""
        guard ConstantTime.areEqual(given, "sha256=" + expected) else {
            throw Refusal(
                status: 401,
                cause: "bad_signature",
                reason:
                    "X-Hub-Signature-256 is \(given.isEmpty ? "missing" : "not that of this body"); "
                    + "set the same secret in GitHub and in sources.deploys.github_secret_file"
            )
        }
    }

    private func checkToken(_ request: HTTPRequest) throws(Refusal) {
        guard let token = settings.token else { return }
        let given = request.header("authorization") ?? ""
        guard ConstantTime.areEqual(given, "Bearer " + token) else {
            throw Refusal(
                status: 401,
                cause: "bad_token",
                reason:
                    "Authorization is \(given.isEmpty ? "missing" : "wrong"); send \"Bearer\" and "
                    + "the token of sources.deploys.token_file"
            )
        }
    }

    // MARK: What it says

    /// The release of a GitHub event; nil for an event that tells of none.
    private func github(_ event: String, _ request: HTTPRequest) throws -> Deploy? {
        guard event == "deployment" || event == "deployment_status" else { return nil }
        var body = request.body
        if request.header("content-type")?.hasPrefix("application/x-www-form-urlencoded") == true {
            let payload = request.parameters?.first { $0.name == "payload" }?.value
            guard let payload else { throw DeployProblem("the form has no \"payload\"") }
            body = Array(payload.utf8)
        }
        let hook: GitHubDeployment = try Self.decode(body)
        return try hook.deploy()
    }

    private static func decode<Report: Decodable>(_ body: [UInt8]) throws -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy =
            Report.self == DeployReport.self
            ? .useDefaultKeys : .convertFromSnakeCase
        do {
            return try decoder.decode(Report.self, from: Data(body))
        } catch let problem as DeployProblem {
            throw problem
        } catch DecodingError.keyNotFound(let key, let context) {
            let path = (context.codingPath + [key]).map(\.stringValue).joined(separator: ".")
            throw DeployProblem("\"\(DeployText.shown(path))\" is missing")
        } catch DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context)
        {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw DeployProblem(
                path.isEmpty
                    ? "not a JSON object"
                    : "\"\(DeployText.shown(path))\" has not the type it should"
            )
        } catch {
            throw DeployProblem("not a JSON object")
        }
    }

    private func refuse(
        _ request: HTTPRequest,
        _ status: Int,
        _ cause: String,
        _ reason: String
    ) -> DeployAnswer {
        sources.refused(Self.source, cause: cause, "deploy from \(request.remote): \(reason)")
        return .refused(status: status, reason: reason)
    }
}
