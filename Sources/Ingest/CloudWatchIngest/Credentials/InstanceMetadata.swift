package import HTTPClient

/// Credentials and region from the EC2 instance metadata service, version 2 only.
package struct InstanceMetadata: Sendable {
    /// Longest time for one exchange.
    package static let timeout = Duration.seconds(1)
    /// Longest reply that is read.
    package static let replyBytesMax = 1 << 16

    private static let link = "instance metadata"
    private let environment: AWSEnvironment
    private let http: any HTTPSending

    package init(environment: AWSEnvironment, http: any HTTPSending) {
        self.environment = environment
        self.http = http
    }

    /// Asks for the keys of the instance's role.
    package func load() async throws(CredentialsError) -> CredentialsFinding {
        guard let token = try await sessionToken() else { return .absent(unreachableText) }
        let list = "/latest/meta-data/iam/security-credentials/"
        let roles = try await get(list, token)
        guard roles.status != 404 else {
            return .absent("the instance has no IAM role; attach an instance profile")
        }
        let role = firstLine(roles.body)
        guard roles.status == 200, !role.isEmpty else {
            throw CredentialsError(
                link: Self.link,
                reason: "\(list) answered \(roles.status)",
                isTransient: true
            )
        }
        let keys = try await get(list + RequestSigner.percentEncoded(role), token)
        guard keys.status == 200 else {
            throw CredentialsError(
                link: Self.link,
                reason: "the keys of role \(role): status \(keys.status)",
                isTransient: true
            )
        }
        return .found(
            try MetadataCredentials.credentials(
                keys.body,
                link: Self.link,
                source: "instance role \(role)"
            )
        )
    }

    /// The region the instance is in; nil when there is no metadata service.
    package func region() async throws(CredentialsError) -> String? {
        guard let token = try await sessionToken() else { return nil }
        let reply = try await get("/latest/meta-data/placement/region", token)
        let region = firstLine(reply.body)
        return reply.status == 200 && !region.isEmpty ? region : nil
    }

    /// What is said when the service does not answer.
    private var unreachableText: String {
        environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true"
            ? "AWS_EC2_METADATA_DISABLED is true"
            : "\(base) does not answer; in a pod on EC2 the instance's metadata hop limit must be 2 "
                + "(aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2), or use IRSA "
                + "or EKS Pod Identity"
    }

    private var base: String {
        let given = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        return given.hasSuffix("/") ? String(given.dropLast()) : given
    }

    /// A session token; nil when the service is off or out of reach.
    private func sessionToken() async throws(CredentialsError) -> String? {
        guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
        let request = HTTPClientRequest(
            method: "PUT",
            url: base + "/latest/api/token",
            headers: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")],
            timeout: Self.timeout,
            replyMax: Self.replyBytesMax
        )
        let reply: HTTPClientReply
        do {
            reply = try await http.send(request)
        } catch .invalidURL(let url) {
            throw CredentialsError(
                link: Self.link,
                reason: "AWS_EC2_METADATA_SERVICE_ENDPOINT \"\(url)\" is not an http address"
            )
        } catch {
            return nil
        }
        let token = firstLine(reply.body)
        guard reply.status == 200, !token.isEmpty else {
            throw CredentialsError(
                link: Self.link,
                reason: "no session token: status \(reply.status)",
                isTransient: reply.status >= 500
            )
        }
        return token
    }

    private func get(
        _ path: String,
        _ token: String
    ) async throws(CredentialsError)
        -> HTTPClientReply
    {
        do {
            return try await http.send(
                HTTPClientRequest(
                    url: base + path,
                    headers: [("X-aws-ec2-metadata-token", token)],
                    timeout: Self.timeout,
                    replyMax: Self.replyBytesMax
                )
            )
        } catch {
            throw CredentialsError(link: Self.link, reason: "\(error)", isTransient: true)
        }
    }

    private func firstLine(_ body: [UInt8]) -> String {
        String(decoding: body.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }
}
