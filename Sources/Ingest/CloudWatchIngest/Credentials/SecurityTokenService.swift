package import HTTPClient
package import Timekeeping

/// AssumeRole and AssumeRoleWithWebIdentity of STS, over the query protocol at the regional endpoint.
package struct SecurityTokenService: Sendable {
    private let region: String
    private let endpoint: String
    private let http: any HTTPSending
    private let clock: any WallClock

    /// Longest time for one exchange.
    package static let timeout = Duration.seconds(5)
    /// Longest reply that is read.
    package static let replyBytesMax = 1 << 18

    /// - Parameters:
    ///   - region: Where the endpoint is; the global endpoint is never used.
    ///   - endpoint: An address instead of AWS's own, for tests; nil takes
    ///     `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` or AWS's.
    ///   - environment: Where these are looked up.
    ///   - http: The way out.
    ///   - clock: Dates the signatures.
    package init(
        region: String,
        endpoint: String? = nil,
        environment: AWSEnvironment,
        http: any HTTPSending,
        clock: any WallClock
    ) {
        self.region = region
        self.endpoint =
            endpoint ?? environment["AWS_ENDPOINT_URL_STS"] ?? environment["AWS_ENDPOINT_URL"]
            ?? "https://sts.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
        self.http = http
        self.clock = clock
    }

    /// Temporary keys of `roleARN`, asked for with the keys of `base`.
    package func assumeRole(
        _ roleARN: String,
        sessionName: String,
        externalID: String?,
        lifetime: Duration?,
        with base: AWSCredentials
    ) async throws(CredentialsError) -> AWSCredentials {
        var fields = [
            ("Action", "AssumeRole"), ("RoleArn", roleARN), ("RoleSessionName", sessionName),
        ]
        if let externalID { fields.append(("ExternalId", externalID)) }
        if let lifetime { fields.append(("DurationSeconds", "\(lifetime.milliseconds / 1000)")) }
        let request = form(fields)
        let signer = RequestSigner(region: region, service: "sts")
        guard let signed = signer.signed(request, with: base, at: clock.now()) else {
            throw CredentialsError(
                link: "role \(roleARN)",
                reason: "\"\(endpoint)\" is not an http or https address"
            )
        }
        return try await credentials(
            signed,
            operation: "AssumeRole",
            role: roleARN,
            source: "role \(roleARN) by \(base.source)"
        )
    }

    /// Temporary keys of `roleARN` for a token that an identity provider signed; the request is not signed.
    package func assumeRole(
        _ roleARN: String,
        sessionName: String,
        webIdentityToken: String
    ) async throws(CredentialsError) -> AWSCredentials {
        let request = form([
            ("Action", "AssumeRoleWithWebIdentity"), ("RoleArn", roleARN),
            ("RoleSessionName", sessionName), ("WebIdentityToken", webIdentityToken),
        ])
        return try await credentials(
            request,
            operation: "AssumeRoleWithWebIdentity",
            role: roleARN,
            source: "web identity \(roleARN)"
        )
    }

    private func form(_ fields: [(String, String)]) -> HTTPClientRequest {
        let body = (fields + [("Version", "2011-06-15")])
            .map { "\($0.0)=\(RequestSigner.percentEncoded($0.1))" }.joined(separator: "&")
        return HTTPClientRequest(
            method: "POST",
            url: endpoint + "/",
            headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: Array(body.utf8),
            timeout: Self.timeout,
            replyMax: Self.replyBytesMax
        )
    }

    private func credentials(
        _ request: HTTPClientRequest,
        operation: String,
        role: String,
        source: String
    ) async throws(CredentialsError) -> AWSCredentials {
        let link = "STS \(operation) of \(role)"
        let reply: HTTPClientReply
        do {
            reply = try await http.send(request)
        } catch {
            throw CredentialsError(
                link: link,
                reason: "\(error); STS must be reachable (network policy, VPC endpoint, proxy)",
                isTransient: true
            )
        }
        let document: XMLElement
        do {
            document = try XMLReader.read(reply.body)
        } catch {
            throw CredentialsError(
                link: link,
                reason: "status \(reply.status), \(error)",
                isTransient: reply.status >= 500
            )
        }
        guard reply.status == 200 else {
            let code = document.text(at: "Error", "Code") ?? "status \(reply.status)"
            let message = document.text(at: "Error", "Message") ?? "no message"
            throw CredentialsError(
                link: link,
                reason: "\(code): \(message)\(Self.remedy(code, operation, role))",
                isTransient: reply.status >= 500 || CloudWatchError.isThrottling(code)
            )
        }
        let result = document["\(operation)Result"]
        let keys = result?["Credentials"]
        guard let id = keys?.text(at: "AccessKeyId"), !id.isEmpty,
            let secret = keys?.text(at: "SecretAccessKey"), !secret.isEmpty,
            let token = keys?.text(at: "SessionToken"), !token.isEmpty,
            let expiration = keys?.text(at: "Expiration").flatMap({ Timestamp(rfc3339: $0) })
        else {
            throw CredentialsError(
                link: link,
                reason: "the reply has no complete Credentials element"
            )
        }
        return AWSCredentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: token,
            expiration: expiration,
            source: source,
            accountID: CloudWatchIngest.accountID(ofARN: role)
        )
    }

    private static func remedy(_ code: String, _ operation: String, _ role: String) -> String {
        switch code {
        case "AccessDenied" where operation == "AssumeRoleWithWebIdentity":
            "; the trust policy of \(role) must allow sts:AssumeRoleWithWebIdentity to this "
                + "cluster's OIDC provider, its `sub` condition naming this service account"
        case "AccessDenied":
            "; the trust policy of \(role) must allow the caller, and the caller's policy "
                + "sts:AssumeRole on it (and the external id must agree)"
        case "InvalidIdentityToken":
            "; register the cluster's OIDC issuer as an identity provider in IAM, audience "
                + "sts.amazonaws.com"
        case "ExpiredTokenException", "ExpiredToken":
            "; the token file is not being renewed, check the service account's projected volume"
        case "RegionDisabledException": "; activate STS for this region in the account settings"
        default: ""
        }
    }
}
