package import Telemetry
package import Timekeeping

/// Holds credentials and renews them in time: one renewal at once, the old keys kept until new ones work.
package actor CredentialsCache: CredentialsProviding {
    /// Time before expiry from which renewal is tried.
    package static let renewBefore = Duration.seconds(15 * 60)
    /// Least time between two renewals while the keys at hand still work.
    package static let renewPause = Duration.seconds(60)

    private let source: any CredentialsProviding
    private let clock: any WallClock
    private let log: Log
    private var held: AWSCredentials?
    private var nextRenewal = Timestamp.distantPast
    private var renewal: Task<Result<AWSCredentials, CredentialsError>, Never>?

    package init(_ source: any CredentialsProviding, clock: any WallClock, log: Log) {
        self.source = source
        self.clock = clock
        self.log = log
    }

    package func credentials() async throws(CredentialsError) -> AWSCredentials {
        if let held, !isExpired(held), clock.now() < nextRenewal { return held }
        switch await renewed() {
        case .success(let new): return new
        case .failure(let error):
            guard let held, !isExpired(held) else { throw error }
            return held
        }
    }

    /// The account for the `account_id` label: only what cannot change from one run to the next.
    func accountID(_ settings: CloudWatchSettings) async -> String? {
        if let account = settings.accountID { return account }
        if let role = settings.roleARN { return CloudWatchIngest.accountID(ofARN: role) }
        // An error comes back with the first request, and is reported there.
        return (try? await credentials())?.accountID
    }

    /// Forgets keys that AWS has rejected, unless others have come meanwhile.
    package func reject(_ credentials: AWSCredentials) {
        guard held?.accessKeyID == credentials.accessKeyID else { return }
        held = nil
        nextRenewal = .distantPast
    }

    /// Where the keys are from and how long they last; nil before the first are found.
    package var summary: String? { held?.summary(at: clock.now()) }

    private func isExpired(_ credentials: AWSCredentials) -> Bool {
        credentials.expiration.map { $0 <= clock.now() } ?? false
    }

    private func renewed() async -> Result<AWSCredentials, CredentialsError> {
        if let renewal { return await renewal.value }
        let source = source
        let task = Task { () async -> Result<AWSCredentials, CredentialsError> in
            do throws(CredentialsError) {
                return .success(try await source.credentials())
            } catch {
                return .failure(error)
            }
        }
        renewal = task
        let result = await task.value
        renewal = nil
        let now = clock.now()
        switch result {
        case .success(let new):
            held = new
            let due = new.expiration.map { $0 - Self.renewBefore } ?? .distantFuture
            nextRenewal = max(due, now + Self.renewPause)
            log.info("AWS credentials", ["source": new.summary(at: now)])
        case .failure(let error):
            nextRenewal = now + Self.renewPause
            if let held, !isExpired(held) {
                log.warn("renewing AWS credentials failed; the old ones still work: \(error)")
            }
        }
        return result
    }
}
