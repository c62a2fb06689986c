/// Why there are no credentials: which link of the chain, what is wrong with it and how to mend it.
package struct CredentialsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The link in words: `web identity`, `profile "prod"`, `instance metadata`.
    package var link: String
    /// What is wrong and what to do; never a secret.
    package var reason: String
    /// True when trying again later may help without any change by a person.
    package var isTransient: Bool

    package init(link: String, reason: String, isTransient: Bool = false) {
        self.link = link
        self.reason = reason
        self.isTransient = isTransient
    }

    package var description: String { "AWS credentials: \(link): \(reason)" }
}

/// What one link of the chain has to say when nothing is broken.
package enum CredentialsFinding: Sendable {
    case found(AWSCredentials)
    /// The link is not set up here; the text says what it looked for.
    case absent(String)
}

/// Gives credentials that are valid at the time of asking.
package protocol CredentialsProviding: Sendable {
    func credentials() async throws(CredentialsError) -> AWSCredentials
}

/// Credentials that never change, for tests and for keys given in the settings.
package struct FixedCredentials: CredentialsProviding {
    private let fixed: AWSCredentials

    package init(_ credentials: AWSCredentials) {
        fixed = credentials
    }

    package func credentials() async throws(CredentialsError) -> AWSCredentials { fixed }
}
