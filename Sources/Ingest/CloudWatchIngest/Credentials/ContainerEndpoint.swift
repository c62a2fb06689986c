package import HTTPClient

/// Credentials from the endpoint beside a container: EKS Pod Identity and ECS task roles.
///
/// Source: botocore's `ContainerMetadataFetcher` for the allowed hosts, "Container credential provider" for
/// the variables. The token file is read anew each time, since the kubelet rotates it.
package struct ContainerEndpoint: Sendable {
    /// Longest time for one exchange.
    package static let timeout = Duration.seconds(2)
    /// Longest reply that is read.
    package static let replyBytesMax = 1 << 16
    /// Hosts beside the loopback addresses that plain http is allowed to.
    package static let plainHosts: Set<String> = [
        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
    ]

    private static let link = "container endpoint"
    private let environment: AWSEnvironment
    private let http: any HTTPSending

    package init(environment: AWSEnvironment, http: any HTTPSending) {
        self.environment = environment
        self.http = http
    }

    /// Asks the endpoint that the environment names.
    package func load() async throws(CredentialsError) -> CredentialsFinding {
        guard let url = try address() else {
            return .absent(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are not set"
            )
        }
        var headers = [(name: "Accept", value: "application/json")]
        if let token = try token() { headers.append(("Authorization", token)) }
        let reply: HTTPClientReply
        do {
            reply = try await http.send(
                HTTPClientRequest(
                    url: url,
                    headers: headers,
                    timeout: Self.timeout,
                    replyMax: Self.replyBytesMax
                )
            )
        } catch {
            throw CredentialsError(
                link: Self.link,
                reason: "\(error); is the EKS Pod Identity Agent add-on running on this node?",
                isTransient: true
            )
        }
        guard reply.status == 200 else {
            let text = String(decoding: reply.body.prefix(200), as: UTF8.self)
            throw CredentialsError(
                link: Self.link,
                reason: "\(url) answered \(reply.status): \(text); check that a pod identity "
                    + "association (or task role) exists for this service account",
                isTransient: reply.status >= 500
            )
        }
        return .found(
            try MetadataCredentials.credentials(
                reply.body,
                link: Self.link,
                source: "container endpoint"
            )
        )
    }

    private func address() throws(CredentialsError) -> String? {
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            guard relative.hasPrefix("/") else {
                throw CredentialsError(
                    link: Self.link,
                    reason:
                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is \"\(relative)\"; it must begin with /"
                )
            }
            return "http://169.254.170.2" + relative
        }
        guard let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] else { return nil }
        guard let address = RequestAddress(full) else {
            throw CredentialsError(
                link: Self.link,
                reason:
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is \"\(full)\", not an http or https address"
            )
        }
        guard address.scheme == "https" || Self.isPlainAllowed(address.host) else {
            throw CredentialsError(
                link: Self.link,
                reason:
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI names \(address.host); plain http is allowed "
                    + "to loopback, \(Self.plainHosts.sorted().joined(separator: ", ")) only"
            )
        }
        return full
    }

    /// True for loopback addresses and the link-local ones that AWS documents.
    static func isPlainAllowed(_ hostAndPort: String) -> Bool {
        var host = Substring(hostAndPort)
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]"),
            host[host.index(after: colon)...].allSatisfy(\.isNumber)
        {
            host = host[..<colon]
        }
        if plainHosts.contains(String(host)) || host == "localhost" || host == "[::1]" {
            return true
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private func token() throws(CredentialsError) -> String? {
        let token: String
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            do {
                token = String(decoding: try environment.readFile(path), as: UTF8.self)
            } catch {
                throw CredentialsError(
                    link: Self.link,
                    reason: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE \(path): \(error)"
                )
            }
        } else if let text = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            token = text
        } else {
            return nil
        }
        guard !token.utf8.contains(10), !token.utf8.contains(13) else {
            throw CredentialsError(
                link: Self.link,
                reason: "the authorization token holds a line break; write the file without one"
            )
        }
        return token
    }
}
