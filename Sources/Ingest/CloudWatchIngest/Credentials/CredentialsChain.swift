package import HTTPClient
package import Timekeeping

/// Looks for credentials where AWS's own tools look, in their order: environment, a profile that takes a
/// role, web identity (IRSA), a profile's keys, the container endpoint (EKS Pod Identity, ECS), instance
/// metadata; then takes `roleARN` with what was found.
///
/// The first link that is set up decides: when it is broken the chain stops there and says so, it never falls
/// through to another identity.
package struct CredentialsChain: CredentialsProviding {
    private let environment: AWSEnvironment
    private let http: any HTTPSending
    private let service: SecurityTokenService
    private let roleARN: String?
    private let externalID: String?

    /// - Parameters:
    ///   - environment: Variables and files.
    ///   - http: The way to STS and the metadata endpoints.
    ///   - clock: Dates the signatures.
    ///   - region: Of the STS endpoint.
    ///   - roleARN: A role to take with whatever the chain finds; nil takes none.
    ///   - externalID: For `roleARN`.
    package init(
        environment: AWSEnvironment,
        http: any HTTPSending,
        clock: any WallClock,
        region: String,
        roleARN: String? = nil,
        externalID: String? = nil
    ) {
        self.environment = environment
        self.http = http
        self.roleARN = roleARN
        self.externalID = externalID
        service = SecurityTokenService(
            region: region,
            environment: environment,
            http: http,
            clock: clock
        )
    }

    package func credentials() async throws(CredentialsError) -> AWSCredentials {
        let base = try await found()
        guard let roleARN else { return base }
        return try await service.assumeRole(
            roleARN,
            sessionName: environment["AWS_ROLE_SESSION_NAME"] ?? WebIdentity.defaultSessionName,
            externalID: externalID,
            lifetime: nil,
            with: base
        )
    }

    private func found() async throws(CredentialsError) -> AWSCredentials {
        var missing: [String] = []
        func take(_ link: String, _ finding: CredentialsFinding) -> AWSCredentials? {
            switch finding {
            case .found(let credentials): return credentials
            case .absent(let reason):
                missing.append("\(link): \(reason)")
                return nil
            }
        }
        if let keys = take("environment", try EnvironmentKeys.load(environment)) { return keys }

        let container = ContainerEndpoint(environment: environment, http: http)
        let instance = InstanceMetadata(environment: environment, http: http)
        let profile = ProfileCredentials(
            profiles: try SharedProfiles(environment),
            environment: environment,
            service: service,
            container: container,
            instance: instance
        )
        if profile.takesRole, let keys = take("shared profile", try await profile.load()) {
            return keys
        }
        if let identity = try WebIdentity.configured(in: environment) {
            return try await identity.load(environment, service)
        }
        missing.append("web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        if !profile.takesRole, let keys = take("shared profile", try await profile.load()) {
            return keys
        }
        if let keys = take("container endpoint", try await container.load()) { return keys }
        if let keys = take("instance metadata", try await instance.load()) { return keys }
        throw CredentialsError(
            link: "none found",
            reason: missing.joined(separator: "; "),
            isTransient: false
        )
    }
}
