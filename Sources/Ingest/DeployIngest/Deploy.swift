package import Timekeeping

/// One release of a service into an environment, as far as it was reported.
package struct Deploy: Hashable, Sendable {
    /// How far it has come.
    package enum Outcome: String, Hashable, Sendable, CaseIterable {
        case running, succeeded, failed

        /// The words of ArgoCD's phases and of GitHub's deployment states; nil for one that says nothing of a release.
        package init?(word: String) {
            switch word.lowercased() {
            case "running", "started", "pending", "queued", "in_progress", "terminating":
                self = .running
            case "succeeded", "success": self = .succeeded
            case "failed", "failure", "error": self = .failed
            default: return nil
            }
        }
    }

    /// What it is told apart by, together with `service` and `environment`.
    package var id: String
    package var service: String
    package var environment: String
    package var outcome: Outcome
    /// When that outcome was reached, by the reporter's clock.
    package var at: Timestamp
    package var startedAt: Timestamp?
    /// A commit, tag or image; empty when it was not told.
    package var revision = ""
    /// Where to read more; empty or an address that begins with `http://` or `https://`.
    package var url = ""
    /// What went wrong; empty when it was not told.
    package var message = ""

    package init(
        id: String,
        service: String,
        environment: String,
        outcome: Outcome,
        at: Timestamp,
        startedAt: Timestamp? = nil
    ) {
        self.id = id
        self.service = service
        self.environment = environment
        self.outcome = outcome
        self.at = at
        self.startedAt = startedAt
    }

    /// What is known after a further report of the same release; nil when that adds nothing.
    ///
    /// Reports may come twice and out of order: a finished release does not run again, and of two different
    /// outcomes the later one counts.
    package func followed(by report: Deploy) -> Deploy? {
        let isFinished = outcome != .running
        if report.outcome == .running, isFinished { return nil }
        if isFinished, report.outcome != outcome, report.at <= at { return nil }
        var merged = self
        if report.outcome != outcome {
            merged.outcome = report.outcome
            merged.at = report.at
        }
        merged.startedAt = [startedAt, report.startedAt].compactMap(\.self).min()
        if !report.revision.isEmpty { merged.revision = report.revision }
        if !report.url.isEmpty { merged.url = report.url }
        if !report.message.isEmpty { merged.message = report.message }
        return merged == self ? nil : merged
    }
}

/// How the releases of one service into one environment stand.
package struct DeployStanding: Hashable, Sendable {
    package var service: String
    package var environment: String
    /// Releases that ended since the first report, by outcome; one whose outcome changed counts in both.
    package var succeeded = 0
    package var failed = 0
    /// Failed ones after the last that succeeded.
    package var consecutiveFailures = 0
    /// When the last one ended; nil while none has.
    package var lastFinishedAt: Timestamp?
    /// Since when the oldest running one runs, of those that began after the last end; nil while none runs.
    package var runningSince: Timestamp?

    package init(service: String, environment: String) {
        self.service = service
        self.environment = environment
    }
}

/// Where releases are kept over restarts.
package protocol DeployStoring: Sendable {
    /// Keeps a report, on disk when this returns.
    ///
    /// - Parameters:
    ///   - report: What was reported.
    ///   - kept: So many releases stay, the newest.
    ///   - standingsMax: Pairs of service and environment.
    /// - Returns: False when it adds nothing to what is known.
    /// - Throws: `DeployLimit` for one pair too many, or why the state file cannot be written.
    func record(_ report: Deploy, kept: Int, standingsMax: Int) throws -> Bool

    /// The newest releases, newest first, of one service or environment or of all.
    func deploys(service: String?, environment: String?, limit: Int) throws -> [Deploy]

    /// How each pair of service and environment stands, sorted.
    func standings() throws -> [DeployStanding]
}

/// One pair of service and environment too many.
package struct DeployLimit: Error, Hashable, CustomStringConvertible {
    package var standingsMax: Int

    package init(standingsMax: Int) { self.standingsMax = standingsMax }

    package var description: String {
        "\(standingsMax) pairs of service and environment are known already; report fewer names "
            + "(not one for each pull request), or raise sources.deploys.max_services"
    }
}
