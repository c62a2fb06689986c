/// A role taken with a token file: IAM roles for service accounts (IRSA) and profiles that say so.
package struct WebIdentity: Sendable {
    package var roleARN: String
    package var tokenFile: String
    package var sessionName: String

    package init(roleARN: String, tokenFile: String, sessionName: String) {
        self.roleARN = roleARN
        self.tokenFile = tokenFile
        self.sessionName = sessionName
    }

    /// What a session is called when nobody names it.
    package static let defaultSessionName = "tocsin"

    /// From `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`; nil when neither is set.
    package static func configured(
        in environment: AWSEnvironment
    ) throws(CredentialsError)
        -> WebIdentity?
    {
        let role = environment["AWS_ROLE_ARN"]
        let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"]
        guard let file else { return nil }
        guard let role else {
            throw CredentialsError(
                link: "web identity",
                reason:
                    "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not; annotate the service "
                    + "account with eks.amazonaws.com/role-arn and restart the pod"
            )
        }
        return WebIdentity(
            roleARN: role,
            tokenFile: file,
            sessionName: environment["AWS_ROLE_SESSION_NAME"] ?? defaultSessionName
        )
    }

    /// Reads the token file anew and asks STS.
    package func load(
        _ environment: AWSEnvironment,
        _ service: SecurityTokenService
    ) async throws(CredentialsError) -> AWSCredentials {
        let bytes: [UInt8]
        do {
            bytes = try environment.readFile(tokenFile)
        } catch {
            throw CredentialsError(
                link: "web identity",
                reason: "token file \(tokenFile): \(error); the pod's service "
                    + "account token must be mounted there and readable by its user"
            )
        }
        let token = String(decoding: bytes, as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).joined()
        guard !token.isEmpty else {
            throw CredentialsError(link: "web identity", reason: "token file \(tokenFile) is empty")
        }
        return try await service.assumeRole(
            roleARN,
            sessionName: sessionName,
            webIdentityToken: token
        )
    }
}
