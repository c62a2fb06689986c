import Timekeeping

/// Credentials of a shared profile, roles and their source profiles followed.
struct ProfileCredentials: Sendable {
    let profiles: SharedProfiles
    let environment: AWSEnvironment
    let service: SecurityTokenService
    let container: ContainerEndpoint
    let instance: InstanceMetadata

    /// Longest chain of source profiles.
    static let chainMax = 5

    /// True when the selected profile takes a role, which comes before web identity in the order.
    var takesRole: Bool { profiles.profiles[profiles.selected]?["role_arn"] != nil }

    /// Credentials of the selected profile.
    func load() async throws(CredentialsError) -> CredentialsFinding {
        guard profiles.profiles[profiles.selected] != nil else {
            guard environment["AWS_PROFILE"] == nil else {
                throw CredentialsError(
                    link: "profile \"\(profiles.selected)\"",
                    reason:
                        "AWS_PROFILE names it, but neither \(profiles.paths.joined(separator: " nor ")) has it"
                )
            }
            return .absent(
                "no profile \"\(profiles.selected)\" in \(profiles.paths.joined(separator: " or "))"
            )
        }
        guard let found = try await resolve(profiles.selected, chain: []) else {
            return .absent("profile \"\(profiles.selected)\" holds no keys and no role")
        }
        return .found(found)
    }

    private func resolve(
        _ name: String,
        chain: [String]
    ) async throws(CredentialsError) -> AWSCredentials? {
        let link = "profile \"\(name)\""
        guard let settings = profiles.profiles[name] else {
            throw CredentialsError(
                link: "profile \"\(chain.last ?? name)\"",
                reason: "source_profile \"\(name)\" is in neither "
                    + profiles.paths.joined(separator: " nor ")
            )
        }
        guard chain.count < Self.chainMax, !chain.contains(name) else {
            throw CredentialsError(
                link: link,
                reason: "source profiles go in a circle or deeper than \(Self.chainMax): "
                    + (chain + [name]).joined(separator: " > ")
            )
        }
        if let role = settings["role_arn"] {
            return try await assume(role, settings, name: name, chain: chain)
        }
        if let id = settings["aws_access_key_id"] {
            guard let secret = settings["aws_secret_access_key"] else {
                throw CredentialsError(
                    link: link,
                    reason: "has aws_access_key_id but no aws_secret_access_key"
                )
            }
            return AWSCredentials(
                accessKeyID: id,
                secretAccessKey: secret,
                sessionToken: settings["aws_session_token"],
                source: link,
                accountID: settings["aws_account_id"]
            )
        }
        if settings["credential_process"] != nil {
            throw CredentialsError(
                link: link,
                reason: "credential_process is not supported, since it would run a program; "
                    + "run it outside and pass its keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        }
        if settings["sso_session"] != nil || settings["sso_start_url"] != nil {
            throw CredentialsError(
                link: link,
                reason: "SSO is not supported in a service; run "
                    + "`aws configure export-credentials --profile \(name) --format env` and pass these variables, "
                    + "or use a role"
            )
        }
        return nil
    }

    private func assume(
        _ role: String,
        _ settings: [String: String],
        name: String,
        chain: [String]
    ) async throws(CredentialsError) -> AWSCredentials {
        let link = "profile \"\(name)\""
        let session = settings["role_session_name"] ?? WebIdentity.defaultSessionName
        guard settings["mfa_serial"] == nil else {
            throw CredentialsError(
                link: link,
                reason:
                    "mfa_serial asks a person for a code, which a service cannot; use a role without MFA"
            )
        }
        if let file = settings["web_identity_token_file"] {
            return try await WebIdentity(roleARN: role, tokenFile: file, sessionName: session)
                .load(environment, service)
        }
        let base: AWSCredentials
        switch (settings["source_profile"], settings["credential_source"]) {
        case (.some, .some):
            throw CredentialsError(
                link: link,
                reason: "has both source_profile and credential_source; keep one"
            )
        case (let source?, nil):
            if source == name {
                var own = settings
                own["role_arn"] = nil
                base = try staticKeys(own, link: link)
            } else if let found = try await resolve(source, chain: chain + [name]) {
                base = found
            } else {
                throw CredentialsError(
                    link: link,
                    reason: "source_profile \"\(source)\" holds no keys and no role"
                )
            }
        case (nil, let source?):
            base = try await keys(from: source, link: link)
        case (nil, nil):
            throw CredentialsError(
                link: link,
                reason: "has role_arn but neither source_profile nor credential_source"
            )
        }
        return try await service.assumeRole(
            role,
            sessionName: session,
            externalID: settings["external_id"],
            lifetime: settings["duration_seconds"].flatMap { Int64($0) }.map { .seconds($0) },
            with: base
        )
    }

    private func staticKeys(
        _ settings: [String: String],
        link: String
    ) throws(CredentialsError)
        -> AWSCredentials
    {
        guard let id = settings["aws_access_key_id"], let secret = settings["aws_secret_access_key"]
        else {
            throw CredentialsError(
                link: link,
                reason: "is its own source_profile but holds no keys"
            )
        }
        return AWSCredentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: settings["aws_session_token"],
            source: link
        )
    }

    private func keys(
        from source: String,
        link: String
    ) async throws(CredentialsError)
        -> AWSCredentials
    {
        let finding: CredentialsFinding
        switch source.lowercased() {
        case "environment": finding = try EnvironmentKeys.load(environment)
        case "ec2instancemetadata": finding = try await instance.load()
        case "ecscontainer": finding = try await container.load()
        default:
            throw CredentialsError(
                link: link,
                reason: "unknown credential_source \"\(source)\"; use Environment, "
                    + "Ec2InstanceMetadata or EcsContainer"
            )
        }
        switch finding {
        case .found(let credentials): return credentials
        case .absent(let reason):
            throw CredentialsError(link: link, reason: "credential_source \(source): \(reason)")
        }
    }
}

/// Keys given as environment variables.
enum EnvironmentKeys {
    static func load(_ environment: AWSEnvironment) throws(CredentialsError) -> CredentialsFinding {
        guard let id = environment["AWS_ACCESS_KEY_ID"] else {
            return .absent("AWS_ACCESS_KEY_ID is not set")
        }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"] else {
            throw CredentialsError(
                link: "environment",
                reason: "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"
            )
        }
        return .found(
            AWSCredentials(
                accessKeyID: id,
                secretAccessKey: secret,
                sessionToken: environment["AWS_SESSION_TOKEN"],
                expiration: environment["AWS_CREDENTIAL_EXPIRATION"]
                    .flatMap { Timestamp(rfc3339: $0) },
                source: "environment",
                accountID: environment["AWS_ACCOUNT_ID"]
            )
        )
    }
}
